# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulling a model through a server, so that nothing but ``success`` counts as success."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..server.client import OllamaClient
from ..server.errors import PullError, ServerError, pull_error
from ..server.pull_state import PullEvent, PullOutcome, Retry, event_of
from ..server.stream import JsonLines, StreamCut, StreamSilent

VERIFY_BYTES_PER_SECOND = 50_000_000
"""While it hashes what it pulled, the server sends no lines: it is given the time that a slow disk needs."""

BACKOFF_LIMIT = 60.0


@dataclass(frozen=True)
class _Job:
    """What stays the same in all attempts."""

    client: OllamaClient
    name: str
    insecure: bool
    stall_timeout: float
    on_event: Callable[[PullEvent], None] | None
    cancel: Callable[[], object] | None

    def check(self) -> None:
        if self.cancel is not None:
            self.cancel()


def pull_model(
    client: OllamaClient,
    name: str,
    *,
    insecure: bool = False,
    stall_timeout: float = 120.0,
    retries: int = 3,
    backoff: float = 1.0,
    on_event: Callable[[PullEvent], None] | None = None,
    on_retry: Callable[[Retry], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    cancel: Callable[[], object] | None = None,
) -> PullOutcome:
    """Pull ``name`` and return what happened, or raise PullError with ``facts['retries']``.

    ``cancel`` is called at every line and before every attempt and stops the pull by raising.
    """
    job = _Job(client, name, insecure, stall_timeout, on_event, cancel)
    outcome = PullOutcome()
    begun = time.monotonic()
    for attempt in range(1, max(0, retries) + 2):
        started = time.monotonic()
        try:
            _Attempt(job, outcome, attempt).run()
            break
        except PullError as error:
            last = attempt > retries or not error.transient
            wait = 0.0 if last else min(BACKOFF_LIMIT, backoff * 2 ** (attempt - 1))
            retry = Retry(attempt, error.kind, error.message, time.monotonic() - started, wait)
            outcome.retries.append(retry)
            error.facts.update(attempts=attempt, retries=[each.as_dict() for each in outcome.retries])
            if last:
                raise
            if on_retry is not None:
                on_retry(retry)
            sleep(wait)
    outcome.seconds = time.monotonic() - begun
    return outcome


class _Attempt:
    """One request to ``/api/pull``."""

    def __init__(self, job: _Job, outcome: PullOutcome, attempt: int) -> None:
        self._job, self._outcome, self._attempt = job, outcome, attempt
        self._last: PullEvent | None = None
        self._best: dict[tuple[str, str], int] = {}
        self._moved = time.monotonic()

    def run(self) -> None:
        """Returns after ``success``; raises PullError otherwise. The connection is closed in any case."""
        self._job.check()
        lines = self._open()
        try:
            self._read(lines)
        except StreamSilent as error:
            raise self._stalled(f"nothing was received for {self._limit():g} s {self._where()}") from error
        except StreamCut as error:
            if not self._succeeded:
                raise self._error("server_gone", f"the connection broke {self._where()}") from error
        finally:
            lines.close()
        if not self._succeeded:
            junk = f"; {lines.junk} lines were no JSON, the last began {lines.last_junk!r}" if lines.junk else ""
            raise self._error("pull_incomplete", f"the stream ended without success {self._where()}{junk}")

    @property
    def _succeeded(self) -> bool:
        return self._last is not None and self._last.status == "success"

    def _open(self) -> JsonLines:
        job = self._job
        try:
            return job.client.pull(job.name, job.insecure, job.stall_timeout)
        except ServerError as error:
            if error.status:
                text = str(error.facts.get("text", ""))
                raise pull_error(text, job.name, job.client.url, error.status) from error
            if error.kind == "server_timeout":
                raise self._stalled(f"the server did not answer within {job.stall_timeout:g} s") from error
            raise self._error("server_gone", error.message.rstrip(".")) from error

    def _read(self, lines: JsonLines) -> None:
        """An error in any line is a failure, whatever came before or after it."""
        for line in lines:
            if line.get("error"):
                raise pull_error(str(line["error"]), self._job.name, self._job.client.url)
            self._job.check()
            event = event_of(line, self._attempt)
            self._watch(event, lines)
            self._outcome.note(event)
            if self._job.on_event is not None:
                self._job.on_event(event)

    def _watch(self, event: PullEvent, lines: JsonLines) -> None:
        """A stalled transfer goes on repeating its line: only a new status, layer or byte is progress."""
        now = time.monotonic()
        before, self._last = self._last, event
        if before is None or event.verifying != before.verifying:
            lines.wait_at_most(self._limit())
        if event.completed > self._best.get((event.status, event.digest), -1):
            self._best[event.status, event.digest] = event.completed
            self._moved = now
        elif now - self._moved > self._limit():
            raise self._stalled(f"no new byte arrived for {now - self._moved:.1f} s {self._where()}")

    def _limit(self) -> float:
        extra = self._outcome.total / VERIFY_BYTES_PER_SECOND if self._last and self._last.verifying else 0.0
        return self._job.stall_timeout + extra

    def _where(self) -> str:
        if self._last is None:
            return "before the first line"
        where = f"after {self._last.status!r}"
        return f"{where} ({self._last.completed} of {self._last.total} bytes)" if self._last.total else where

    def _stalled(self, what: str) -> PullError:
        return self._error("stalled", what, "Check the way to the registry; what has been pulled is kept.")

    def _error(self, kind: str, what: str, remedy: str = "") -> PullError:
        return PullError(
            f"Pulling {self._job.name} on {self._job.client.url} failed: {what}.",
            kind=kind,
            remedy=remedy or "Check the server's container and its log (docker logs), then run it again.",
            transient=True,
            model=self._job.name,
            url=self._job.client.url,
        )
