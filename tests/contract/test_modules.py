"""Every module: in the action group, honestly documented, with examples that parse and a test of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from ansible_collections.corral.ollama.tests.contract import house

MODULES = house.modules()
SUPPORT = {"full", "partial", "none", "N/A"}
HEADER = ("# Copyright (c) ", "# GNU General Public License v3.0+ ", "# SPDX-License-Identifier: GPL-3.0-or-later")


def runs_on_the_host(path: Path) -> bool:
    """Not so for a module that is only the documentation of its action plugin."""
    return any(isinstance(node, ast.FunctionDef) for node in house.tree(path).body)


def test_there_are_modules_and_the_action_group_names_exactly_them():
    group = house.data(house.ROOT / "meta/runtime.yml")["action_groups"]["corral"]
    assert sorted(path.stem for path in MODULES) == group
    assert group


def test_every_action_plugin_belongs_to_a_module():
    actions = [path.stem for path in house.files("plugins/action", suffixes=(".py",)) if path.stem != "__init__"]
    assert sorted(set(actions) - {path.stem for path in MODULES}) == []


@pytest.mark.parametrize("path", MODULES, ids=house.shown)
def test_attributes_are_documented(path: Path):
    attributes = house.documentation(path)["attributes"]
    for name in ("check_mode", "diff_mode", "idempotent"):
        assert attributes.get(name, {}).get("support") in SUPPORT, name
        assert attributes[name].get("description"), name
        if attributes[name]["support"] == "partial":
            assert attributes[name].get("details"), f"{name} is partial: say why"


@pytest.mark.parametrize("path", MODULES, ids=house.shown)
def test_check_mode_is_supported_as_documented(path: Path):
    if not runs_on_the_host(path):
        return
    calls = [node for node in ast.walk(house.tree(path)) if isinstance(node, ast.Call)]
    flags = [k.value.value for call in calls for k in call.keywords if k.arg == "supports_check_mode"]
    assert flags == [house.documentation(path)["attributes"]["check_mode"]["support"] != "none"]


@pytest.mark.parametrize("path", MODULES, ids=house.shown)
def test_examples_are_tasks_that_use_the_module_by_its_full_name(path: Path):
    examples = yaml.safe_load(house.doc_blocks(path)["EXAMPLES"])
    assert isinstance(examples, list)
    assert examples
    known = set(house.documentation(path)["options"])
    for task in examples:
        assert task.get("name"), task
    used = [task[f"corral.ollama.{path.stem}"] for task in examples if f"corral.ollama.{path.stem}" in task]
    assert used, "no example uses the module"
    fragments = bool(house.documentation(path).get("extends_documentation_fragment"))
    for options in used:
        assert fragments or set(options or {}) <= known


@pytest.mark.parametrize("path", MODULES, ids=house.shown)
def test_what_is_returned_is_documented(path: Path):
    returned = yaml.safe_load(house.doc_blocks(path)["RETURN"])
    assert returned
    for key, value in returned.items():
        assert {"description", "returned", "type"} <= set(value), key


@pytest.mark.parametrize("path", MODULES, ids=house.shown)
def test_it_has_a_unit_test_file(path: Path):
    folder = house.ROOT / "tests/unit/plugins" / ("modules" if runs_on_the_host(path) else "action")
    assert list(folder.glob(f"test_{path.stem}.py")) or list(folder.glob(f"test_{path.stem}_[a-z]*.py"))


@pytest.mark.parametrize("path", house.files("plugins", suffixes=(".py",)), ids=house.shown)
def test_files_carry_the_licence_and_no_asserts(path: Path):
    if path.name == "__init__.py":
        return
    head = "\n".join(house.text(path).splitlines()[:8])
    assert [line for line in HEADER if line not in head] == []
    assert [node.lineno for node in ast.walk(house.tree(path)) if isinstance(node, ast.Assert)] == []
    assert "from __future__ import annotations" in house.text(path)
