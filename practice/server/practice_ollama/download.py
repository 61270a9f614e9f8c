"""The download of one blob: parts in parallel, retried, resumable, shared by all who wait for it."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from typing import Optional

from . import log, wire
from .config import Settings
from .errors import PathError
from .mischief import Cut, Mischief
from .parts import Part, finish, known_digest, new_parts, read_parts, write_part
from .registry import PullError, Registry
from .wire import WireError

ATTEMPTS, AT_ONCE = 6, 16
CANCELED = "context canceled"


class Download:
    def __init__(self, settings: Settings, registry: Registry, blob: str, digest: str, mischief: Mischief):
        self.settings, self.registry, self.mischief = settings, registry, mischief
        self.blob, self.digest = blob, digest
        self.short = known_digest(blob)
        self.parts: list[Part] = []
        self.total = 0
        self.waiting = 0
        self.done = threading.Event()
        self.cancelled = threading.Event()
        self.error: Optional[Exception] = None

    @property
    def completed(self) -> int:
        return sum(part.done for part in self.parts)

    def prepare(self) -> None:
        """Takes up the parts of an earlier attempt or makes new ones."""
        self.parts = read_parts(self.blob)
        if not self.parts:
            total = self.registry.blob_size(self.digest)
            parts = new_parts(total, self.settings.timing.part_min, self.settings.timing.part_max)
            for part in parts:
                write_part(self.blob, part)
            self.parts = parts
        self.total = sum(part.size for part in self.parts)

    def run(self) -> None:
        began = time.monotonic()
        try:
            self._run()
            if not self.settings.since("0.21.0"):
                self.cancelled.wait(max(0.0, self.settings.timing.old_layer - (time.monotonic() - began)))
        except (PullError, PathError) as error:
            self.error = error
        except OSError as error:
            self.error = PathError("write", f"{self.blob}-partial", error.errno or 0)
        finally:
            self.done.set()

    def _run(self) -> None:
        partial = f"{self.blob}-partial"
        try:
            file = os.open(partial, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise PathError("open", partial, error.errno or 0) from error
        try:
            os.ftruncate(file, self.total)
            url = self.registry.direct_url(self.digest, self.cancelled)
            self._transfer(file, url)
        finally:
            os.close(file)
        finish(self.blob, len(self.parts))

    def _transfer(self, file: int, url: str) -> None:
        """The first part that fails for good ends the others."""
        left = [part for part in self.parts if part.completed < part.size]
        if not left:
            return
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(left, ended), daemon=True)
        watcher.start()
        failures: list[Exception] = []
        waiting = iter(left)
        workers = [
            threading.Thread(target=self._work, args=(waiting, file, url, failures), daemon=True)
            for _ in range(min(AT_ONCE, len(left)))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        ended.set()
        watcher.join()
        if failures:
            raise next((f for f in failures if str(f) != CANCELED), failures[0])

    def _work(self, waiting: Iterator[Part], file: int, url: str, failures: list[Exception]) -> None:
        """One of sixteen: takes the next part that nobody has."""
        for part in waiting:
            failure = self._part(part, file, url)
            if failure:
                failures.append(failure)

    def _watch(self, parts: list[Part], ended: threading.Event) -> None:
        """Stops parts from which nothing came for too long, and all of them on cancel."""
        while not ended.wait(min(0.1, self.settings.timing.stall / 4)):
            if self.cancelled.is_set():
                for part in parts:
                    part.stop()
                continue
            for part in parts:
                if part.moved_at and time.monotonic() - part.moved_at > self.settings.timing.stall:
                    part.moved_at, part.stalled = 0.0, True
                    part.stop()

    def _part(self, part: Part, file: int, url: str) -> Optional[Exception]:
        attempt, failure = 0, "unexpected EOF"
        while attempt < ATTEMPTS and not self.cancelled.is_set():
            try:
                self._attempt(part, file, url)
                return None
            except (OSError, PathError) as error:
                number = error.errno or 0
                if isinstance(error, OSError) and number not in (errno.ENOSPC, errno.EIO, errno.EROFS):
                    failure = "unexpected EOF"
                else:
                    self.cancelled.set()
                    return error if isinstance(error, PathError) else PathError("write", f"{self.blob}-partial", number)
            except (Cut, WireError) as error:
                failure = str(error) or "unexpected EOF"
            if part.stalled:
                log.info("download.go:365", f"{self.short} part {part.number} stalled; retrying. If this persists, "
                         "press ctrl-c to exit, then 'ollama pull' to find a faster connection.")  # fmt: skip
                continue
            self._back_off(part, attempt, failure)
            attempt += 1
        if self.cancelled.is_set():
            return PullError(CANCELED)
        self.cancelled.set()
        return PullError(f"max retries exceeded: {failure}")

    def _back_off(self, part: Part, attempt: int, failure: str) -> None:
        if self.cancelled.is_set():
            return
        pause = 2**attempt
        log.info(
            "download.go:295",
            f"{self.short} part {part.number} attempt {attempt} failed: {failure}, retrying in {pause}s",
        )
        self.cancelled.wait(pause * self.settings.timing.retry_scale)

    def _attempt(self, part: Part, file: int, url: str) -> None:
        """Its progress is written down when it ends, however it ends, and not before."""
        part.abort.clear()
        part.stalled, part.moved_at = False, time.monotonic()
        try:
            self._copy(part, file, url)
        finally:
            part.moved_at, part.reply = 0.0, None
            part.completed = part.done
            write_part(self.blob, part)

    def _copy(self, part: Part, file: int, url: str) -> None:
        start, stop = part.offset + part.done, part.offset + part.size
        headers = {"Range": f"bytes={start}-{stop - 1}", "User-Agent": "Go-http-client/1.1"}
        self.mischief.before(part.abort)
        reply = wire.send("GET", url, headers)
        part.reply = reply
        buffer = memoryview(bytearray(self.mischief.chunk))
        try:
            while start < stop:
                if part.abort.is_set():
                    raise Cut
                self.mischief.before(part.abort)
                count = reply.read_some(buffer[: min(len(buffer), stop - start)])
                if not count:
                    raise Cut("unexpected EOF" if reply.response.length else "EOF")
                os.pwrite(file, buffer[:count], start)
                start += count
                part.done, part.moved_at = part.done + count, time.monotonic()
                self.mischief.passed(count, part.abort)
        finally:
            reply.close()
