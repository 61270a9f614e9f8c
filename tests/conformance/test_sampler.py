# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampler of the Molecule scenarios sees who is out, and counts on over a reload of the gateway."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Serve

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "molecule" / "shared"))

from sampler_host import Gateway, Looker, reason


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[list[str]]:
    """Answers of an admin socket, in turn; the last one stays."""
    answers: list[str] = []
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(tmp_path / "admin.sock"))
    door.listen()

    def serve() -> None:
        while True:
            try:
                guest, _address = door.accept()
            except OSError:
                return
            with guest:
                assert guest.recv(100) == b"show stat\n"
                guest.sendall((answers.pop(0) if len(answers) > 1 else answers[0]).encode())

    threading.Thread(target=serve, daemon=True).start()
    yield answers
    door.shutdown(socket.SHUT_RDWR)
    door.close()


def stat(retries: int, first: str = "UP", second: str = "UP") -> str:
    rows = [f"instances,one,{retries},0,{first}", f"instances,two,1,2,{second}", "instances,BACKEND,9,9,UP"]
    rows += ["models-1,one,0,3,UP", "models-1,BACKEND,9,9,UP"]
    return "\n".join(["# pxname,svname,wretr,wredis,status", "api,FRONTEND,,,OPEN", *rows, "", ""])


def test_counters_go_on_over_a_reload(admin: list[str], tmp_path: Path) -> None:
    gateway = Gateway(str(tmp_path / "admin.sock"), "instances")
    admin += [stat(3), stat(5), stat(0), stat(2)]
    seen = []
    for _number in range(4):
        gateway.look()
        seen.append(gateway.counters()["retries"])
    assert seen == [4, 6, 6, 8]
    assert gateway.counters()["redispatches"] == 5


def test_what_the_gateway_says_of_each(admin: list[str], tmp_path: Path) -> None:
    admin += [stat(0, "DRAIN", "UP 1/2")]
    found = Gateway(str(tmp_path / "admin.sock"), "instances").look()
    assert {name: reason(status, "", blind=False) for name, status in found.items()} == {"one": "DRAIN", "two": ""}


@pytest.mark.parametrize(
    ("status", "answer", "blind", "why"),
    [
        ("UP", "", False, ""),
        ("DOWN 1/2", "", False, "DOWN 1/2"),
        ("DRAIN", "no answer", False, "DRAIN, no answer"),
        ("UP", "ConnectionRefusedError", False, "ConnectionRefusedError"),
        (None, "", False, "not in the gateway"),
        (None, "", True, ""),
        (None, "503", True, "503"),
    ],
)
def test_who_is_out(status: str | None, answer: str, blind: bool, why: str) -> None:
    assert reason(status, answer, blind) == why


def test_an_instance_that_goes_and_comes_back(serve: Serve) -> None:
    server = serve()
    looker = Looker(server.port)
    looker.start()
    until(lambda: looker.state == "", "the first answer")
    server.stop()
    until(lambda: looker.state != "", "seen that it went")
    server.env["OLLAMA_HOST"] = f"127.0.0.1:{server.port}"
    server.start()
    until(lambda: looker.state == "", "seen that it came back")
    server.faults(error={"status": 500})
    until(lambda: looker.state == "500", "seen that it is broken")


def test_an_instance_that_says_nothing_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampler_host.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        looker = Looker(silent.getsockname()[1])
        looker.start()
        until(lambda: looker.state == "TimeoutError", "seen that it says nothing")
