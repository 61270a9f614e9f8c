# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of rolling changes look at and do: the record of a rollout, its audit log, what runs, images that are
bad in a way of their own, and the moment at which to interrupt."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import requests
from lab import Lab, Run, wait_until
from load import Failure, Load

STATE = "/var/lib/corral/ollama"
ROLLOUT = f"{STATE}/rollout"
AUDIT = f"{STATE}/audit.jsonl"
COMPOSE = "/opt/corral/ollama/compose.yml"
GATEWAY = "ollama-gateway"
RUN_DIR = "/opt/corral/ollama/gateway/run"

# Runs on the test host, so that the moment is not missed: ends with 0 as soon as the record shows one of the states,
# reached since then, for one of the instances (any, if none is named), and if asked, the gateway sends it requests.
_SEEN = """
import json, socket, sys, time
path, states, names, since, serving, limit = json.loads(sys.argv[1])

def up():
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(serving)
        admin.sendall(b"show stat instances 4 -1\\n")
        rows = admin.makefile().read().splitlines()
    return {row.split(",")[1] for row in rows if row.split(",")[17:18] == ["UP"]}

end = time.monotonic() + limit
while time.monotonic() < end:
    try:
        with open(path) as file:
            rows = json.load(file)["members"]
    except (OSError, ValueError, KeyError):
        rows = []
    for row in rows:
        if row["state"] in states and (row["at"] or since) >= since and (not names or row["name"] in names):
            if not serving or row["name"] in up():
                sys.exit(0)
    time.sleep(0.01)
sys.exit(3)
"""


def record(lab: Lab) -> dict[str, Any]:
    """The record of the last rollout as it is on the host; empty when there was none."""
    text = lab.sh(f"cat {ROLLOUT}/rollout.json 2>/dev/null", check=False)
    return json.loads(text) if text.strip() else {}


def states(lab: Lab) -> dict[str, str]:
    return {row["name"]: row["state"] for row in record(lab).get("members", [])}


def audit(lab: Lab) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lab.sh(f"cat {AUDIT} 2>/dev/null", check=False).splitlines()]


def running(lab: Lab) -> dict[str, dict[str, Any]]:
    """Of each instance, by the name of its service: what a roll changes there, and may not change elsewhere."""
    names = [name for name in lab.containers() if "ollama-server" in name]
    listed = json.loads(lab.docker("inspect", *names)) if names else []
    return {
        row["Config"]["Labels"]["corral.instance"]: {
            "id": row["Id"],
            "image": row["Image"],
            "tag": row["Config"]["Image"],
            "env": sorted(row["Config"]["Env"]),
            "started": row["State"]["StartedAt"],
            "status": row["State"]["Status"],
        }
        for row in listed
    }


def essence(lab: Lab) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Image and environment of each instance: what a roll back has to bring back."""
    return {name: (row["image"], tuple(row["env"])) for name, row in running(lab).items()}


def gateway(lab: Lab) -> dict[str, str]:
    """The status of each server in the gateway, old workers included in nothing of it."""
    found = lab.module("gateway_info", run_dir=RUN_DIR)
    assert found["gateway"]["reachable"], found
    return {server["name"]: server["status"] for server in found["servers"]}


def serves(lab: Lab, **variables: Any) -> Run:
    """All instances are up in the gateway, none is drained, and verify is green."""
    servers = gateway(lab)
    assert set(servers.values()) == {"UP"}, servers
    assert sorted(servers) == sorted(running(lab)), servers
    return lab.run("verify", **variables).ok()


def image(lab: Lab, tag: str, *changes: str, base: str = "corral-practice/ollama:0.32.15-practice") -> str:
    """An image of the practice server with these changes (lines of a Dockerfile), in the host's engine."""
    version = tag.rpartition(":")[2]
    made = lab.docker("create", base)
    options = [part for change in (f"ENV PRACTICE_VERSION={version}", *changes) for part in ("--change", change)]
    lab.docker("commit", *options, made, tag)
    lab.docker("rm", made)
    return tag


def faulty(**faults: Any) -> str:
    """The line of a Dockerfile that makes the practice server misbehave from its start."""
    text = json.dumps(faults).replace("\\", "\\\\").replace('"', '\\"')
    return f'ENV PRACTICE_FAULTS="{text}"'


