# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is out at which moment, seen from outside, ten times a second; and which containers were started when.

with Sampler(lab, {"ollama-server-1": 11434, ...}) as sampler:
    ...
assert sampler.max_out() <= 1
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import Lab

PROGRAM = Path(__file__).with_name("sampler_host.py")
SOCKET = "/opt/corral/ollama/gateway/run/admin.sock"
EVER = float("inf")


@dataclass
class Sampler:
    lab: Lab
    servers: Mapping[str, int]
    socket: str = SOCKET
    backend: str = "instances"

    def start(self, limit: float = 60.0) -> Sampler:
        self._kept = tempfile.TemporaryDirectory(prefix="corral-sampler-")
        self._file = Path(self._kept.name) / "samples"
        wish = json.dumps({"servers": dict(self.servers), "socket": self.socket, "backend": self.backend})
        command = ["docker", "exec", "-i", self.lab.container, "python3", "-u", "-c", PROGRAM.read_text(), wish]
        with open(self._file, "w") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
        end = time.monotonic() + limit
        while not self.looks():
            assert self._process.poll() is None, f"the sampler ended: {self._file.read_text()[-3000:]}"
            assert time.monotonic() < end, f"no sample after {limit} s: {self._file.read_text()[-3000:]}"
            time.sleep(0.1)
        return self

    def stop(self) -> Sampler:
        assert self._process.stdin
        assert self._process.poll() is None, f"the sampler ended before its time: {self._file.read_text()[-3000:]}"
        self._process.stdin.close()
        self._process.wait(30)
        return self

    def __enter__(self) -> Sampler:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self.stop()

    def _lines(self, event: str, since: float, until: float) -> Iterator[dict[str, Any]]:
        for line in self._file.read_text().rpartition("\n")[0].splitlines():
            if line.startswith("{"):
                row = json.loads(line)
                if row["event"] == event and since <= row["at"] <= until:
                    yield row

    def looks(self, since: float = 0.0, until: float = EVER) -> list[dict[str, Any]]:
        """Each change of who is out, and one a second: `out` says why by name, the numbers count from the start."""
        return list(self._lines("look", since, until))

    def max_out(self, since: float = 0.0, until: float = EVER) -> int:
        """The most instances that were out at one moment."""
        return max((len(look["out"]) for look in self.looks(since, until)), default=0)

    def counters(self, since: float = 0.0, until: float = EVER) -> dict[str, int]:
        """What the gateway counted in this time, all instances together: retries, redispatches, errors."""
        looks = self.looks(since, until)
        if not looks:
            return {}
        first, last = looks[0]["counters"], looks[-1]["counters"]
        return {name: last[name] - first[name] for name in last}

    def rate(self, since: float = 0.0, until: float = EVER) -> float:
        """Looks a second."""
        looks = self.looks(since, until)
        return (looks[-1]["rounds"] - looks[0]["rounds"]) / (looks[-1]["at"] - looks[0]["at"])

    def containers(self, action: str, since: float = 0.0, until: float = EVER) -> Counter[str]:
        """How often this happened (start, die, create, …) to the container of each service."""
        return Counter(row["name"] for row in self._lines("container", since, until) if row["action"] == action)

    def absences(self, since: float = 0.0, until: float = EVER) -> dict[str, float]:
        """For how many seconds in all each instance was out."""
        looks, seconds = self.looks(since, until), dict.fromkeys(self.servers, 0.0)
        for look, after in zip(looks, looks[1:], strict=False):
            for name in look["out"]:
                seconds[name] += after["at"] - look["at"]
        return {name: round(total, 1) for name, total in seconds.items()}
