# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module resident_info: what is in memory, what of the declared is not, and why it has gone."""

from __future__ import annotations

import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.resident_memory import Loaded, dumped
from ansible_collections.corral.ollama.plugins.modules import resident_info
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.prewarmed import CODE, MISTRAL, NOMIC, ONE, TWO, A, Server, servers

LATER = "2199-01-01T00:00:00Z"


def info(listed, *residents, **more):
    outcome = run_module(resident_info, {"servers": listed, "residents": list(residents), **more})
    assert (outcome.failed, outcome.changed) == (False, False), outcome.msg
    return outcome


@pytest.fixture
def loaded(tmp_path):
    """A memory of models that were loaded on purpose a minute ago."""

    def remember(*rows):
        path = tmp_path / "residents.json"
        found = [Loaded(instance, model, A, 0, 4096, 9, 9, keep, time.time() - 60) for instance, model, keep in rows]
        path.write_text(dumped({row.key: row for row in found}))
        return str(path)

    return remember


def test_what_is_in_memory_where():
    one = Server(vram=0.5).has(MISTRAL, keep=None).has(CODE, keep=60, context=8192)
    with servers(one, Server()) as listed:
        listed[1]["url"] = "http://127.0.0.1:9"
        outcome = info(listed)
    mistral, code = outcome["residents"][ONE]
    assert mistral == {
        "name": MISTRAL, "digest": A, "size": 400, "size_vram": 200, "context_length": 4096, "expires": "never"
    }  # fmt: skip
    assert (code["context_length"], code["expires"][-1], len(code["expires"])) == (8192, "Z", 20)
    assert list(outcome["residents"]) == [ONE]
    assert [entry["reachable"] for entry in outcome["servers"]] == [True, False]
    assert TWO in outcome["servers"][1]["problem"]
    assert outcome["findings"] == []
    assert one.asked() == []


def test_what_nobody_has_loaded_yet_is_a_warning():
    with servers(Server().has(CODE), Server()) as listed:
        outcome = info(listed, {"name": MISTRAL, "instances": [ONE]}, CODE)
    assert outcome["findings"] == [
        {
            "check": "resident",
            "severity": "warning",
            "instance": server,
            "model": model,
            "message": f"{server}: {model} is declared resident and not in memory. Run the playbook prewarm.",
        }
        for server, model in ((ONE, MISTRAL), (TWO, CODE))
    ]


def test_what_was_pushed_out_is_a_problem(loaded):
    path = loaded((ONE, MISTRAL, -1))
    with servers(Server().has(NOMIC).has(CODE)) as listed:
        outcome = info(listed, MISTRAL, memory_path=path)
        gone = info([{**listed[0], "started_at": LATER}], MISTRAL, memory_path=path)
        undeclared = info(listed, memory_path=path)
    (entry,) = outcome["findings"]
    assert (entry["check"], entry["severity"]) == ("evicted", "problem")
    assert (
        f"was pushed out or unloaded since: in memory is {NOMIC}, {CODE}. Run the playbook prewarm." in entry["message"]
    )
    (entry,) = gone["findings"]
    assert (entry["check"], entry["severity"]) == ("evicted", "warning")
    assert "before its container was started anew, and is not loaded again" in entry["message"]
    assert undeclared["findings"] == []


@pytest.mark.parametrize(("keep", "check"), [(600, "evicted"), (30, "resident"), (-1, "evicted")])
def test_what_has_left_by_itself_was_not_pushed_out(loaded, keep, check):
    with servers(Server()) as listed:
        outcome = info(listed, MISTRAL, memory_path=loaded((ONE, MISTRAL, keep)))
    assert [entry["check"] for entry in outcome["findings"]] == [check]


def test_another_context_than_declared():
    with servers(Server().has(MISTRAL)) as listed:
        outcome = info(listed, {"name": MISTRAL, "context_length": 8192})
    (entry,) = outcome["findings"]
    assert (entry["check"], entry["severity"]) == ("resident", "warning")
    assert "is in memory with a context of 4096, and declared with 8192." in entry["message"]


def test_a_server_that_does_not_answer_is_no_finding():
    with servers(Server()) as listed:
        listed[0]["url"] = "http://127.0.0.1:9"
        assert info(listed, MISTRAL)["findings"] == []


def test_a_damaged_memory_is_a_warning(tmp_path):
    path = tmp_path / "residents.json"
    path.write_text('{"schema": 7}')
    with servers(Server()) as listed:
        outcome = info(listed, MISTRAL, memory_path=str(path))
    assert "it is not of the schema 1" in outcome["warnings"][0]
    assert [entry["check"] for entry in outcome["findings"]] == ["resident"]
