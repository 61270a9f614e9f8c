"""The room `gateway` and its modules against a real HAProxy."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.modules import gateway as gateway_module
from ansible_collections.corral.ollama.plugins.modules import gateway_info, gateway_keys
from ansible_collections.corral.ollama.tests.practice.gateway_lab import (
    USER,
    Backend,
    Gateway,
    Stream,
    free_port,
    gateway,
    until,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module

ONE, TWO = "ollama-server-1", "ollama-server-2"
SETTINGS, GOAWAY = 4, 7
WEB, OPS = "web-q7Lw2nD9xR4tV8zB1", "ops-q7Lw2nD9xR4tV8zB1"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Gateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    with Backend(ONE).running() as first, Backend(TWO).running() as second, gateway(folder, [first, second]) as found:
        yield found


def test_drained_while_a_stream_runs_and_ready_again(lab: Gateway) -> None:
    runtime = lab.runtime()
    streams = [Stream(lab.port), Stream(lab.port)]
    assert {name: one.in_flight for name, one in runtime.servers().items()} == {ONE: 1, TWO: 1}
    found = runtime.drain(ONE)
    assert (found.status, found.drained, found.in_flight, found.idle) == ("DRAIN", True, 1, False)
    assert lab.who() == {TWO}
    lab.backends[0].release.set()
    until(lambda: runtime.server(ONE).idle)
    assert runtime.ready(ONE, wait=30).status == "UP"
    lab.backends[1].release.set()
    assert [stream.rest() for stream in streams] == [b"beginend"] * 2
    assert lab.who() == {ONE, TWO}


def test_a_backend_for_some_models_counts_and_follows(lab: Gateway) -> None:
    runtime = lab.runtime()
    runtime.drain(TWO)
    assert lab.get("/subset")[1].startswith(ONE)
    runtime.drain(ONE)
    # its only server is out: a request for the subset is refused, and not sent to the drained one
    served = len(lab.backends[0].served)
    assert lab.get("/subset")[0] == 503
    assert len(lab.backends[0].served) == served


@pytest.mark.parametrize("how", ["reload", "kill"])
def test_a_drain_survives(lab: Gateway, how: str) -> None:
    runtime = lab.runtime()
    runtime.drain(ONE)
    if how == "reload":
        runtime.reload()
    else:
        lab.docker("kill")
        with pytest.raises(CorralError) as error:
            lab.runtime(wait=0).servers()
        assert error.value.kind == "gateway_gone"
        lab.docker("start")
    until(lambda: runtime.server(TWO).status == "UP")
    assert (runtime.server(ONE).status, runtime.server(ONE).drained) == ("DRAIN", True)
    assert lab.who() == {TWO}
    runtime.ready(ONE, wait=30)
    lab.docker("kill")
    lab.docker("start")
    lab.serving()
    assert lab.who() == {ONE, TWO}


def test_a_drained_one_that_is_down_stays_out_when_it_is_back(lab: Gateway) -> None:
    runtime = lab.runtime()
    first = lab.backends[0]
    moved = Backend(ONE)
    with moved.running():
        runtime.drain(ONE)
        runtime.set_address(ONE, "127.0.0.1", free_port())
        until(lambda: runtime.server(ONE).status == "DOWN")
        assert runtime.server(ONE).drained
        assert runtime.ready(ONE).status == "DOWN"
        runtime.drain(ONE)
        runtime.set_address(ONE, "127.0.0.1", moved.port)
        until(lambda: runtime.server(ONE).status == "DRAIN")
        assert lab.who() == {TWO}
        runtime.ready(ONE, wait=30)
        assert lab.who() == {ONE, TWO}
        assert lab.get("/subset")[1].startswith(ONE)
    assert moved.served
    assert first.served == [path for path in first.served if path != "/subset"]


def test_a_stream_and_half_a_request_of_an_old_worker_count(lab: Gateway) -> None:
    runtime = lab.runtime()
    runtime.drain(TWO)
    stream = Stream(lab.port)
    half = socket.create_connection(("127.0.0.1", lab.port))
    half.sendall(b"GET /half HTTP/1.1\r\nHost: x\r\n")
    runtime.ready(TWO, wait=30)
    info = runtime.reload()
    assert len(info.old_workers) == 1
    until(lambda: runtime.server(ONE).status == "UP")
    states = runtime.servers()
    assert (states[ONE].in_flight, states[ONE].old_in_flight, states[ONE].queued) == (1, 1, 1)
    assert (states[TWO].in_flight, states[TWO].queued) == (0, 1)
    runtime.drain(ONE)
    # an old worker cannot be told: this is why its waiting requests count for a drained server
    half.sendall(b"\r\n")
    assert half.recv(100).startswith(b"HTTP/1.1 200")
    half.close()
    lab.backends[0].release.set()
    assert stream.rest() == b"beginend"
    until(lambda: runtime.server(ONE).idle)
    until(lambda: runtime.info().old_workers == ())


def test_an_idle_client_of_an_old_worker_counts_as_long_as_it_may_ask_again(lab: Gateway) -> None:
    one = socket.create_connection(("127.0.0.1", lab.port))
    one.settimeout(10)
    one.sendall(b"GET /kept HTTP/1.1\r\nHost: x\r\n\r\n")
    # head and body may come apart
    answer = b""
    while not answer.endswith(b"ollama-server-1 "):
        answer += one.recv(1000) or b"(it hung up) ollama-server-1 "
    assert answer.startswith(b"HTTP/1.1 200")
    two = socket.create_connection(("127.0.0.1", lab.port))
    two.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]))
    assert two.recv(1000)[3] == SETTINGS
    runtime = lab.runtime()
    runtime.reload()
    # HAProxy hangs up on an idle client of HTTP/1; one of HTTP/2 is told to leave, and may yet send a request
    assert one.recv(1000) == b""
    assert two.recv(1000)[3] == GOAWAY
    assert {name: state.queued for name, state in runtime.servers().items()} == {ONE: 1, TWO: 1}
    two.close()
    until(lambda: all(state.idle for state in runtime.servers().values()))
    one.close()


def keyed(lab: Gateway, key: str) -> tuple[int, int]:
    return lab.get("/keyed", key)[0], lab.get("/admin", key)[0]


def test_keys_are_added_and_revoked_without_a_reload(lab: Gateway) -> None:
    web, ops = {"name": "web", "key": WEB}, {"name": "ops", "key": OPS, "admin": True}
    args = {"conf_dir": lab.conf_dir, "run_dir": lab.run_dir, "gid": USER}
    pid = lab.runtime().info().pid
    assert (keyed(lab, WEB), keyed(lab, "")) == ((401, 403), (401, 403))
    assert four_runs(gateway_keys, {**args, "keys": [web, ops]})[1]["synced"]
    assert (keyed(lab, WEB), keyed(lab, OPS), keyed(lab, WEB + "x")) == ((200, 403), (200, 200), (401, 403))
    assert lab.get("/keyed", WEB)[1].endswith(" web")
    four_runs(gateway_keys, {**args, "keys": [{**ops, "admin": False}]})
    assert (keyed(lab, WEB), keyed(lab, OPS)) == ((401, 403), (200, 403))
    assert lab.runtime().info().pid == pid
    lab.docker("kill")
    lab.docker("start")
    lab.serving()
    assert (keyed(lab, WEB), keyed(lab, OPS)) == ((401, 403), (200, 403))
    four_runs(gateway_keys, {**args, "keys": []})
    assert keyed(lab, OPS) == (401, 403)


def test_a_new_configuration_is_loaded_once_with_its_ports(lab: Gateway) -> None:
    runtime = lab.runtime()
    runtime.drain(ONE)
    stream = Stream(lab.port)
    with Backend(ONE).running() as moved, Backend(TWO, release=lab.backends[1].release).running() as other:
        lab.backends = [moved, other]
        lab.configure("two")
        args = {"run_dir": lab.run_dir, "config_id": "two"}
        real = four_runs(gateway_module, args)[1]
        assert (real["gateway"]["config_id"], real["previous_config_id"]) == ("two", "one")
        until(lambda: runtime.server(TWO).status == "UP")
        states = runtime.servers()
        assert {name: one.port for name, one in states.items()} == {ONE: moved.port, TWO: other.port}
        assert states[ONE].drained
        assert states[TWO].old_in_flight == 1
        assert lab.who() == {TWO}
        assert other.served
        other.release.set()
        assert stream.rest() == b"beginend"


def test_a_refused_configuration_leaves_the_old_worker_at_work(lab: Gateway) -> None:
    before = lab.runtime().info().pid
    lab.configure("three", "  balance by-magic")
    outcome = run_module(gateway_module, {"run_dir": lab.run_dir, "config_id": "three"})
    assert outcome.kind == "gateway_refused"
    assert "balance" in outcome.msg
    assert lab.runtime().info().pid == before
    assert lab.who() == {ONE, TWO}
    lab.configure("four")
    assert run_module(gateway_module, {"run_dir": lab.run_dir, "config_id": "four"}).changed


def test_a_hostile_name_does_nothing(lab: Gateway) -> None:
    runtime = lab.runtime()
    before = {name: one.status for name, one in runtime.servers().items()}
    for name in (f"{ONE} state maint;set server instances/{TWO}", f"{ONE}\nset server instances/{TWO}", "../x", ""):
        with pytest.raises(CorralError) as error:
            runtime.drain(name)
        assert error.value.kind == "bad_server_name"
    with pytest.raises(CorralError) as error:
        runtime.drain("ollama-server-9")
    assert error.value.kind == "gateway_server_unknown"
    assert {name: one.status for name, one in runtime.servers().items()} == before


def test_what_there_is_to_see(lab: Gateway) -> None:
    lab.who()
    outcome = run_module(gateway_info, {"run_dir": lab.run_dir})
    assert outcome["gateway"]["version"].startswith("3.0.11")
    assert (outcome["gateway"]["config_id"], outcome["gateway"]["reachable"], outcome["queued"]) == ("one", True, 0)
    assert [server["status"] for server in outcome["servers"]] == ["UP", "UP"]
