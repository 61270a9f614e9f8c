"""Every role: the same skeleton, a contract that equals its defaults, a current README, and no silencing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ansible.plugins.filter.core import to_bool
from ansible_collections.corral.ollama.plugins.filter.pinned import pinned_filter
from ansible_collections.corral.ollama.tests.contract import house
from jinja2.nativetypes import NativeEnvironment

ROLES = house.roles()
WORDS = ["preflight", "gather", "plan", "apply", "confirm"]
TASK_FILES = [path for path in house.files("roles", "playbooks", suffixes=(".yml",)) if "meta" not in path.parts]
SHELLS = {"shell", "raw", "script"}
# Commands that change nothing and so say `changed_when: false`, each with its reason.
QUIET: dict[str, str] = {
    "roles/docker_host/tasks/compose.yml: compose | Ask APT where this machine gets its release from": (
        "apt-get indextargets prints what APT is configured with"
    ),
    "roles/docker_host/tasks/nvidia.yml: nvidia | Read whose key it is": "gpg --show-keys prints what is in a file",
    "roles/exporter/tasks/gather.yml: gather | See which libraries the host lacks": (
        "it only looks for modules of Python, and prints those that are not there"
    ),
}


def defaults(role: Path) -> dict[str, Any]:
    path = role / "defaults/main.yml"
    return (house.data(path) or {}) if path.exists() else {}


def options(role: Path) -> dict[str, Any]:
    return house.data(role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options") or {}


def no_lock(plugin: str, path: str) -> dict[str, Any]:
    """``lookup('corral.ollama.lock', '')`` where there is no file."""
    assert (plugin, path) == ("corral.ollama.lock", "")
    return {}


def effective(value: Any, known: dict[str, Any]) -> Any:
    """A default as it is when the inventory says nothing: no fleet-wide input, only the role's own defaults."""
    if isinstance(value, dict):
        return {key: effective(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [effective(item, known) for item in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    environment = NativeEnvironment(undefined=jinja2.StrictUndefined)
    # The filters are the real ones; the controller of a fleet that says nothing has no lock either.
    environment.filters["corral.ollama.pinned"] = pinned_filter
    environment.filters["bool"] = to_bool
    environment.globals["lookup"] = no_lock
    inner = {name: effective(default, {}) if name != value else default for name, default in known.items()}
    try:
        return environment.from_string(value).render(inner)
    except jinja2.TemplateError:
        return value


@pytest.mark.parametrize("role", ROLES, ids=house.shown)
def test_argument_specs_equal_the_defaults(role: Path):
    optional = {name for name, option in options(role).items() if not option.get("required")}
    assert sorted(defaults(role)) == sorted(optional)


@pytest.mark.parametrize("role", ROLES, ids=house.shown)
def test_documented_default_values_are_the_real_ones(role: Path):
    real = defaults(role)
    differing = {
        name: {"argument_specs": option.get("default"), "defaults": real[name], "that is": effective(real[name], real)}
        for name, option in options(role).items()
        if name in real and option.get("default") not in (real[name], effective(real[name], real))
    }
    assert differing == {}


@pytest.mark.parametrize("role", ROLES, ids=house.shown)
def test_variables_carry_the_name_of_the_role_or_of_the_fleet(role: Path):
    foreign = [name for name in options(role) if not name.startswith((f"{role.name}_", "corral_"))]
    assert foreign == []


@pytest.mark.parametrize("role", ROLES, ids=house.shown)
def test_options_are_described_and_typed(role: Path):
    bare = [name for name, option in options(role).items() if not (option.get("description") and option.get("type"))]
    assert bare == []


@pytest.mark.parametrize("role", ROLES, ids=house.shown)
def test_the_table_of_contents_is_the_same_five_words(role: Path):
    included = [
        str(value["file"] if isinstance(value, dict) else value)
        for task in house.tasks(role / "tasks/main.yml")
        for key, value in task.items()
        if key.rpartition(".")[2] in {"include_tasks", "import_tasks"}
    ]
    assert [Path(name).stem for name in included] == WORDS
    others = [
        key for task in house.tasks(role / "tasks/main.yml") for key in task if key.startswith("ansible.builtin.")
    ]
    assert {key.rpartition(".")[2] for key in others} <= {"include_tasks", "import_tasks"}
    assert [name for name in included if not (role / "tasks" / name).exists()] == []


def test_role_readmes_are_generated_and_current():
    check = subprocess.run(
        [sys.executable, "tools/role_readmes.py", "--check"], cwd=house.ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("path", TASK_FILES, ids=house.shown)
def test_nothing_is_silenced(path: Path):
    found = []
    for task in house.tasks(path):
        name = f"{house.shown(path)}: {task.get('name')}"
        actions = {key.rpartition(".")[2] for key in task}
        if "ignore_errors" in task or "ignore_unreachable" in task:
            found.append(f"{name}: ignores errors")
        if actions & SHELLS:
            found.append(f"{name}: shell")
        if task.get("failed_when") is False:
            found.append(f"{name}: failed_when: false")
        if task.get("changed_when") is False and name not in QUIET:
            found.append(f"{name}: changed_when: false, and not in QUIET with its reason")
        if "command" in actions and "changed_when" not in task:
            found.append(f"{name}: command without changed_when")
    assert found == []


def test_no_excuse_outlives_its_task():
    names = {f"{house.shown(path)}: {task.get('name')}" for path in TASK_FILES for task in house.tasks(path)}
    assert sorted(set(QUIET) - names) == []


@pytest.mark.parametrize("path", TASK_FILES, ids=house.shown)
def test_inputs_are_never_overwritten(path: Path):
    inputs = {name for role in ROLES for name in options(role)}
    written = [
        f"{house.shown(path)}: {task.get('name')}: {name}"
        for task in house.tasks(path)
        for key, value in task.items()
        if key.rpartition(".")[2] == "set_fact" and isinstance(value, dict)
        for name in value
        if name in inputs
    ]
    assert written == []


@pytest.mark.parametrize("path", house.files("playbooks", suffixes=(".yml",)), ids=house.shown)
def test_plays_list_roles_and_nothing_else(path: Path):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", path.stem)
    for play in house.data(path):
        assert not set(play) & {"tasks", "pre_tasks", "post_tasks", "handlers"}, play.get("name")
        assert "roles" in play or "ansible.builtin.import_playbook" in play


def test_verify_expects_the_environment_that_instances_sets():
    """Two roles know it: one writes it, the other sees whether it is in force."""
    sets = house.data(house.ROOT / "roles/instances/vars/main.yml")["__instances_environment"]
    assert house.data(house.ROOT / "roles/verify/vars/main.yml")["__verify_environment"] == sets