def seen(
    lab: Lab, process: subprocess.Popen[str], *wanted: str, name: str = "", since: float = 0.0, serving: bool = False
) -> None:
    """Wait until the record shows one of the states, reached since then (by default, since the run was started)."""
    names, socket = [name] if name else [], f"{RUN_DIR}/admin.sock" if serving else ""
    began = since or time.time() - (time.monotonic() - process.began)  # type: ignore[attr-defined]
    question = json.dumps([f"{ROLLOUT}/rollout.json", wanted, names, stamp(began), socket, 180])
    until(lab, process, f"python3 -c {shlex.quote(_SEEN)} {shlex.quote(question)}", f"{name} {wanted}")


def stamp(now: float) -> str:
    """As the record and the audit log have times."""
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def until(lab: Lab, process: subprocess.Popen[str], script: str, what: str, limit: float = 180) -> None:
    """Wait for a script on the test host that ends when something is so, while the run goes on."""
    watch = subprocess.Popen(["docker", "exec", lab.container, "timeout", str(limit), "sh", "-c", script])
    try:
        while watch.poll() is None:
            assert process.poll() is None, f"it ended before {what}:\n{lab.finish(process).output[-4000:]}"
            time.sleep(0.01)
        assert watch.returncode == 0, f"waited {limit} s for {what}; the record: {json.dumps(record(lab))[:3000]}"
    finally:
        watch.kill()
        watch.wait()


def container_gone(lab: Lab, name: str) -> str:
    """A script that ends when this instance's container is stopped or replaced: it is being made anew."""
    container = f"ollama-{name}"
    now = f"$(docker inspect -f '{{{{.Id}}}} {{{{.State.Running}}}}' {container} 2>/dev/null)"
    return f'while [ "{now}" = "{lab.inspect(container)["Id"]} true" ]; do sleep 0.02; done'


def more_told(lab: Lab) -> str:
    """A script that ends when the audit log has another line: a rollout has begun, or goes on."""
    return f"while [ $(cat {AUDIT} 2>/dev/null | wc -l) -le {len(audit(lab))} ]; do sleep 0.02; done"


def kill(lab: Lab, process: subprocess.Popen[str], orphan: bool = False) -> None:
    """SIGKILL to the run. Its module on the host and what that has started go too, unless it is left as an orphan."""
    if orphan:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        lab.kill(process)
        lab.sh("for p in $(pgrep -f 'compos[e] .*--project-name'); do kill -9 $p; done; true", check=False)
    process.wait()


def environment(**variables: str) -> dict[str, Mapping[str, str]]:
    """Extra variables of a run that gives every instance this environment."""
    return {"corral_environment": variables}


class Traffic:
    """A light load through the gateway, from outside the test host."""

    def __init__(self, lab: Lab, models: Mapping[str, str], **options: Any) -> None:
        usual = {"clients": 6, "long_streams": 0, "rate": 12}
        self._load = Load(f"http://{lab.address}:11433", "", "", models, **{**usual, **options})
        self._seen = 0

    def __enter__(self) -> Traffic:
        self._load.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._load.stop()

    def failures(self) -> list[Failure]:
        """Those that were not told yet, when there have been some answers more."""
        before = self._load.so_far().total
        wait_until(lambda: self._load.so_far().total > before + 20, 60, "more answers")
        failed = self._load.so_far().failed
        new, self._seen = failed[self._seen :], len(failed)
        return new

    def fine(self) -> None:
        failed = self.failures()
        assert failed == [], failed[:5]


class Unhurried:
    """Streams through the gateway that take some seconds, enough of them for each instance to have one."""

    def __init__(self, lab: Lab, model: str, seconds: float, count: int = 6) -> None:
        # 2 ms a token
        body = {"model": model, "prompt": "Take your time.", "options": {"num_predict": int(seconds * 500)}}
        self._pool = ThreadPoolExecutor(count)
        url = f"http://{lab.address}:11433/api/generate"
        self._asked = [self._pool.submit(self._ask, url, body) for _number in range(count)]
        time.sleep(0.3)

    @staticmethod
    def _ask(url: str, body: Mapping[str, Any]) -> str:
        try:
            answer = requests.post(url, json=body, timeout=120)
            last = json.loads(answer.text.splitlines()[-1])
        except (requests.RequestException, ValueError, IndexError) as error:
            return repr(error)
        return "" if answer.status_code == 200 and last.get("done") is True else f"{answer.status_code} {last}"

    def answers(self) -> list[str]:
        """What went wrong with them, when all have ended."""
        return [wrong for wrong in (asked.result() for asked in self._asked) if wrong]
