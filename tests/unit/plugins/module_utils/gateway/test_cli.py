# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the gateway's sockets: gone, stuck, half a reply, a link in the way."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.gateway.cli import Cli
from ansible_collections.corral.ollama.plugins.module_utils.gateway.runtime import Runtime
from ansible_collections.corral.ollama.tests.unit.fake_haproxy import Drip, FakeHaproxy, Hang


def kind_of(call) -> str:
    with pytest.raises(CorralError) as error:
        call()
    return error.value.kind


@pytest.mark.parametrize("command", ["show info; quit", "a\nb", "a\\;b", "x << y", "é"])
def test_the_last_door_before_the_socket(haproxy, command):
    assert kind_of(lambda: Cli(str(haproxy.run_dir)).ask("admin.sock", command)) == "bad_command"
    assert haproxy.commands == []


def test_without_sockets_it_is_gone_and_may_be_waited_for(tmp_path):
    assert kind_of(Runtime(str(tmp_path / "none")).info) == "gateway_gone"
    assert kind_of(Runtime(str(tmp_path)).info) == "gateway_gone"
    fake = FakeHaproxy(tmp_path)
    fake.have("s1")
    found = []
    thread = threading.Thread(target=lambda: found.append(Runtime(str(tmp_path), wait=60).info()))
    thread.start()
    time.sleep(0.3)
    with fake.running():
        thread.join()
    assert found[0].pid == 100


def test_a_master_without_a_worker_is_gone(haproxy, runtime):
    haproxy.masterless = True
    assert kind_of(runtime.info) == "gateway_gone"


@pytest.mark.parametrize(
    "reply", ["", "# pxname,svname,status\ninstances,s1,UP\n", "1\n# be_id\n3 instances 1 s1 127"], ids=repr
)
def test_half_a_reply_is_none(haproxy, runtime, reply):
    haproxy.script = lambda command: reply if "show s" in command else None
    assert kind_of(runtime.servers) == "gateway_gone"


@pytest.mark.parametrize("how", [Hang, Drip])
def test_a_socket_that_is_stuck_holds_nobody(haproxy, how):
    def script(_command):
        raise how

    haproxy.script = script
    assert kind_of(Runtime(str(haproxy.run_dir), timeout=0.5).info) == "gateway_gone"


def test_a_link_is_not_followed(tmp_path, haproxy):
    (tmp_path / "admin.sock").symlink_to(haproxy.run_dir / "admin.sock")
    assert kind_of(lambda: Cli(str(tmp_path)).ask("admin.sock", "show info")) == "gateway_gone"
    (haproxy.run_dir / "servers.state.new").symlink_to(tmp_path / "target")
    Runtime(str(haproxy.run_dir)).save_state()
    assert not (tmp_path / "target").exists()
    assert not (haproxy.run_dir / "servers.state").is_symlink()


def test_a_long_path_is_no_obstacle(tmp_path):
    deep = tmp_path / ("x" * 120) / "run"
    deep.mkdir(parents=True)
    fake = FakeHaproxy(deep)
    with fake.running():
        assert Runtime(str(deep)).info().pid == 100
