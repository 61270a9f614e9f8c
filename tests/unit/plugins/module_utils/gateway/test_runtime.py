# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running gateway through its sockets: what is asked, what is believed, and what goes wrong on the way."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.gateway.runtime import Runtime
from ansible_collections.corral.ollama.tests.unit.fake_haproxy import FakeServer, FakeWorker


def kind_of(call) -> str:
    with pytest.raises(CorralError) as error:
        call()
    return error.value.kind


def state(haproxy) -> str:
    return (haproxy.run_dir / "servers.state").read_text()


def test_servers_of_every_backend_and_worker(haproxy, runtime):
    haproxy.find("s1").scur = 2
    haproxy.find("s1", "with_x").scur = 1
    haproxy.find("s1").counters = {"wretr": 3, "wredis": 4, "econ": 5, "eresp": 6, "hrsp_5xx": 7, "chkfail": 8}
    past = [FakeServer("instances", "s1", 11434, scur=1), FakeServer("instances", "s9", 1, scur=2)]
    haproxy.old = [FakeWorker(90, servers=past, clients=4, streams=3)]
    first, second, ninth = runtime.servers().values()
    assert (first.in_flight, first.old_in_flight, first.queued, first.known) == (4, 1, 1, True)
    counted = (first.retries, first.redispatches, first.connection_errors, first.response_errors)
    assert (*counted, first.responses_5xx, first.checks_failed) == (3, 4, 5, 6, 7, 8)
    assert (second.in_flight, second.queued) == (0, 1)
    assert (ninth.name, ninth.known, ninth.in_flight) == ("s9", False, 2)
    assert kind_of(lambda: runtime.server("s9")) == "gateway_server_unknown"


def test_drain_and_ready_are_written_down(haproxy, runtime):
    found = runtime.drain("s1")
    assert (found.status, found.drained) == ("DRAIN", True)
    assert "set server instances/s1 state drain" in haproxy.commands
    assert " instances 1 s1 127.0.0.1 2 8 " in state(haproxy)
    assert " s2 " not in state(haproxy)
    assert (haproxy.run_dir / "servers.state").stat().st_mode & 0o777 == 0o600
    found = runtime.ready("s1", wait=5)
    assert (found.status, found.drained) == ("UP", False)
    assert " s1 " not in state(haproxy)


def test_one_that_is_stopped_meanwhile_is_drained_all_the_same(haproxy, runtime):
    haproxy.find("s1").status = "DOWN"
    assert (runtime.drain("s1").status, runtime.server("s1").drained) == ("DOWN", True)


def test_a_drain_that_has_no_effect_is_refused(haproxy, runtime):
    haproxy.script = lambda command: "\n" if command.startswith("set server") else None
    assert kind_of(lambda: runtime.drain("s1")) == "gateway_refused"


def test_ready_waits_for_exactly_up(haproxy, runtime):
    server = haproxy.find("s1")
    server.status = "DOWN"
    seen = []

    def later():
        for status in ("DOWN 1/2", "UP 1/2", "UP"):
            time.sleep(0.3)
            seen.append(status)
            server.status = status

    thread = threading.Thread(target=later)
    thread.start()
    assert runtime.ready("s1", wait=30).status == "UP"
    thread.join()
    assert seen == ["DOWN 1/2", "UP 1/2", "UP"]


def test_one_that_does_not_come_up(haproxy, runtime):
    haproxy.find("s1").status = "DOWN"
    assert runtime.ready("s1").status == "DOWN"
    assert kind_of(lambda: runtime.ready("s1", wait=0.3)) == "gateway_not_up"


@pytest.mark.parametrize("reply", ["Permission denied\n\n", "Proxy is disabled.\n\n"])
def test_words_are_no_success(haproxy, runtime, reply):
    haproxy.script = lambda command: reply if command.startswith("set server") else None
    with pytest.raises(CorralError) as error:
        runtime.drain("s1")
    assert error.value.kind == "gateway_refused"
    assert reply.strip() in str(error.value)


def test_an_unknown_server_is_told_with_the_known_ones(runtime):
    with pytest.raises(CorralError) as error:
        runtime.drain("s7")
    assert error.value.kind == "gateway_server_unknown"
    assert "it has s1, s2" in str(error.value)


