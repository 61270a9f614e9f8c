# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module admission: what was in memory before is there again, as long, as large, and where it was."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.tests.unit.admitted import MISTRAL, NOMIC, ONE, TWO, Server, fleet
from ansible_collections.corral.ollama.tests.unit.rollout_begun import member
from ansible_collections.corral.ollama.tests.unit.scripted_server import error, ok


def note(name, **more):
    fixed = {"digest": "a" * 64, "size": 1000, "size_vram": 0, "context_length": 4096, "keep_alive_seconds": -1}
    return {"name": name, **fixed, **more}


@pytest.fixture
def admitted(tmp_path):
    """Admit one instance that had these in memory; ``elsewhere``: what a second one had, by the record."""

    def admit(*notes, server=None, elsewhere=(), **options):
        record = {ONE: {"state": "changing", "residents": notes}, TWO: {"residents": elsewhere}}
        with fleet(tmp_path, record, **{ONE: server or Server()}) as found:
            outcome = found.admit(**options)
            admit.server, admit.member = found.servers[ONE], member(found.roll, ONE)
            return outcome

    return admit


def test_what_was_loaded_is_loaded_again_for_as_long(admitted):
    outcome = admitted(note(MISTRAL, size=5, keep_alive_seconds=90), note(NOMIC, size=10))
    assert outcome["ok"]
    asked = admitted.server.asked()
    assert asked[:2] == [(NOMIC, True, None), (MISTRAL, True, None)]
    assert asked[2:4] == [(NOMIC, True, -1), (MISTRAL, False, 90)], "the largest first"
    (entry,) = outcome["results"]
    assert {row["name"]: row["keep_alive_seconds"] for row in entry["residents"]}[NOMIC] == -1
    assert entry["notes"] == []


def test_what_has_to_stay_is_asked_for_last(admitted):
    admitted(note(MISTRAL), server=Server(room=1))
    assert admitted.server.asked()[:3] == [(NOMIC, True, None), (MISTRAL, True, None), (MISTRAL, False, -1)]
    assert list(admitted.server.loaded) == [MISTRAL]


def test_the_servers_default_is_not_touched(admitted):
    admitted(note(MISTRAL, keep_alive_seconds=None))
    assert (MISTRAL, False, None) in admitted.server.asked()


def test_without_restoring_only_the_declared_ones_are_asked(admitted):
    admitted(note(MISTRAL), restore_residents=False)
    assert all(keep_alive is None for _name, _prompt, keep_alive in admitted.server.asked())


def test_a_context_length_that_was_asked_for_is_asked_for_again(admitted):
    outcome = admitted(note(MISTRAL, context_length=8192), models=[MISTRAL])
    assert outcome["ok"]
    bodies = [call.body for call in admitted.server.called("/api/generate")]
    contexts = [(body.get("options") or {}).get("num_ctx") for body in bodies]
    assert contexts == [None, None, 8192, 8192], "the last question must not load it anew"
    assert admitted.server.loaded[MISTRAL]["context_length"] == 8192


def test_the_servers_own_context_length_is_not_asked_for(admitted):
    admitted(note(MISTRAL, context_length=4096), models=[MISTRAL])
    bodies = [call.body for call in admitted.server.called("/api/generate")]
    assert not [body for body in bodies if "num_ctx" in (body.get("options") or {})]


def test_one_that_is_resident_and_not_declared(admitted):
    outcome = admitted(note(NOMIC), models=[])
    assert (outcome["ok"], admitted.server.asked()[0]) == (True, (NOMIC, True, -1))
    assert admitted.server.asked()[-1] == (NOMIC, True, None), "with nothing declared, what is loaded answers last"


def test_one_that_was_removed_meanwhile(admitted):
    outcome = admitted(note("gone:1b"))
    assert outcome["results"][0]["notes"] == ["gone:1b was loaded before and is not in the store."]
    assert (outcome["ok"], outcome["warnings"]) == (
        True,
        [f"{ONE}: gone:1b was loaded before and is not in the store."],
    )


def test_one_that_does_not_fit_any_more(admitted):
    outcome = admitted(note(MISTRAL), note(NOMIC, size=10), server=Server(room=1))
    assert outcome["results"][0]["notes"] == [f"{MISTRAL} was loaded before and does not fit beside the others."]


