# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module resident_set where memory is short: what cannot be, what waits, what is pushed out, what is on no GPU."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.memory_room import Room
from ansible_collections.corral.ollama.plugins.module_utils.glue import resident_set as glue
from ansible_collections.corral.ollama.plugins.modules import resident_set
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.prewarmed import CODE, MISTRAL, NOMIC, ONE, TWO, Server, rows, servers


@pytest.fixture
def room(monkeypatch):
    """What the engine says that the servers can keep."""

    def set_to(**of):
        found = {"ollama-server-" + name[1:]: one for name, one in of.items()}
        monkeypatch.setattr(glue, "rooms", lambda project, timeout: (found, ""))

    set_to()
    return set_to


def args(listed, residents, **more):
    return {"servers": listed, "residents": residents, "project": "p", **more}


def test_what_cannot_be_together_is_an_error_before_anything_is_loaded(room):
    room(_1=Room(3, 700), _2=Room(2, 0))
    one, two = Server(), Server()
    with servers(one, two) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL, CODE, NOMIC]))
        check = run_module(resident_set, args(listed, [MISTRAL, CODE, NOMIC]), check=True)
    assert (outcome.failed, outcome.kind, outcome.msg) == (True, "residents_too_large", check.msg)
    assert (
        f"(1) {MISTRAL} 400 B, {CODE} 300 B, {NOMIC} 20 B are declared resident on {ONE}: 720 B or more, and it may use"
        " 700 B of memory." in outcome.msg.replace(f"{CODE} 300 B, {MISTRAL} 400 B", f"{MISTRAL} 400 B, {CODE} 300 B")
    )
    assert f"3 models are declared resident on {TWO}" in outcome.msg
    assert "keeps 2 loaded" in outcome.msg
    assert one.asked() == two.asked() == []


def test_one_model_larger_than_the_gpus_is_split_and_two_are_not(room):
    room(_1=Room(3, 350, True))
    server = Server(vram=0.8)
    with servers(server) as listed:
        assert run_module(resident_set, args(listed, [MISTRAL]))["ok"]
        both = run_module(resident_set, args(listed, [MISTRAL, CODE]))
    assert both.kind == "residents_too_large"
    assert "its GPUs have 350 B of memory" in both.msg


def test_what_would_push_out_another_waits_and_says_so(room):
    room(_1=Room(2, 0))
    server = Server(slots=2).has(NOMIC, keep=7170).has("other:1b", keep=None)
    with servers(server) as listed:
        first = run_module(resident_set, args(listed, [MISTRAL]))
        second = run_module(resident_set, args(listed, [MISTRAL]))
        forced = run_module(resident_set, args(listed, [MISTRAL], push_out=True))
    assert (first.changed, first["ok"], first["complete"], second.changed) == (False, True, False, False)
    assert first["waiting"] == [
        f"{ONE}: {MISTRAL} is not loaded, as it would push out {NOMIC} (stays for 1 h 59 min). Run the playbook prewarm"
        " again when that is gone, or with -e prewarm_push_out=true."
    ]
    assert (forced.changed, forced["complete"], server.names()) == (True, True, [MISTRAL, "other:1b"])
    assert forced["warnings"] == [f"{ONE}: loading {MISTRAL} pushes out {NOMIC} (stays for 1 h 59 min)."]
    assert rows(forced)[MISTRAL]["pushes_out"] == [NOMIC]


def test_a_declared_one_is_never_pushed_out_for_another(room):
    room(_1=Room(2, 0))
    server = Server(slots=2).has(NOMIC, keep=None).has("other:1b", keep=None)
    wanted = [MISTRAL, NOMIC]
    server.runners = dict(reversed(list(server.runners.items())))
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, wanted, push_out=True))
    assert NOMIC in server.names()
    assert outcome["ok"]


def test_whom_the_server_chooses_is_its_business_where_somebody_has_to_go(room):
    room(_1=Room(2, 0))
    server = Server(slots=2).has(NOMIC, keep=7170).has("other:1b", keep=7175)
    server.runners["e" * 64 + "other:1b"]["keep"] = 60  # asked for since, with a shorter time
    server.on("GET", "/api/ps", server.runs({NOMIC: 7170, "other:1b": 7175}), server.runs())
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL], push_out=True))
    assert (outcome["ok"], server.names()) == (True, [MISTRAL, NOMIC])
    assert outcome["warnings"] == [f"{ONE}: loading {MISTRAL} pushes out other:1b (stays for 1 h 59 min)."]


def test_a_load_that_pushes_out_more_than_was_foreseen_fails_and_names_it(room):
    server = Server(memory=500).has(CODE, keep=None)
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL, CODE]))
    assert (outcome.failed, outcome.kind) == (True, "pushed_out")
    assert f"{ONE}: loading {MISTRAL} has pushed out {CODE}: there is not enough memory" in outcome.msg


def test_a_silent_fall_back_to_the_cpu(room):
    room(_1=Room(3, 0, True))
    with servers(Server(vram=0.0)) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL]))
    assert (outcome.failed, outcome.kind) == (True, "cpu_fallback")
    assert f"not a byte of {MISTRAL} is on a GPU (size_vram 0)" in outcome.msg


def test_what_was_on_a_gpu_the_last_time_has_to_be_on_one(room, tmp_path):
    more = {"memory_path": str(tmp_path / "r.json")}
    server = Server(vram=1.0)
    with servers(server) as listed:
        assert run_module(resident_set, args(listed, [MISTRAL], **more))["ok"]
        server.runners.clear()
        server.vram = 0.0
        assert run_module(resident_set, args(listed, [MISTRAL], **more)).kind == "cpu_fallback"


def test_what_is_on_a_gpu_elsewhere_has_to_be_on_one(room):
    with servers(Server(vram=0.0), Server(vram=1.0).has(MISTRAL, keep=None)) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL]))
    assert outcome.kind == "cpu_fallback"
