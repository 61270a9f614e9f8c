# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the blobs that a plan names, and keeping a receipt of each as it ends."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional, Union

from ..core.receipts import Receipt
from ..core.scrub_plan import ToRead
from .files import lstat
from .hashing import Cancelled, hash_file, identity, usable_cpus, window_size
from .idle import be_idle
from .layout import StorePaths
from .receipts import ReceiptFile, stamp
from .throttle import Throttle

_TICK = 0.25
_MAX_THREADS = 32


_Event = Union["_Read", "_Warned", BaseException, None]


@dataclass(frozen=True)
class Manners:
    """How many threads read (0: one a processor), and how they give way to others."""

    threads: int = 0
    idle_io: bool = True
    nice: int = 0


@dataclass
class Readings:
    """What was read: ``problems`` by digest for what could not be; what vanished meanwhile is in neither."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Read:
    digest: str
    receipt: Optional[Receipt] = None
    problem: str = ""


class _Warned(str):
    __slots__ = ()


class Scrubber:
    """One run over one store. The receipts are on the disk before the next look at the queue, so a kill loses the blobs
    in hand and no more."""

    def __init__(
        self, paths: StorePaths, throttle: Throttle, manners: Manners, now: Callable[[], float] = time.time
    ) -> None:
        self._paths, self._throttle, self._manners, self._now = paths, throttle, manners, now
        self._cancel = threading.Event()

    def read(self, reads: Sequence[ToRead], on_tick: Callable[[int, str], None]) -> Readings:
        """In their order, as far as the throttle lets it. ``on_tick(bytes, note)`` is called a few times a second."""
        begun, done = time.monotonic(), Readings()
        turns, events = _Turns(reads), queue.SimpleQueue[_Event]()
        count = min(self._manners.threads or usable_cpus(), len(reads), _MAX_THREADS)
        window = self._throttle.piece(window_size(count))
        threads = [threading.Thread(target=self._work, args=(turns, events, window)) for _number in range(count)]
        for thread in threads:
            thread.start()
        try:
            working = count
            while working:
                batch = _drain(events)
                working -= batch.count(None)
                self._keep(batch, done)
                on_tick(self._throttle.bytes, self._throttle.note)
        finally:
            self._cancel.set()
            self._throttle.give_up()
            for thread in threads:
                thread.join()
        done.seconds = time.monotonic() - begun
        return done

    def _keep(self, batch: Sequence[_Event], done: Readings) -> None:
        read = [event for event in batch if isinstance(event, _Read)]
        ReceiptFile(self._paths).append(one.receipt for one in read if one.receipt)
        for one in read:
            if one.receipt:
                done.receipts[one.digest] = one.receipt
                done.bytes += one.receipt.stamp.size
            elif one.problem:
                done.problems[one.digest] = one.problem
        done.warnings += {str(event) for event in batch if isinstance(event, _Warned)} - set(done.warnings)
        for event in batch:
            if isinstance(event, BaseException):
                raise event

    def _work(self, turns: _Turns, events: queue.SimpleQueue[_Event], window: int) -> None:
        try:
            warning = be_idle(self._manners.idle_io, self._manners.nice)
            if warning:
                events.put(_Warned(warning))
            for one in turns:
                if not self._throttle.may_begin():
                    break
                events.put(self._read(one, window))
        except Cancelled:
            pass
        except BaseException as error:
            events.put(error)
        finally:
            events.put(None)

    def _read(self, one: ToRead, window: int) -> _Read:
        path = self._paths.blob(one.digest)
        try:
            before = lstat(path)
            hashed = hash_file(path, window, self._cancel, self._throttle.passed)
            if before is None or lstat(path) is None:
                return _Read(one.digest)
        except OSError as error:
            return _Read(one.digest, problem=os.strerror(error.errno or 0))
        if hashed.problem:
            return _Read(one.digest, problem=hashed.problem)
        # the stamp of before: what happens to the file from then on makes the receipt void
        same = identity(before) == hashed.identity
        return _Read(one.digest, Receipt(one.digest, hashed.digest, stamp(before), self._now()) if same else None)


class _Turns:
    """An iterator that many threads share."""

    def __init__(self, reads: Sequence[ToRead]) -> None:
        self._rest, self._lock = iter(reads), threading.Lock()

    def __iter__(self) -> Iterator[ToRead]:
        return self

    def __next__(self) -> ToRead:
        with self._lock:
            return next(self._rest)


def _drain(events: queue.SimpleQueue[_Event]) -> list[_Event]:
    """Everything there is, after a wait for the first: one write to the disk is for all that ended meanwhile."""
    batch: list[_Event] = []
    try:
        batch.append(events.get(timeout=_TICK))
        while True:
            batch.append(events.get_nowait())
    except queue.Empty:
        return batch
