# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_lease``: twelve steps, and what the second one is told."""

from __future__ import annotations

import json
import threading
import time

import pytest
from ansible_collections.corral.ollama.plugins.modules import store, store_lease
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module


@pytest.fixture
def ready(tmp_path):
    assert not run_module(store, {"path": str(tmp_path)}).failed
    return tmp_path


def args(path, **more):
    return {"path": str(path), "owner": "alice", "job": "41", "token": "t1", **more}


def age(path, seconds):
    file = path / ".corral.lease"
    document = json.loads(file.read_text())
    for key in ("acquired_at", "renewed_at", "expires_at"):
        document[key] -= seconds
    file.write_text(json.dumps(document))


def test_create_change_delete(ready):
    check, real, again = four_runs(store_lease, args(ready))[:3]
    assert real["lease"]["token"] == again["lease"]["token"] == check["lease"]["token"] == "t1"
    assert real["lease"]["expires_at"] - real["lease"]["renewed_at"] == 300
    assert (ready / ".corral.lease").stat().st_mode & 0o777 == 0o644

    check, real = four_runs(store_lease, args(ready, ttl=900))[:2]
    assert check["steps"] == real["steps"] == [{"action": "renew", "target": str(ready), "detail": "alice"}]
    assert real["lease"]["expires_at"] - real["lease"]["renewed_at"] == 900

    real = four_runs(store_lease, args(ready, state="released"))[1]
    assert real["lease"] == {}
    assert not (ready / ".corral.lease").exists()


def test_check_mode_takes_nothing(ready):
    outcome = run_module(store_lease, {"path": str(ready)}, check=True)
    assert outcome.changed
    assert outcome["lease"]["token"] == ""
    assert not (ready / ".corral.lease").exists()


def test_without_a_token_a_new_one_is_made(ready):
    first = run_module(store_lease, {"path": str(ready)})
    assert len(first["lease"]["token"]) == 32
    assert run_module(store_lease, {"path": str(ready)}).kind == "lease_held"
    assert not run_module(store_lease, {"path": str(ready), "token": first["lease"]["token"]}).changed


def test_the_second_one_is_told_who_has_it_since_when(ready):
    run_module(store_lease, args(ready))
    for check in (True, False):
        outcome = run_module(store_lease, args(ready, owner="bob", job="42", token="t2"), check=check)
        assert outcome.kind == "lease_held"
        for part in ("held by alice", "job 41", "since 20", "expires 20", "takes it over", str(ready)):
            assert part in outcome.msg
        assert outcome["error"]["lease"]["owner"] == "alice"


def test_an_expired_one_is_taken_over(ready):
    run_module(store_lease, args(ready))
    age(ready, 301)
    check, real = four_runs(store_lease, args(ready, owner="bob", token="t2"))[:2]
    assert check["taken_over"]["owner"] == real["taken_over"]["owner"] == "alice"
    assert "held by alice" in real["warnings"][0]
    assert real["lease"]["owner"] == "bob"


def test_renewed_when_a_third_has_passed(ready):
    run_module(store_lease, args(ready))
    age(ready, 95)
    assert not run_module(store_lease, args(ready)).changed
    age(ready, 10)
    assert run_module(store_lease, args(ready)).changed
    assert not run_module(store_lease, args(ready)).changed


def test_an_expired_one_that_nobody_took_is_still_ours(ready):
    run_module(store_lease, args(ready))
    age(ready, 1000)
    outcome = run_module(store_lease, args(ready))
    assert outcome["taken_over"] == {}
    assert outcome["lease"]["expires_at"] > time.time()


def test_the_lease_of_another_is_not_released(ready):
    run_module(store_lease, args(ready))
    for token in ("t2", ""):
        outcome = run_module(store_lease, args(ready, token=token, state="released"))
        assert not outcome.changed
        assert outcome["lease"]["owner"] == "alice"


def test_waiting_for_it(ready):
    run_module(store_lease, args(ready))
    timer = threading.Timer(0.5, (ready / ".corral.lease").unlink)
    timer.start()
    outcome = run_module(store_lease, args(ready, owner="bob", token="t2", wait=20))
    timer.join()
    assert outcome["lease"]["owner"] == "bob"
    assert "waited for" in outcome["warnings"][0]


def test_waiting_in_vain(ready):
    run_module(store_lease, args(ready))
    begun = time.monotonic()
    assert run_module(store_lease, args(ready, token="t2", wait=1)).kind == "lease_held"
    assert 0.9 < time.monotonic() - begun < 10


def test_a_clock_that_was_set_back_keeps_nobody_out(ready):
    run_module(store_lease, args(ready))
    age(ready, -10_000)
    assert run_module(store_lease, args(ready, token="t2")).changed


def test_without_a_store(tmp_path):
    assert run_module(store_lease, args(tmp_path / "none"), check=True).changed
    outcome = run_module(store_lease, args(tmp_path / "none"))
    assert outcome.kind == "store_not_ready"
    assert "corral.ollama.store" in outcome.msg


BAD = [{"ttl": 5}, {"ttl": 1e9}, {"wait": -1}, {"owner": ""}, {"owner": "x" * 201}, {"job": "a\nb"}, {"path": "rel"}]


@pytest.mark.parametrize("more", BAD)
def test_bad_input(ready, more):
    assert run_module(store_lease, {**args(ready), **more}).kind == "bad_input"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"token": 5}', "\xff", "[" * 100_000])
def test_a_lease_that_is_none_is_not_guessed_at(ready, content):
    (ready / ".corral.lease").write_bytes(content.encode("latin-1"))
    outcome = run_module(store_lease, args(ready))
    assert outcome.kind == "bad_lease"
    assert "remove that file" in outcome.msg


def test_a_lease_that_is_a_link_is_not_followed(ready, tmp_path):
    run_module(store_lease, args(ready))
    (ready / ".corral.lease").rename(tmp_path / "elsewhere")
    (ready / ".corral.lease").symlink_to(tmp_path / "elsewhere")
    assert run_module(store_lease, args(ready)).kind == "not_a_file"
