"""Imports point downward only: modules → glue → store | server | registry | engine | gateway → core."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.tests.contract import house

COLLECTION = "ansible_collections.corral.ollama."
ROOMS = ("store", "server", "registry", "engine", "gateway")
# Who may import whom, by the part of plugins/ that a file lives in.
ALLOWED: dict[str, set[str]] = {
    "core": {"core"},
    **{room: {room, "core"} for room in ROOMS},
    "glue": {"glue", *ROOMS, "core"},
    "exporter": {"exporter", "glue", *ROOMS, "core"},
    "modules": {"glue", *ROOMS, "core"},
    "action": {"plugin_utils", "core"},
    "filter": {"plugin_utils", "core"},
    "lookup": {"plugin_utils", "core"},
    # From the controller it asks the engines themselves.
    "inventory": {"plugin_utils", "engine", "core"},
    "plugin_utils": {"plugin_utils", "core"},
    "doc_fragments": set(),
}
# core decides and nothing else: no way to a file, a socket, a process or a clock.
IMPURE = {
    "aiohttp",
    "ansible",
    "asyncio",
    "docker",
    "fcntl",
    "glob",
    "http",
    "io",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "requests",
    "select",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "urllib",
}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval"}


def part_of(dotted: str) -> str:
    """The room of a dotted path below the collection, such as ``plugins.module_utils.core.names``."""
    parts = dotted.split(".")
    if parts[:2] == ["plugins", "module_utils"]:
        return parts[2] if len(parts) > 2 else ""
    return parts[1] if parts[0] == "plugins" and len(parts) > 1 else parts[0]


@cache
def imported(path: Path) -> tuple[tuple[int, str], ...]:
    """Line and dotted name (from ``plugins.`` on for the collection's own) of everything that ``path`` imports."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[tuple[int, str]]:
    package = house.shown(path).removesuffix(".py").split("/")[:-1]
    for node in ast.walk(house.tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)


def own(dotted: str) -> str | None:
    if dotted.startswith(COLLECTION):
        return dotted.removeprefix(COLLECTION)
    return dotted if dotted.startswith("plugins.") else None


@pytest.mark.parametrize("path", house.files("plugins", suffixes=(".py",)), ids=house.shown)
def test_a_room_imports_only_what_lies_below_it(path: Path):
    room = part_of(".".join(house.shown(path).removesuffix(".py").split("/")))
    if room == "__init__":
        return
    upward = [
        f"{house.shown(path)}:{line}: {room} imports {name}"
        for line, name in imported(path)
        if own(name) is not None and part_of(own(name)) not in ALLOWED[room]
    ]
    assert upward == []


def test_packages_say_nothing():
    marks = [path for path in house.files("plugins", suffixes=(".py",)) if path.name == "__init__.py"]
    assert [house.shown(path) for path in marks if house.text(path).strip()] == []


@pytest.mark.parametrize("path", house.files("plugins", suffixes=(".py",)), ids=house.shown)
def test_the_collection_imports_itself_by_relative_names(path: Path):
    absolute = [f"{house.shown(path)}:{line}: {name}" for line, name in imported(path) if name.startswith(COLLECTION)]
    assert absolute == []


@pytest.mark.parametrize("path", house.files("plugins/module_utils/core", suffixes=(".py",)), ids=house.shown)
def test_core_is_pure(path: Path):
    impure = [
        f"{house.shown(path)}:{line}: imports {name}"
        for line, name in imported(path)
        if own(name) is None and name.split(".")[0] in IMPURE
    ]
    impure += [
        f"{house.shown(path)}:{node.lineno}: calls {node.func.id}()"
        for node in ast.walk(house.tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS
    ]
    impure += [
        f"{house.shown(path)}:{node.lineno}: reads the clock"
        for node in ast.walk(house.tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"time.time", "time.monotonic", "time.sleep"}
    ]
    assert impure == []


@pytest.mark.parametrize("path", house.files("plugins", "tools", "playbooks", suffixes=(".py",)), ids=house.shown)
def test_nothing_that_ships_imports_the_practice_fleet(path: Path):
    assert [name for _, name in imported(path) if "practice" in name.lower()] == []


@pytest.mark.parametrize("path", house.files("plugins", suffixes=(".py",)), ids=house.shown)
def test_libraries_of_the_managed_host_are_imported_lazily(path: Path):
    eager = [
        f"{house.shown(path)}:{node.lineno}: {ast.unparse(node)}"
        for node in house.tree(path).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in [getattr(node, "module", None) or node.names[0].name]
        if name.split(".")[0] in {"requests", "docker", "prometheus_client"} and not getattr(node, "level", 0)
    ]
    assert eager == []


@pytest.mark.parametrize("path", house.files("plugins", suffixes=(".py",)), ids=house.shown)
def test_only_the_glue_turns_errors_into_fail_json_and_asks_for_check_mode(path: Path):
    if ("module_utils" not in path.parts and "modules" not in path.parts) or house.shown(path).endswith("glue/run.py"):
        return
    found = [
        f"{house.shown(path)}:{node.lineno}: .{node.attr}"
        for node in ast.walk(house.tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"fail_json", "exit_json", "check_mode"}
    ]
    assert found == []
