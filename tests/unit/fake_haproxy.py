# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's two sockets by script: servers, workers and maps as they are, and what goes wrong on a wire."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONFIG_ID = "one"
MAP_FOLDER = "/etc/corral-gateway"
# HAProxy has two hundred.
_COLUMNS = ["pxname", "svname", "qcur", "scur", "econ", "eresp", "wretr", "wredis", "status", "chkfail"]
_COLUMNS += ["hrsp_5xx", "type"]


@dataclass
class FakeServer:
    backend: str
    name: str
    port: int
    status: str = "UP"
    admin: int = 0
    scur: int = 0
    qcur: int = 0
    counters: dict[str, int] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        return {
            "pxname": self.backend,
            "svname": self.name,
            "type": 2,
            "status": self.status,
            "scur": self.scur,
            "qcur": self.qcur,
            **self.counters,
        }

    def line(self) -> str:
        operational = 0 if self.status.startswith("DOWN") else 2
        front = f"3 {self.backend} 1 {self.name} 127.0.0.1 {operational} {self.admin} 1 1 5 15 3 3 6 0 0 0 -"
        return f"{front} {self.port} - 0 0 - - 0"


@dataclass
class FakeWorker:
    pid: int
    config_id: str = CONFIG_ID
    servers: list[FakeServer] = field(default_factory=list)
    clients: int = 0
    streams: int = 0
    queued: int = 0


