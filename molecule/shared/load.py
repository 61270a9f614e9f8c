# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A constant mixed load on one address, and what became of every request of it.

    load = Load(url, key, ca, {"chat:1b": "chat", "embed:1b": "embed"}).start()
    ...
    outcome = load.stop()
    assert outcome.failed == []

It runs on the controller, in a process of its own, so that neither waits for the other. Nothing is asked twice: what a
client sees is what is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("load_run.py")


@dataclass(frozen=True)
class Failure:
    """One request that was not answered in full: when, who asked what, who answered (if that is known), and how it
    ended: `status`, `dropped` (no answer), `cut` (within it), `incomplete` (ended well, is none) or `timeout`.
    """

    began: float
    ended: float
    kind: str
    client: str
    model: str
    instance: str
    status: int
    how: str
    error: str


@dataclass(frozen=True)
class Outcome:
    total: int = 0
    failed: list[Failure] = field(default_factory=list)
    #: How many of each, those that failed included.
    by_kind: Mapping[str, int] = field(default_factory=dict)
    by_client: Mapping[str, int] = field(default_factory=dict)
    by_instance: Mapping[str, int] = field(default_factory=dict)
    #: p50, p99 and max of the seconds, by kind.
    waits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    #: Seconds of each long one that was answered, and how many ran when the load was stopped.
    long: list[float] = field(default_factory=list)
    abandoned: int = 0
    seconds: float = 0.0
    ended: bool = False

    @property
    def sorts(self) -> dict[str, int]:
        """How many failed in which way."""
        ways = [failure.how for failure in self.failed]
        return {way: ways.count(way) for way in sorted(set(ways))}

    def __str__(self) -> str:
        rows = [f"{self.total} requests in {self.seconds:.0f} s, {len(self.failed)} failed {self.sorts or ''}"]
        rows += [f"long: {len(self.long)} answered, {self.abandoned} abandoned"]
        rows += [f"  {failure}" for failure in self.failed[:20]]
        return "\n".join(rows)


class Load:
    """`models`: `chat` or `embed` by name, or another word for one that nobody asks; all are to be in every list.
    `rate` is what all clients ask a second, of `tokens` tokens each; the long ones have `long_tokens`.
    """

    def __init__(
        self, base_url: str, key: str, ca: str, models: Mapping[str, str], clients: int = 18, long_streams: int = 1,
        **options: Any,
    ) -> None:  # fmt: skip
        usual = {"rate": 80, "tokens": 6, "long_tokens": 1200, "long_pause": 0.0, "timeout": 150.0}
        unknown = sorted(set(options) - set(usual))
        if unknown:
            raise TypeError(f"no such option: {', '.join(unknown)}")
        self._wish = {"base_url": base_url.rstrip("/"), "key": key, "ca": ca, "models": dict(models)}
        self._wish.update(usual, clients=clients, long_streams=long_streams, **options)
        self._kept = tempfile.TemporaryDirectory(prefix="corral-load-")
        self._folder = Path(self._kept.name)
        self._process: subprocess.Popen[str] | None = None

    def start(self, limit: float = 60.0) -> Load:
        """It returns when there have been answers, or none for too long."""
        with open(self._folder / "out", "w") as out, open(self._folder / "err", "w") as err:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=out, stderr=err, text=True
            )
        assert self._process.stdin
        self._process.stdin.write(json.dumps(self._wish) + "\n")
        self._process.stdin.flush()
        end = time.monotonic() + limit
        while not self.so_far().total:
            assert self._process.poll() is None, f"the load ended: {self.errors}"
            assert time.monotonic() < end, f"no request has ended after {limit} s: {self.errors}"
            time.sleep(0.1)
        return self

    def so_far(self) -> Outcome:
        """Counts are at most a second old."""
        whole = (self._folder / "out").read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        counts = next((line for line in reversed(lines) if line["event"] in ("counts", "end")), {"event": ""})
        failed = [
            Failure(**{key: value for key, value in line.items() if key != "event"})
            for line in lines
            if line["event"] == "failure"
        ]
        kept = {key: value for key, value in counts.items() if key not in ("event", "failures")}
        return Outcome(failed=failed, ended=counts["event"] == "end", **kept)

    def stop(self, limit: float = 180.0) -> Outcome:
        """No new requests; those that run are waited for, the long ones are not."""
        assert self._process
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        outcome = self.so_far()
        assert outcome.ended, f"the load did not end well: rc {self._process.returncode} {self.errors}"
        return outcome

    @property
    def errors(self) -> str:
        return (self._folder / "err").read_text()[-3000:]

    def __enter__(self) -> Load:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        if self._process and self._process.poll() is None:
            self.stop()
