# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who prunes a store that is not its own: by mounts and environment as the engine has them, and in what words."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.host import HostFacts
from ansible_collections.corral.ollama.plugins.module_utils.core.layout import Layout
from ansible_collections.corral.ollama.plugins.module_utils.core.preflight import Wanted, judge
from ansible_collections.corral.ollama.plugins.module_utils.core.store_users import (
    StoreUser,
    noprune_on,
    pruner_problems,
)
from ansible_collections.corral.ollama.plugins.module_utils.engine.store_users import store_users
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container

PATH = "/var/lib/docker/volumes/ollama_models/_data"


@pytest.mark.parametrize(
    ("text", "on"),
    [("1", True), ("true", True), ("yes please", True), ('"1"', True), ("0", False), ("F", False), ("'0'", False)],
)
def test_the_variable_is_read_as_ollama_reads_it(text, on):
    assert noprune_on({"OLLAMA_NOPRUNE": text}) is on
    assert noprune_on({"OLLAMA_NOPRUNE": " "}) is noprune_on({}) is False


def user(**changes):
    return StoreUser(
        **{"container": "old", "image": "ollama/ollama:0.20.7", "running": True, "noprune": False, **changes}
    )


def test_the_message_names_the_container_the_rule_and_the_remedy():
    (problem,) = pruner_problems([user(project="shop", service="llm", running=False)], "ollama", "ollama_models")
    assert problem.kind == "store_pruner"
    assert problem.message.startswith(
        "The container old (Compose project shop, service llm), which is stopped, mounts the store ollama_models to"
        " write to and runs without OLLAMA_NOPRUNE=1: whenever it starts, it deletes"
    )
    assert "read-only" in problem.remedy
    assert problem.facts["container"] == "old"


@pytest.mark.parametrize(
    ("one", "bad"),
    [
        (user(), True),
        (user(running=False), True),
        (user(noprune=True), False),
        (user(noprune=True, image="ollama/ollama:0.3.9"), True),
        (user(noprune=True, image="reg.example:5000/ollama"), False),
        (user(noprune=True, image="ollama/ollama:0.3.9@sha256:" + "a" * 64), True),
        (user(project="ollama"), False),
        (user(container="leaver"), False),
    ],
)
def test_who_prunes(one, bad):
    assert bool(pruner_problems([one], "ollama", "ollama_models", ["leaver"])) is bad


def test_one_that_a_migration_stopped_is_in_nobodys_way_until_it_runs_again():
    def kinds(**changes):
        wanted = Wanted(Layout("ollama", 1, 11434, "127.0.0.1"), "ollama_models", parked=frozenset({"old"}))
        facts = HostFacts("gpu1", engine_version="28.0.0", compose_version="2.26.1", store_users=(user(**changes),))
        return [problem.kind for problem in judge(wanted, facts)]

    assert kinds(running=False) == []
    assert kinds(running=True) == ["store_pruner"]


def box(name, mount=None, env=(), state="running", **config):
    made = container(name, state=state)
    made["Config"].update({"Env": [f"{key}={value}" for key, value in dict(env).items()], **config})
    made["Mounts"] = (
        [{"Type": "volume", "Name": "ollama_models", "Source": PATH, "RW": True, **mount}] if mount is not None else []
    )
    return made


OLLAMA = {"Entrypoint": ["/bin/ollama"], "Cmd": ["serve"]}


@pytest.mark.parametrize(
    ("found", "noprune"),
    [
        (box("a", {}, **OLLAMA), False),
        (box("a", {}, {"OLLAMA_NOPRUNE": "1"}, **OLLAMA), True),
        (box("a", {}, {"OLLAMA_NOPRUNE": "0"}, **OLLAMA), False),
        (box("a", {}, {"OLLAMA_HOST": "0.0.0.0"}, Entrypoint=["/start"]), False),
        (box("a", {}, ExposedPorts={"11434/tcp": {}}, Cmd=None), False),
        (box("a", {}, Entrypoint=["sh", "-c", "exec ollama serve"]), False),
        (box("a", {"Type": "bind", "Name": "", "Source": PATH + "/"}, **OLLAMA), False),
        (box("a", {"Type": "bind", "Name": "", "Source": PATH + "/blobs"}, **OLLAMA), False),
        (box("a", {"Type": "bind", "Name": "", "Source": "/var/lib/docker"}, **OLLAMA), False),
        (box("a", {}, state="exited", **OLLAMA), False),
        # Those that cannot prune it.
        (box("a", **OLLAMA), None),
        (box("a", {"RW": False}, **OLLAMA), None),
        (box("a", {"Name": "other", "Source": "/var/lib/docker/volumes/other/_data"}, **OLLAMA), None),
        (box("a", {"Type": "bind", "Name": "", "Source": PATH + "2"}, **OLLAMA), None),
        (box("a", {"Type": "tmpfs", "Name": "", "Source": ""}, **OLLAMA), None),
        (box("a", {}, Entrypoint=["tar"], Cmd=["c", "/models"]), None),
    ],
)
def test_who_reaches_the_store(found, noprune):
    engine = FakeEngine(found)
    users = store_users(engine, engine.containers(all=True), "ollama_models", PATH)
    assert [one.noprune for one in users] == ([] if noprune is None else [noprune])


def test_the_volume_is_known_by_name_before_it_is_made():
    engine = FakeEngine(box("b", {}, **OLLAMA), box("a", {}, **OLLAMA))
    users = store_users(engine, engine.containers(all=True), "ollama_models", "")
    assert [(one.container, one.image, one.running) for one in users] == [
        ("a", "ollama/ollama:0.32.15", True),
        ("b", "ollama/ollama:0.32.15", True),
    ]