@dataclass
class FakeHaproxy:
    """``commands`` is what was asked for. ``script`` may answer instead (None: as usual), or raise ``Hang``/``Cut``."""

    run_dir: Path
    worker: FakeWorker = field(default_factory=lambda: FakeWorker(100))
    old: list[FakeWorker] = field(default_factory=list)
    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    prepared: dict[int, dict[str, str]] = field(default_factory=dict)
    next_config_id: str = CONFIG_ID
    refuses: str = ""
    commands: list[str] = field(default_factory=list)
    script: Callable[[str], str | None] = lambda _command: None
    masterless: bool = False

    def have(self, name: str, port: int = 11434, backend: str = "instances", **more: Any) -> FakeServer:
        server = FakeServer(backend, name, port, **more)
        self.worker.servers.append(server)
        return server

    def find(self, name: str, backend: str = "instances") -> FakeServer:
        return next(one for one in self.worker.servers if (one.backend, one.name) == (backend, name))

    def answer(self, socket_name: str, command: str) -> str:
        self.commands.append(command)
        scripted = self.script(command)
        if scripted is not None:
            return scripted
        if socket_name == "admin.sock":
            return self._worker_says(self.worker, command)
        if command.startswith("@!"):
            pid, _blank, rest = command[2:].partition(" ")
            found = [one for one in [self.worker, *self.old] if str(one.pid) == pid]
            if not found:
                return f"Can't find the target PID matching the prefix '@!{pid}'\n"
            return self._worker_says(found[0], rest)
        return self._reload() if command == "reload" else self._processes()

    def _worker_says(self, worker: FakeWorker, command: str) -> str:
        words = command.split(" ")
        if command == "show stat":
            return _stat(worker)
        if command == "show info":
            return (
                f"Name: HAProxy\nVersion: 3.0.11\nPid: {worker.pid}\nUptime_sec: 7\n"
                f"description: corral:{worker.config_id}\nCurrStreams: {worker.streams + 1}\n\n"
            )
        if command == "show servers state":
            return "\n".join(["1", "# be_id be_name …", *(one.line() for one in worker.servers)]) + "\n\n"
        if words[:2] == ["set", "server"]:
            return self._set(words)
        return self._map(words)

    def _set(self, words: list[str]) -> str:
        backend, _slash, name = words[2].partition("/")
        if backend not in {one.backend for one in self.worker.servers}:
            return "No such backend.\n\n"
        found = [one for one in self.worker.servers if (one.backend, one.name) == (backend, name)]
        if not found:
            return "No such server.\n\n"
        if words[3] == "addr":
            found[0].port = int(words[6])
            return "port changed from '1' to '2' by 'stats socket command'\n\n"
        found[0].admin = 8 if words[4] == "drain" else 0
        if not found[0].status.startswith("DOWN"):
            found[0].status = "DRAIN" if words[4] == "drain" else "UP"
        return "\n"

    def _map(self, words: list[str]) -> str:
        if words == ["show", "map"]:
            lines = [f"{n} ({path}) pattern loaded from file '{path}' …" for n, path in enumerate(self.maps)]
            return "\n".join(["# id (file) description", *lines]) + "\n\n"
        if words[-1] in self.maps and words[0] == "show":
            return "".join(f"0x7f00 {key} {value}\n" for key, value in self.maps[words[-1]].items()) + "\n"
        if words[0] == "prepare":
            version = max(self.prepared, default=0) + 1
            self.prepared[version] = {}
            return f"New version created: {version}\n\n"
        version = int(words[2].lstrip("@"))
        if words[0] == "add":
            self.prepared[version][words[4]] = words[5]
        else:
            self.maps[words[3]] = self.prepared.pop(version)
        return "\n"

    def _reload(self) -> str:
        if self.refuses:
            return f"Success=0\n--\n[NOTICE]   (1) : version\n[ALERT]    (1) : config : {self.refuses}\n\n"
        self.old = [self.worker, *self.old]
        servers = [FakeServer(one.backend, one.name, one.port, one.status, one.admin) for one in self.worker.servers]
        self.worker = FakeWorker(self.worker.pid + 1, self.next_config_id, servers)
        return "Success=1\n--\n[NOTICE]   (1) : New worker\n\n"

    def _processes(self) -> str:
        head = "#<PID> <type> <reloads> <uptime> <version>\n1 master 0 [failed: 0] 0d00h00m02s 3.0.11\n# workers\n"
        current = "" if self.masterless else f"{self.worker.pid} worker 0 0d00h00m02s 3.0.11\n"
        gone_by = "".join(f"{one.pid} worker 1 0d00h00m09s 3.0.11\n" for one in self.old)
        return f"{head}{current}{'# old workers' if self.old else ''}\n{gone_by}# programs\n\n"

    @contextmanager
    def running(self) -> Iterator[FakeHaproxy]:
        """Both sockets are there, and gone afterwards."""
        stop = threading.Event()
        doors = [_listen(self.run_dir, name) for name in ("admin.sock", "master.sock")]
        threads = [
            threading.Thread(target=self._serve, args=(door, name, stop), daemon=True)
            for door, name in zip(doors, ("admin.sock", "master.sock"))
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for door, thread in zip(doors, threads):
                thread.join()
                door.close()
            for name in ("admin.sock", "master.sock"):
                (self.run_dir / name).unlink(missing_ok=True)

    def _serve(self, door: socket.socket, name: str, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                talk = door.accept()[0]
            except socket.timeout:
                continue
            with talk:
                talk.settimeout(5)
                self._one(talk, name, stop)

    def _one(self, talk: socket.socket, name: str, stop: threading.Event) -> None:
        raw = b""
        # who asks may leave at any moment
        with suppress(OSError):
            while part := talk.recv(65536):
                raw += part
            try:
                talk.sendall(self.answer(name, raw.decode().rstrip("\n")).encode())
            except Hang:
                stop.wait(20)
            except Drip:
                while not stop.wait(0.05):
                    talk.sendall(b"x")


class Hang(Exception):
    """Never answer."""


class Drip(Exception):
    """Answer without an end, a byte at a time."""


def _listen(folder: Path, name: str) -> socket.socket:
    # as the code under test does: the temporary folder of a test may be too deep for a socket's address
    fd = os.open(folder, os.O_RDONLY)
    try:
        door = socket.socket(socket.AF_UNIX)
        door.bind(f"/proc/self/fd/{fd}/{name}")
    finally:
        os.close(fd)
    door.listen(16)
    door.settimeout(0.01)
    return door


def _stat(worker: FakeWorker) -> str:
    rows: list[dict[str, Any]] = [{"pxname": "api", "svname": "FRONTEND", "type": 0, "scur": worker.clients}]
    rows += [one.row() for one in worker.servers]
    rows.append({"pxname": "instances", "svname": "BACKEND", "type": 1, "qcur": worker.queued, "status": "UP"})
    lines = [",".join(str(row.get(column, "")) for column in [*_COLUMNS, "end"]) for row in rows]
    return "# " + ",".join([*_COLUMNS, ""]) + "\n" + "\n".join(lines) + "\n\n"
