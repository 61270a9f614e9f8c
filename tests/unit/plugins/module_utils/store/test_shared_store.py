# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store that several hosts share: the time of its file server decides, and one of them writes."""

from __future__ import annotations

import os
import socket
import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.leases import LeaseHeld, LeaseLost
from ansible_collections.corral.ollama.plugins.module_utils.core.mounts import Mount
from ansible_collections.corral.ollama.plugins.module_utils.store import preparing, shared_clock
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.modules import store
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module

AHEAD = 3600.0


@pytest.fixture
def shared(tmp_path):
    path = tmp_path / "store"
    assert run_module(store, {"path": str(path), "shared": True})["store"]["shared"]
    return store_at(str(path))


@pytest.fixture
def other_host(monkeypatch):
    """From here on this is a host whose clock is an hour ahead of the file server's."""
    real = time.time

    def arrive():
        monkeypatch.setattr(shared_clock, "time", lambda: real() + AHEAD)
        monkeypatch.setattr(socket, "gethostname", lambda: "other")

    return arrive


def test_the_twelve_steps(tmp_path):
    check, real, _again, _last = four_runs(store, {"path": str(tmp_path / "store"), "shared": True})
    assert check["store"]["shared"] is real["store"]["shared"] is True


def test_a_store_becomes_shared_and_stays_so_and_is_as_old_as_before(tmp_path):
    given = {"path": str(tmp_path / "store")}
    run_module(store, given)
    before = (tmp_path / "store/.corral/owner.json").read_text()
    assert '"shared"' not in before
    four_runs(store, {**given, "shared": True})
    after = (tmp_path / "store/.corral/owner.json").read_text()
    assert after.replace(',\n "shared": true', "") == before
    assert run_module(store, given)["store"]["shared"] is True
    assert not run_module(store, given).changed


def test_a_host_whose_clock_is_ahead_does_not_take_over_a_lease_that_lives(shared, other_host):
    LeaseFile(shared).acquire("one", "1", 60, "a")
    other_host()
    with pytest.raises(LeaseHeld):
        LeaseFile(shared).acquire("two", "2", 60, "b")


def test_it_does_where_the_store_is_not_said_to_be_shared(tmp_path, other_host):
    path = tmp_path / "store"
    run_module(store, {"path": str(path)})
    LeaseFile(store_at(str(path))).acquire("one", "1", 60, "a")
    other_host()
    assert LeaseFile(store_at(str(path))).acquire("two", "2", 60, "b")[1].owner == "one"


def test_what_has_expired_by_the_server_s_time_is_taken_over_and_the_first_one_writes_no_more(shared, other_host):
    first = LeaseFile(shared)
    first.acquire("one", "1", 10, "a")
    old = first.read()
    aged = {**old.as_dict(), "renewed_at": old.renewed_at - 20, "expires_at": old.expires_at - 20}
    with open(shared.lease, "wb") as file:
        file.write(type(old)(**aged).as_bytes())
    other_host()
    new, before = LeaseFile(shared).acquire("two", "2", 60, "b")
    assert (new.host, before.owner) == ("other", "one")
    with pytest.raises(LeaseLost), first.writing("a"):
        pass


def test_a_lease_taken_by_the_other_host_is_believed_here(shared, monkeypatch):
    real = time.time
    with monkeypatch.context() as there:
        there.setattr(shared_clock, "time", lambda: real() - AHEAD)
        LeaseFile(shared).acquire("behind", "1", 60, "a")
    with pytest.raises(LeaseHeld):
        LeaseFile(shared).acquire("two", "2", 60, "b")


def test_nothing_is_left_of_measuring_the_time(shared):
    LeaseFile(shared).acquire("one", "1", 60, "a")
    assert os.listdir(shared.tmp) == []


def test_a_mount_that_keeps_locks_on_the_host_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(preparing, "mount_of", lambda *_args: Mount("/", "nfs", ("rw", "nolock")))
    outcome = run_module(store, {"path": str(tmp_path / "store"), "shared": True})
    assert outcome.kind == "local_locks"
    assert not (tmp_path / "store").exists()
    assert not run_module(store, {"path": str(tmp_path / "store")}).failed
