# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drain and admission killed before every single change, commands to the gateway included: the record never says more
than is true, and the next run ends where an undisturbed one does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_stats import ServerState
from ansible_collections.corral.ollama.plugins.module_utils.glue import drain_wait, gateway_door
from ansible_collections.corral.ollama.plugins.modules import admission, drain
from ansible_collections.corral.ollama.tests.killed.killing import WRITES, killed_before
from ansible_collections.corral.ollama.tests.unit.admitted import MISTRAL, ONE, TWO, Server, fleet
from ansible_collections.corral.ollama.tests.unit.fake_gateway import FakeGateway
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.rollout_begun import TOKEN, member, paths, told
from ansible_collections.corral.ollama.tests.unit.scripted_server import error, ok

LOADED = {"name": MISTRAL, "digest": "a" * 64, "size": 9, "size_vram": 0, "expires_at": "2319-01-01T00:00:00Z"}
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


class LastingGateway(FakeGateway):
    """Its state outlives the process that talks to it, and each command to it is a change that a kill can prevent."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def begin(self) -> LastingGateway:
        self.path.write_text(json.dumps([state.as_dict() for state in self.states.values()]))
        return self

    def servers(self):
        self.states = {row["name"]: ServerState(**row) for row in json.loads(self.path.read_text())}
        return super().servers()

    def drain(self, name):
        self._command(super().drain, name)

    def ready(self, name, wait=0.0):
        self._command(super().ready, name)

    def _command(self, real, name):
        os.utime(self.path)
        self.servers()
        real(name)
        self.begin()
        os.utime(self.path)

    @property
    def out(self):
        return sorted(name for name, state in self.servers().items() if state.drained)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    # a kill loses nothing that was written, so waiting for the disk would prove nothing here
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    monkeypatch.setattr(drain_wait, "STEP", 0.001)


def lasting(found, folder, monkeypatch, out):
    """The fleet's gateway as one that lasts; these are drained at it."""
    gateway = LastingGateway(folder / "gateway.json")
    for name, server in found.servers.items():
        port = int(server.url.rpartition(":")[2])
        gateway.have(name, "DRAIN" if name in out else "UP", drained=name in out, port=port)
    monkeypatch.setattr(
        gateway_door, "Runtime", lambda run_dir, timeout: gateway.begin() if not gateway.path.exists() else gateway
    )
    gateway.begin()
    return gateway


def test_a_drain_killed_before_every_change(tmp_path, monkeypatch):
    number, through, seen = 0, False, []
    while not through:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        with fleet(folder, {ONE: {}, TWO: {}}) as found:
            gateway = lasting(found, folder, monkeypatch, ())
            found.servers[ONE].on("GET", "/api/ps", ok({"models": [LOADED]}))
            listed = [{"name": name, "url": server.url} for name, server in found.servers.items()]
            given = {**paths(found.roll), "instances": listed[:1], "others": listed, "run_dir": "/run/gateway"}
            through = killed_before(number, drain, given, WRITES)
            state = member(found.roll, ONE).state
            seen.append((state, gateway.out == [ONE]))
            again = run_module(drain, given)
            assert not again.failed, again.msg
            assert not run_module(drain, given).changed
            assert (member(found.roll, ONE).state, gateway.out) == ("drained", [ONE])
            assert [row["name"] for row in member(found.roll, ONE).residents] == [MISTRAL]
            assert last_told(found.roll) == ("drained", ONE)
    order = [("planned", False), ("draining", False), ("draining", True), ("drained", True)]
    assert seen == sorted(seen, key=order.index), "never drained without a word about it, never the other way round"
    assert set(seen) == set(order)


@pytest.mark.parametrize("good", [True, False])
def test_an_admission_killed_before_every_change(tmp_path, monkeypatch, good):
    number, through, seen = 0, False, []
    while not through:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        with fleet(folder, {ONE: {"state": "changing", "residents": ()}}, **{ONE: Server()}) as found:
            gateway = lasting(found, folder, monkeypatch, (ONE,))
            if not good:
                hangs_in_service(gateway, found.servers[ONE])
            given = found.args(ONE)
            through = killed_before(number, admission, given, WRITES)
            state = member(found.roll, ONE).state
            seen.append((state, gateway.out == [ONE]))
            again = found.admit()
            assert not again.failed, again.msg
            end = ("done", []) if good else ("failed", [ONE])
            assert (member(found.roll, ONE).state, gateway.out) == end
            assert last_told(found.roll) == (end[0], ONE)
            assert again["ok"] is good
    order = [("changing", True), ("admitting", True), ("admitting", False)]
    order += [("done", False)] if good else [("failed", True)]
    assert set(seen) == set(order), "done is only what is in service, failed only what is out of it"
    assert seen[0] == order[0]
    assert seen[-1] == order[-1]


def hangs_in_service(gateway, server):
    """It answers until it is in service, and with errors from then on."""

    def version(_call):
        state = json.loads(gateway.path.read_text())[0]
        return ok({"version": "0.32.15"}) if state["drained"] else error(500, "hung")

    server.on("GET", "/api/version", version)


def last_told(roll):
    """The last line of the audit log once another change has been made: a line that a kill kept away comes with it."""
    roll.mark(TOKEN, [ONE], "planned")
    return told(roll)[-2]
