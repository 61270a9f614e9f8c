# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of a store or a rollout: a file that says who writes. Read, changed and written back only under its guard
(flock)."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from ..core.errors import CorralError
from ..core.leases import STORE, Lease, Purpose, held_error, lost_error, parse_lease
from .files import fsync_dir, lstat, os_errors, read_plain, require_directory, unlink_if_there, write_whole
from .layout import StorePaths
from .locking import locked
from .shared_clock import StoreClock

_LIMIT = 64 * 1024


class LeaseFile:
    """The lease on one directory. Everything that decides who holds it happens under the guard, so exactly one wins."""

    def __init__(self, paths: StorePaths, now: Callable[[], float] | None = None, purpose: Purpose = STORE) -> None:
        self._paths, self._now, self._purpose = paths, now or StoreClock(paths), purpose

    def read(self) -> Lease | None:
        """The lease as it is, live or not; ``None`` when there is none."""
        path = self._paths.lease
        with os_errors("read the lease", path):
            if lstat(path) is None:
                return None
            lease = parse_lease(read_plain(path, _LIMIT))
        if lease is None:
            raise CorralError(
                f"The lease {path} is not readable as a lease.",
                kind="bad_lease",
                remedy=f"Make sure that nothing writes to the {self._purpose.what}, then remove that file.",
                path=path,
            )
        return lease

    def acquire(self, owner: str, job: str, ttl: float, token: str = "") -> tuple[Lease, Lease | None]:
        """Take the lease (or renew it, if ``token`` holds it). Returns it, and the expired one that was taken over.

        Raises ``LeaseHeld`` when somebody else holds a live one.
        """
        with self._guard():
            now, old = self._now(), self.read()
            if old is not None and old.live(now):
                if not token or old.token != token:
                    raise held_error(self._paths.root, old, self._purpose)
                return self._write(old.renewed(now, ttl)), None
            new = Lease(
                token or secrets.token_hex(16), owner, job, socket.gethostname(), os.getpid(), now, now, now + ttl
            )
            return self._write(new), old if old is not None and old.token != token else None

    def renew(self, token: str, ttl: float) -> Lease:
        """Hold it longer (0: for as long as before); raises ``LeaseLost`` if another holds it. An expired one that
        nobody took is still ours."""
        with self.renewing(token, ttl) as lease:
            return lease

    @contextmanager
    def renewing(self, token: str, ttl: float = 0.0) -> Iterator[Lease]:
        """As ``renew``, with the guard held while a short change is made, as ``writing``."""
        with self._guard():
            now, lease = self._now(), self.read()
            if lease is None or not token or lease.token != token:
                raise lost_error(self._paths.root, lease, now, self._purpose)
            yield self._write(lease.renewed(now, ttl or lease.ttl))

    def release(self, token: str) -> bool:
        """Give it up. False when it was not ours to give up."""
        with self._guard():
            lease = self.read()
            if lease is None or not token or lease.token != token:
                return False
            with os_errors("remove the lease", self._paths.lease):
                unlink_if_there(self._paths.lease)
                fsync_dir(self._paths.root)
            return True

    def require(self, token: str) -> Lease:
        """The live lease held under ``token``; raises ``LeaseLost``."""
        lease, now = self.read(), self._now()
        if lease is None or not token or lease.token != token or not lease.live(now):
            raise lost_error(self._paths.root, lease, now, self._purpose)
        return lease

    @contextmanager
    def writing(self, token: str) -> Iterator[Lease]:
        """Holds the guard while a short change is made: no takeover can happen between the check and the change."""
        with self._guard():
            yield self.require(token)

    def _write(self, lease: Lease) -> Lease:
        with os_errors("write the lease", self._paths.lease):
            write_whole(self._paths.lease, lease.as_bytes(), self._paths.tmp)
        return lease

    @contextmanager
    def _guard(self) -> Iterator[None]:
        path = self._paths.lease_guard
        for directory in (self._paths.private, self._paths.tmp):
            require_directory(directory)
        if lstat(self._paths.tmp) is None:
            raise self._purpose.error(self._paths.root, self._paths.tmp)
        with locked(path):
            yield


class Heartbeat:
    """Renews the lease every third of its time while the block runs. ``check()`` raises as soon as it is lost."""

    def __init__(self, lease: LeaseFile, token: str, ttl: float = 0.0) -> None:
        self._lease, self._token, self._ttl = lease, token, ttl
        self._stop = threading.Event()
        self._lost: CorralError | None = None
        self._thread = threading.Thread(target=self._run, name="lease heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        # Among many hosts the task that took it may be long ago: then it has expired, and is ours if nobody took it.
        self._ttl = self._lease.renew(self._token, self._ttl).ttl
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Cheap enough to call for every line of a stream."""
        if self._lost is not None:
            raise self._lost

    def _run(self) -> None:
        pause = self._ttl / 3
        while not self._stop.wait(pause):
            try:
                self._lease.renew(self._token, self._ttl)
                pause = self._ttl / 3
            except CorralError as error:
                if error.kind in ("lease_lost", "bad_lease", "store_not_ready", "rollout_not_begun"):
                    self._lost = error
                    return
                # a full disk or a busy guard may pass before the lease expires: try again, soon
                pause = min(1.0, self._ttl / 10)
