"""What is published about plan.json is what is written, and the inventory of a GPU fleet is one that can be planned."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.tests.contract import house
from ansible_collections.corral.ollama.tests.contract.test_schemas import closed
from ansible_collections.corral.ollama.tests.unit import planned
from jsonschema import Draft202012Validator

PUBLISHED = json.loads(house.text(house.ROOT / "docs/schemas/plan.schema.json"))
STRICT = Draft202012Validator(closed(PUBLISHED))


def errors(plan: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in STRICT.iter_errors(plan)]


def test_it_is_a_schema():
    Draft202012Validator.check_schema(PUBLISHED)


@pytest.mark.parametrize("about", planned.INVENTORIES)
def test_plans_are_as_published(about: str):
    assert errors(json.loads(json.dumps(planned.plan(about)))) == []


def test_everything_is_described():
    parts = [PUBLISHED["properties"], *(part["properties"] for part in PUBLISHED["$defs"].values())]
    assert [key for part in parts for key, told in part.items() if not told.get("description")] == []


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a key more": lambda plan: plan.update(colour="green"),
    "a key more in an instance": lambda plan: plan["hosts"][0]["instances"][0].update(colour="green"),
    "a key less": lambda plan: plan["summary"].pop("gpus"),
    "half a digest": lambda plan: plan["hosts"][0]["models"][0].update(digest="6591e0a9"),
    "a port in words": lambda plan: plan["hosts"][0]["instances"][0].update(port="many"),
}


@pytest.mark.parametrize("about", BREAKS)
def test_what_is_not_as_published_is_seen(about: str):
    plan = copy.deepcopy(planned.plan("kinds"))
    BREAKS[about](plan)
    assert len(errors(plan)) == 1


def test_the_fleet_of_the_inventory_is_planned_without_a_connection(tmp_path: Path):
    """Its hosts do not exist: whoever connected to one would fail."""
    command = ["ansible-playbook", "-i", "inventories/gpu_fleet", "corral.ollama.plan"]
    words = [*command, "-e", f"corral_artifacts_dir={tmp_path}", "-e", "ansible_ssh_executable=/bin/false"]
    done = subprocess.run(words, cwd=house.ROOT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert errors(plan) == []
    assert plan["summary"] == {"hosts": 12, "instances": 43, "gpus": 51, "models": 6, "problems": 0}
    rows = {row["host"].partition(".")[0]: row for row in plan["hosts"]}
    assert {name: row["instances_by"] for name, row in rows.items() if row["gpus_by"] == "host"} == {
        "h100-01": "host",
        "h100-02": "host",
        "h100-03": "host",
    }
    assert [one["gpus"] for one in rows["l40s-02"]["instances"]] == [["0", "1"], ["2", "3"], ["4", "5"], ["6", "7"]]
    assert (rows["mi300x-01"]["gpu_runtime"], rows["a100-01"]["gpu_runtime"]) == ("devices", "cdi")
    assert [one["gpus"] for one in rows["cpu-02"]["instances"]] == [[], []]
    assert "h100-01.example.com, h100-02.example.com, h100-03.example.com" in done.stdout
