# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command to one of HAProxy's sockets, one whole reply back: never without a time-out, never half of it."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import GONE, GatewayError

ADMIN, MASTER = "admin.sock", "master.sock"
NO_WORKER = "Can't find the target"
_LIMIT = 32 * 1024 * 1024
_PAUSE = 0.1
_REMEDY = "Look at the gateway's container (docker ps, docker logs), start it, and run again."


class Cli:
    """Talks to the sockets in ``run_dir``. While HAProxy is not there, ``wait`` seconds are waited for it."""

    def __init__(
        self,
        run_dir: str,
        timeout: float = 10.0,
        wait: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.run_dir, self.timeout, self.wait = run_dir, timeout, wait
        self._clock, self._sleep = clock, sleep

    def ask(self, name: str, command: str, *, timeout: float = 0.0, again: bool = True) -> str:
        """The reply of the socket ``name``. A command that must not be given twice is asked with ``again=False``."""
        # What callers put into commands has been checked; this is the last door before the socket.
        if not command.isascii() or not command.isprintable() or ";" in command or "\\" in command or "<<" in command:
            raise GatewayError(f"{command!r} is no command for the gateway.", kind="bad_command")
        until = self._clock() + (self.wait if again else 0.0)
        while True:
            try:
                return self._once(name, command, timeout or self.timeout)
            except GatewayError as error:
                if error.kind != GONE or self._clock() >= until:
                    raise
            self._sleep(_PAUSE)

    def _once(self, name: str, command: str, timeout: float) -> str:
        until = self._clock() + timeout
        with self.directory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
            talk.settimeout(timeout)
            try:
                self._connect(talk, folder, name)
                talk.sendall(command.encode() + b"\n")
                # The master keeps the connection open for further commands unless it sees that there are none.
                talk.shutdown(socket.SHUT_WR)
                reply = self._read(talk, until)
            except socket.timeout as error:
                raise self._gone(name, f"does not answer within {timeout:g} s") from error
            except PermissionError as error:
                raise self._root_only(f"socket {self.run_dir}/{name}") from error
            except OSError as error:
                raise self._gone(name, f"does not answer ({error.strerror or error})") from error
        return self._whole(name, reply)

    @contextmanager
    def directory(self) -> Iterator[int]:
        """A descriptor of the folder: a path of any length can be reached through it."""
        try:
            folder = os.open(self.run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError as error:
            raise self._root_only(f"folder {self.run_dir}") from error
        except OSError as error:
            raise self._gone("", f"has no folder for its sockets ({error.strerror})") from error
        try:
            yield folder
        finally:
            os.close(folder)

    def _connect(self, talk: socket.socket, folder: int, name: str) -> None:
        # the container may write to this folder: a link in it must not lead root to another program's socket
        if not stat.S_ISSOCK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise self._gone(name, "has something else than a socket there")
        talk.connect(f"/proc/self/fd/{folder}/{name}")

    def _read(self, talk: socket.socket, until: float) -> str:
        parts: list[bytes] = []
        size = 0
        while True:
            # per read and for the whole: a drop at a time would otherwise hold us for ever
            talk.settimeout(max(0.001, until - self._clock()))
            part = talk.recv(65536)
            if not part:
                return b"".join(parts).decode("utf-8", "replace")
            parts.append(part)
            size += len(part)
            if size > _LIMIT:
                raise GatewayError(f"The gateway's reply is longer than {_LIMIT} bytes.", run_dir=self.run_dir)

    def _whole(self, name: str, reply: str) -> str:
        """Every reply ends with an empty line, only what the master says of a worker that is not there does not."""
        if reply.endswith("\n\n") or reply == "\n" or (name == MASTER and reply.startswith(NO_WORKER)):
            return reply
        raise self._gone(name, "ended in the middle of a reply")

    def _gone(self, name: str, found: str) -> GatewayError:
        where = f"{self.run_dir}/{name}".rstrip("/")
        message = f"The gateway at {where} {found}."
        return GatewayError(message, kind=GONE, remedy=_REMEDY, run_dir=self.run_dir, socket=name)

    def _root_only(self, what: str) -> GatewayError:
        message, remedy = f"The gateway's {what} is for the host's root only.", "Run the play with become: true."
        return GatewayError(message, kind="permission_denied", remedy=remedy, run_dir=self.run_dir)
