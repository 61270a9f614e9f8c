# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks ten times a second at all instances of a host: runs there, for `sampler.Sampler`, until its input ends.

An instance is out when the gateway gives it no new requests, or when it does not say its version. A line of JSON is
written when who is out changes, once a second besides, and for each start and end of a container. No other imports than
the standard library's.
"""

from __future__ import annotations

import csv
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from typing import Any

#: Seconds between two looks; after how many of them an instance that owes an answer is out; and how many a new
#: connection gets: Docker's proxy takes those to a container that does not listen yet, and lets them wait.
LOOK, PATIENCE, HASTE = 0.1, 5.0, 0.5
COUNTED = {
    "wretr": "retries",
    "wredis": "redispatches",
    "econ": "connection_errors",
    "eresp": "response_errors",
    "hrsp_5xx": "responses_5xx",
    "cli_abrt": "client_aborts",
    "srv_abrt": "server_aborts",
}
_LOCK = threading.Lock()


def say(event: str, **facts: Any) -> None:
    with _LOCK:
        print(json.dumps({"event": event, "at": time.time(), **facts}), flush=True)


class Looker(threading.Thread):
    """Asks one instance for its version, again and again, over a connection that is kept."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.asked, self.error = port, time.monotonic(), "not asked yet"

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HASTE)
        while True:
            self.asked = time.monotonic()
            try:
                new = connection.sock is None
                if new:
                    connection.connect()
                connection.sock.settimeout(HASTE if new else None)
                connection.request("GET", "/api/version")
                answer = connection.getresponse()
                body = answer.read()
                self.error = "" if answer.status == 200 and b"version" in body else f"{answer.status}"
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self.error = type(error).__name__
            time.sleep(max(0.0, LOOK - (time.monotonic() - self.asked)))

    @property
    def state(self) -> str:
        late = time.monotonic() - self.asked > PATIENCE
        return "no answer" if late else self.error


class Gateway:
    """What the admin socket says of the servers; counters go on over a reload, after which HAProxy's begin anew."""

    def __init__(self, path: str, backend: str) -> None:
        self.path, self.backend = path, backend
        self.last: dict[str, int] = {}
        self.before: dict[str, int] = {}

    def rows(self) -> list[dict[str, str]]:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(PATIENCE)
            admin.connect(self.path)
            admin.sendall(b"show stat\n")
            text = b"".join(iter(lambda: admin.recv(1 << 16), b"")).decode().removeprefix("# ")
        rows = csv.DictReader(text.strip().splitlines())
        return [row for row in rows if row["svname"] not in ("FRONTEND", "BACKEND")]

    def look(self) -> dict[str, str]:
        rows = self.rows()
        for row in rows:
            for field, name in COUNTED.items():
                key, value = f"{row['pxname']}/{row['svname']} {name}", int(row.get(field) or 0)
                if value < self.last.get(key, 0):
                    self.before[key] = self.before.get(key, 0) + self.last[key]
                self.last[key] = value
        return {row["svname"]: row["status"] for row in rows if row["pxname"] == self.backend}

    def counters(self) -> dict[str, int]:
        totals = dict.fromkeys(COUNTED.values(), 0)
        for key in self.last:
            totals[key.split()[1]] += self.last[key] + self.before.get(key, 0)
        return totals


def watch(servers: dict[str, int], gateway: Gateway) -> None:
    lookers = {name: Looker(port) for name, port in servers.items()}
    for looker in lookers.values():
        looker.start()
    time.sleep(1)
    rounds, blind, gap, said, before = 0, 0, 0.0, 0.0, {"": ""}
    began = last = time.monotonic()
    while True:
        try:
            statuses, error = gateway.look(), ""
        except (OSError, ValueError, KeyError) as problem:
            statuses, error, blind = {}, f"{type(problem).__name__}: {problem}", blind + 1
        out = {name: why for name in servers if (why := reason(statuses.get(name), lookers[name].state, bool(error)))}
        now = time.monotonic()
        rounds, gap, last = rounds + 1, max(gap, now - last), now
        if out != before or now - said >= 1:
            facts = {"rounds": rounds, "blind": blind, "gap": round(gap, 3), "error": error}
            say("look", out=out, counters=gateway.counters(), **facts)
            said, gap, before = now, 0.0, out
        time.sleep(max(0.0, began + rounds * LOOK - time.monotonic()))
        if time.monotonic() - (began + rounds * LOOK) > 1:
            began = time.monotonic() - rounds * LOOK


def reason(status: str | None, answer: str, blind: bool) -> str:
    """Why an instance is out, or nothing. One that the gateway does not know is out, unless nothing is known of any."""
    given = "" if blind or (status or "").startswith("UP") else status or "not in the gateway"
    return ", ".join(part for part in (given, answer) if part)


def events(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    for line in process.stdout:
        event = json.loads(line)
        attributes = event["Actor"]["Attributes"]
        name = attributes.get("corral.instance") or attributes.get("com.docker.compose.service", "")
        say("container", action=event["Action"], name=name, id=event["Actor"]["ID"], nanos=event["timeNano"])


def main() -> None:
    wish = json.loads(sys.argv[1])
    filters = [f"--filter=event={action}" for action in ("start", "die", "create", "destroy", "restart", "oom")]
    command = ["docker", "events", "--filter=type=container", *filters, "--format", "{{json .}}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    gateway = Gateway(wish["socket"], wish["backend"])
    for task in (lambda: events(process), lambda: watch(wish["servers"], gateway)):
        threading.Thread(target=task, daemon=True).start()
    sys.stdin.read()
    process.kill()
    process.wait()


if __name__ == "__main__":
    main()