@pytest.mark.parametrize("name", ["s1;shutdown sessions", "s1 state ready\nset server", "s1\n", "a b", "../s1", ""])
def test_a_hostile_name_never_reaches_the_socket(haproxy, runtime, name):
    for call in (runtime.drain, runtime.ready, lambda given: runtime.set_address(given, "127.0.0.1", 1)):
        assert kind_of(lambda call=call: call(name)) == "bad_server_name"
    assert not any("set" in command for command in haproxy.commands)


def test_another_address_goes_to_every_backend(haproxy, runtime):
    runtime.set_address("s1", "127.0.0.1", 12000)
    assert {one.port for one in haproxy.worker.servers if one.name == "s1"} == {12000}
    haproxy.commands.clear()
    runtime.set_address("s1", "127.0.0.1", 12000)
    assert not any(command.startswith("set") for command in haproxy.commands)
    for host, port in (("localhost", 1), ("127.0.0.1;", 1), ("127.0.0.1", 0), ("127.0.0.1", 70000)):
        assert kind_of(lambda host=host, port=port: runtime.set_address("s1", host, port)) == "bad_address"


def test_a_server_that_moves_a_moment_later_is_waited_for(haproxy, runtime):
    servers = [one for one in haproxy.worker.servers if one.name == "s1"]
    looks = []

    def late(command):
        if command.startswith("set server"):
            return "port changed\n\n"
        if command == "show servers state":
            looks.append(command)
            # the first look is for who has to move, and the next three come too early
            for one in servers if len(looks) == 4 else ():
                one.port = 12000
        return None

    haproxy.script = late
    runtime.set_address("s1", "127.0.0.1", 12000)
    assert len(looks) == 4


def test_a_server_that_never_moves_is_an_error(haproxy, tmp_path):
    now = iter(range(1000))
    runtime = Runtime(str(haproxy.run_dir), timeout=5, clock=lambda: next(now), sleep=lambda _seconds: None)
    haproxy.script = lambda command: "port changed\n\n" if command.startswith("set server") else None
    with pytest.raises(CorralError, match=r"it is 127\.0\.0\.1:11434 all the same"):
        runtime.set_address("s1", "127.0.0.1", 12000)


def test_a_reload_keeps_the_drain_and_the_ports_of_the_new_configuration(haproxy, runtime):
    conf = haproxy.run_dir.parent / "conf"
    conf.mkdir()
    (conf / "haproxy.cfg").write_text("backend instances\n  server s1 127.0.0.1:1\n  server s2 127.0.0.1:2\n")
    runtime.drain("s1")
    assert runtime.moved() == ["s1", "s2"]
    written = []

    def script(command):
        if command == "reload":
            written.append(state(haproxy))
        return

    haproxy.script = script
    haproxy.next_config_id = "two"
    info = runtime.reload()
    assert (info.pid, info.config_id, info.old_workers, info.version) == (101, "two", (100,), "3.0.11")
    ports = {line.split()[3]: line.split()[18] for line in written[0].splitlines()[2:]}
    assert ports == {"s1": "1", "s2": "2"}
    assert "s2" not in state(haproxy)


def test_a_refused_configuration_is_told_in_the_masters_words(haproxy, runtime):
    haproxy.refuses = "[haproxy.cfg:3] : unknown keyword 'bakend'"
    with pytest.raises(CorralError) as error:
        runtime.reload()
    assert error.value.kind == "gateway_refused"
    assert "unknown keyword 'bakend'" in str(error.value)
    assert runtime.info().pid == 100


def test_a_look_across_a_reload_is_taken_again(haproxy, runtime):
    looks = []

    def script(command):
        if command == "@!100 show servers state" and not looks:
            looks.append(1)
            haproxy.answer("master.sock", "reload")
            haproxy.find("s1").scur = 5
        return

    haproxy.script = script
    assert runtime.servers()["s1"].in_flight == 5


def test_an_old_worker_may_end_at_any_moment(haproxy, runtime):
    haproxy.old = [FakeWorker(90, servers=[FakeServer("instances", "s1", 1, scur=1)])]

    def script(command):
        if command == "@!90 show info":
            haproxy.old = []
        return

    haproxy.script = script
    assert runtime.servers()["s1"].in_flight == 0