def test_one_that_cannot_be_loaded_again(admitted):
    server = Server()
    script = [server.generates] * 1 + [error(500, "no memory")]
    server.on("POST", "/api/generate", *script)
    outcome = admitted(note(MISTRAL), server=server)
    (entry,) = outcome["results"]
    assert (entry["ok"], entry["kind"]) == (False, "not_loaded")
    assert f"{MISTRAL} was loaded before and is not loaded again" in entry["why"]
    assert "no memory" in entry["why"]


def test_a_silent_fall_back_to_the_cpu(admitted):
    outcome = admitted(note(MISTRAL, size_vram=900), server=Server(vram=0))
    (entry,) = outcome["results"]
    assert (entry["ok"], entry["kind"], admitted.member.state) == (False, "cpu_fallback", "failed")
    assert f"{MISTRAL} was on a GPU before, and now not a byte of it is (size_vram 0)" in entry["why"]


@pytest.mark.parametrize("vram", [0.95, 0.3])
def test_still_on_the_gpu(admitted, vram):
    outcome = admitted(note(MISTRAL, size_vram=1000), server=Server(vram=vram))
    notes = [f"{MISTRAL} has only 30% of it on a GPU, 100% before."] if vram < 0.5 else []
    assert (outcome["ok"], outcome["results"][0]["notes"]) == (True, notes)


def test_what_another_instance_had_on_a_gpu_has_to_be_on_one(admitted):
    outcome = admitted(elsewhere=[note(MISTRAL, size_vram=900)], server=Server(vram=0))
    assert outcome["results"][0]["kind"] == "cpu_fallback"


@pytest.mark.parametrize(("there", "kind"), [(5, "cpu_fallback"), (0, "")])
def test_what_another_instance_has_on_a_gpu_now_has_to_be_on_one(admitted, there, kind):
    with Server() as other:
        other.on("GET", "/api/ps", ok({"models": [{"name": MISTRAL, "size": 5, "size_vram": there}]}))
        outcome = admitted(server=Server(vram=0), others=[{"name": "ollama-server-9", "url": other.url}])
    assert outcome["results"][0]["kind"] == kind


def test_a_fleet_without_gpus_has_no_fall_back(admitted):
    assert admitted(note(MISTRAL), note(NOMIC))["ok"]


def test_what_is_declared_resident_is_loaded_though_it_was_not_there(admitted):
    wanted = [{"name": NOMIC, "keep_alive": "10m"}, {"name": MISTRAL, "instances": [TWO]}]
    outcome = admitted(residents=wanted)
    assert outcome["ok"]
    assert [question for question in admitted.server.asked() if question[2] is not None] == [(NOMIC, True, 600)]
    assert admitted.server.asked()[1] == (NOMIC, True, None), "asked for last, so that it is there already"


def test_what_is_declared_is_loaded_last_and_as_declared(admitted):
    wanted = [{"name": MISTRAL, "context_length": 8192}]
    notes = [note(NOMIC, size=1), note(MISTRAL, keep_alive_seconds=90, context_length=2048)]
    outcome = admitted(*notes, server=Server(room=1), residents=wanted)
    assert list(admitted.server.loaded) == [MISTRAL]
    assert admitted.server.loaded[MISTRAL]["context_length"] == 8192
    assert admitted.server.asked().count((MISTRAL, False, -1)) == 1, "not at the server's own context first"
    assert outcome["results"][0]["notes"] == [f"{NOMIC} was loaded before and does not fit beside the others."]


def test_what_is_declared_is_loaded_without_what_was_there_before(admitted):
    admitted(note(MISTRAL), restore_residents=False, residents=[NOMIC])
    assert [question for question in admitted.server.asked() if question[2] is not None] == [(NOMIC, True, -1)]


def test_what_was_loaded_as_declared_is_remembered(admitted, tmp_path):
    path = tmp_path / "residents.json"
    admitted(note(MISTRAL), residents=[{"name": NOMIC, "keep_alive": "1h"}], memory_path=str(path))
    (row,) = json.loads(path.read_text())["residents"]
    assert (row["instance"], row["model"], row["keep_alive"], row["given"]) == (ONE, NOMIC, 3600, 4096)
    assert row["at"] > 0


def test_what_is_declared_and_not_pulled_yet_is_a_note(admitted):
    outcome = admitted(residents=["later:1b"])
    assert (outcome["ok"], outcome["results"][0]["notes"]) == (
        True,
        ["later:1b is declared resident and is not in the store."],
    )


def test_what_cannot_be_declared_resident(admitted):
    outcome = admitted(residents=[{"name": MISTRAL, "keep_alive": "soon"}])
    assert (outcome.failed, outcome.kind) == (True, "bad_input")
