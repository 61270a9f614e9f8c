# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a rollout and the audit log on the host. Both are written under the guard of the rollout's lease."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import Any

from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.leases import ROLLOUT, Lease
from ..core.rollout_events import audit_events, audit_line, marked, residents_of
from ..core.rollout_record import Rollout, parse_rollout
from ..store.files import (
    NotAFile,
    fsync_dir,
    lstat,
    make_directory,
    os_errors,
    read_plain,
    require_directory,
    unlink_if_there,
    what_is,
    write_all,
    write_whole,
)
from ..store.layout import store_at
from ..store.lease import Heartbeat, LeaseFile

_LIMIT = 8 * 1024 * 1024
_TAIL = 64 * 1024
_PRIVATE = 0o700

Change = Callable[[Rollout], Rollout]


class RolloutFile:
    """``path`` is the directory of the rollout (record, lease), ``audit_path`` the log; "" is ``audit.jsonl`` beside
    it."""

    def __init__(self, path: str, audit_path: str = "", now: Callable[[], float] = time.time) -> None:
        self._paths = store_at(path, "the directory of a rollout")
        self._now = now
        self.root = self._paths.root
        self.record = os.path.join(self.root, "rollout.json")
        self.audit = audit_path or os.path.join(os.path.dirname(self.root), "audit.jsonl")
        if not os.path.isabs(self.audit):
            raise BadInput(f"audit_path is {audit_path!a}.", remedy="Give the absolute path of the audit log.")
        self.lease = LeaseFile(self._paths, now, ROLLOUT)

    def read(self) -> Rollout | None:
        """``None`` without one; raises where there is something else, as it may be all that knows the way back."""
        with os_errors("read the record of the rollout", self.record):
            if lstat(self.record) is None:
                return None
            raw = read_plain(self.record, _LIMIT)
        rollout = parse_rollout(raw) if len(raw) <= _LIMIT else None
        if rollout is None:
            raise CorralError(
                f"{self.record} is not readable as the record of a rollout.",
                kind="bad_rollout",
                remedy="Look at it and at the audit log, see that every instance serves, and move it away.",
                path=self.record,
            )
        return rollout

    def residents(self, name: str) -> tuple[dict[str, Any], ...]:
        """The models that were in the memory of an instance before it was drained."""
        return residents_of(self.read(), name)

    def heartbeat(self, token: str) -> Heartbeat:
        """Holds the lease while the block runs; one that expired since the last step and that nobody took is ours."""
        lease = self.lease.read()
        return Heartbeat(self.lease, token, lease.ttl if lease else 0.0)

    def mark(self, token: str, names: Iterable[str], state: str, **facts: Any) -> Rollout:
        """Write that these instances reach a state, before the step that it names; renews the lease. Raises
        ``lease_lost``."""
        return self.change(token, lambda rollout: marked(rollout, names, state, self._now(), facts))

    def change(self, token: str, change: Change) -> Rollout:
        """The record as ``change`` makes it of the one that is there."""
        with self.lease.renewing(token):
            rollout = self.read()
            if rollout is None:
                raise ROLLOUT.error(self.root, self.record)
            return self._put(rollout, change(rollout))

    def begin(self, token: str, rollout: Rollout) -> Rollout:
        """A new record in the place of the one that is there."""
        with self.lease.renewing(token):
            with os_errors("tidy", self._paths.tmp):
                for name in os.listdir(self._paths.tmp):
                    # of a writer that was killed: only the holder of the guard writes here
                    unlink_if_there(os.path.join(self._paths.tmp, name))
            return self._put(self.read(), rollout)

    def acquire(self, owner: str, job: str, ttl: float, token: str = "") -> tuple[Lease, Lease | None]:
        """The lease, and the expired one that was taken over; makes the directories that it needs."""
        self._prepare()
        return self.lease.acquire(owner, job, ttl, token)

    def audit_tail(self, count: int) -> list[dict[str, Any]]:
        """The last events of the log, oldest first; torn lines are left out."""
        if count <= 0 or lstat(self.audit) is None:
            return []
        with os_errors("read the audit log", self.audit):
            fd = self._open_audit(os.O_RDONLY)
            try:
                return audit_events(_end(fd, max(_TAIL, min(count, 1000) * 4096)))[-count:]
            finally:
                os.close(fd)

    def _put(self, old: Rollout | None, new: Rollout) -> Rollout:
        """The record first, then the line: what the log says has happened, and a line that a kill kept away is made up
        for by the next change."""
        data = new.as_bytes()
        if len(data) > _LIMIT or parse_rollout(data) is None:
            # nothing was written: a record that cannot be read would be the end of every later run
            raise BadInput(f"The record of the rollout {new.id} could not be read again.", remedy="Report it as a bug.")
        if old is not None and old.event:
            self._append(audit_line(old.event), unless_there=True)
        with os_errors("write the record of the rollout", self.record):
            write_whole(self.record, data, self._paths.tmp, mode=0o600)
        if new.event:
            self._append(audit_line(new.event))
        return new

    def _append(self, line: bytes, unless_there: bool = False) -> None:
        with os_errors("write to the audit log", self.audit):
            fresh = lstat(self.audit) is None
            fd = self._open_audit(os.O_RDWR | os.O_CREAT | os.O_APPEND)
            try:
                tail = _end(fd, _TAIL)
                if unless_there and line in tail:
                    return
                torn = bool(tail) and not tail.endswith(b"\n")
                write_all(fd, b"\n" + line if torn else line)
                os.fsync(fd)
            finally:
                os.close(fd)
            if fresh:
                fsync_dir(os.path.dirname(self.audit))

    def _open_audit(self, flags: int) -> int:
        fd = os.open(self.audit, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            os.close(fd)
            raise NotAFile(f"{self.audit} is {what_is(mode)}, not a plain file.", path=self.audit)
        return fd

    def _prepare(self) -> None:
        """All for root alone: the record keeps the project file as it was, and its environment may hold secrets."""
        with os_errors("make", self.root):
            for path in (*_parents(os.path.dirname(self.audit)), *_parents(self.root)):
                make_directory(path, _PRIVATE)
            for path in (self.root, self._paths.private, self._paths.tmp):
                require_directory(path)
                if not make_directory(path, _PRIVATE) and stat.S_IMODE(os.lstat(path).st_mode) != _PRIVATE:
                    os.chmod(path, _PRIVATE)


def _parents(path: str) -> list[str]:
    """The directories down to ``path`` that are missing, the highest first."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing[::-1]


def _end(fd: int, size: int) -> bytes:
    """At most the last ``size`` bytes; a line that began before them is torn, and left out as such."""
    begin = max(0, os.fstat(fd).st_size - size)
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(begin)
        return file.read(size)
