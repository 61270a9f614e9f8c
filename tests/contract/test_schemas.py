"""What is published about a file that programs read is what is written, to the last key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_changes import fleet_changes
from ansible_collections.corral.ollama.tests.contract import house
from ansible_collections.corral.ollama.tests.unit import paged
from jsonschema import Draft202012Validator

PUBLISHED = json.loads(house.text(house.ROOT / "docs/schemas/fleet.schema.json"))
REPORTS = paged.reports()


def closed(schema: Any) -> Any:
    """The schema without the room that it leaves to later versions: a key that is not in it is an error here."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **told} if told.get("type") == "object" and "properties" in told else told


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
    named |= set(PUBLISHED["properties"]["summary"]["properties"])
    assert sorted(name for name in named if f'"{name}":' not in json.dumps(REPORTS)) == []


def test_every_kind_of_change_is_published():
    source = house.text(house.ROOT / "plugins/module_utils/core/fleet_changes.py")
    kinds = PUBLISHED["$defs"]["change"]["properties"]["kind"]["enum"]
    assert [kind for kind in kinds if f'"{kind}"' not in source] == []
    seen = {item["kind"] for report in REPORTS.values() for item in report.get("changes", {"items": []})["items"]}
    assert seen <= set(kinds)
    assert fleet_changes(REPORTS["well"], REPORTS["troubled"])["items"]


def test_everything_is_described():
    parts = [PUBLISHED["properties"], *(part.get("properties", {}) for part in PUBLISHED["$defs"].values())]
    silent = [
        key
        for part in parts
        for key, told in part.items()
        if not told.get("description") and "$ref" not in told and told != {"type": "object"}
    ]
    assert silent == []


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a key more": lambda report: report.update(colour="green"),
    "a key more in a model": lambda report: report["instances"][0]["models"][0].update(colour="green"),
    "a key less": lambda report: report.pop("hosts"),
    "another form": lambda report: report.update(schema=2),
    "a verdict in words": lambda report: report.update(ok="yes"),
    "a number in words": lambda report: report["summary"].update(hosts="two"),
    "a time of no zone": lambda report: report.update(generated_at="2026-11-22 10:00"),
    "half a digest": lambda report: report["instances"][0]["models"][0].update(expected="6591e0a9"),
    "a change of nothing": lambda report: report["changes"]["items"][0].update(where={}),
}


@pytest.mark.parametrize("about", BREAKS)
def test_what_is_not_as_published_is_seen(about: str):
    report = copy.deepcopy(REPORTS["worse than before"])
    BREAKS[about](report)
    assert len(errors(report)) == 1
