"""What is published about load.json is what is written, to the last key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.corral.ollama.tests.contract import house
from ansible_collections.corral.ollama.tests.contract.test_schemas import closed
from ansible_collections.corral.ollama.tests.unit import loaded
from jsonschema import Draft202012Validator

PUBLISHED = json.loads(house.text(house.ROOT / "docs/schemas/load.schema.json"))
REPORTS = loaded.reports()
STRICT = Draft202012Validator(closed(PUBLISHED))


def errors(report: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in STRICT.iter_errors(report)]


def test_it_is_a_schema():
    Draft202012Validator.check_schema(PUBLISHED)


@pytest.mark.parametrize("about", REPORTS)
def test_reports_are_as_published(about: str):
    assert errors(json.loads(json.dumps(REPORTS[about]))) == []


def test_every_published_key_is_in_some_report():
    named = {key for part in (PUBLISHED, *PUBLISHED["$defs"].values()) for key in part.get("properties", {})}
    assert sorted(name for name in named if f'"{name}":' not in json.dumps(REPORTS)) == []


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a key more": lambda report: report.update(colour="green"),
    "a key more in a host": lambda report: report["hosts"][0].update(colour="green"),
    "a key less": lambda report: report["summary"].pop("masked"),
    "a ratio in percent": lambda report: report["hosts"][0].update(error_ratio=60.0),
    "a class of no name": lambda report: report["hosts"][0]["comparison"][0].update({"class": "418"}),
    "a time in words": lambda report: report["hosts"][0]["latency"].update(p50="fast"),
}


@pytest.mark.parametrize("about", BREAKS)
def test_what_is_not_as_published_is_seen(about: str):
    report = copy.deepcopy(REPORTS["failing"])
    BREAKS[about](report)
    assert len(errors(report)) == 1
