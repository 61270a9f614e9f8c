"""Limits that hurt are a sign that a room is missing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.tests.contract import house

FILE, FUNCTION, MODULE_CODE, ROLE_MAIN, ROLE_TASKS, README = 250, 40, 60, 40, 80, 150


def code_lines(path: Path) -> int:
    """Lines of a file without the documentation strings of a plugin."""
    documentation = [
        node.end_lineno - node.lineno + 1
        for node in house.tree(path).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in house.DOC_NAMES
    ]
    return len(house.text(path).splitlines()) - sum(documentation)


@pytest.mark.parametrize("path", house.files(suffixes=(".py",)), ids=house.shown)
def test_a_file_stays_short(path: Path):
    assert code_lines(path) <= FILE


@pytest.mark.parametrize("path", house.files(suffixes=(".py",)), ids=house.shown)
def test_functions_stay_short(path: Path):
    long = [
        f"{house.shown(path)}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(house.tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno + 1 > FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("path", house.modules(), ids=house.shown)
def test_a_module_is_a_doorway(path: Path):
    header = [line for line in house.text(path).splitlines() if line.startswith("#") or not line.strip()]
    assert code_lines(path) - len(header) <= MODULE_CODE


@pytest.mark.parametrize("path", house.files("roles", "playbooks", suffixes=(".yml",)), ids=house.shown)
def test_role_files_stay_short(path: Path):
    parts = path.relative_to(house.ROOT).parts
    limit = FILE
    if "tasks" in parts or "handlers" in parts:
        limit = ROLE_MAIN if path.name == "main.yml" else ROLE_TASKS
    assert len(house.text(path).splitlines()) <= limit


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_front_pages_stay_short(name: str):
    assert len(house.text(house.ROOT / name).splitlines()) <= README
