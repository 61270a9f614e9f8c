# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests do to a test host: run playbooks against it, look into it, damage it, watch it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from corral_practice.front import Front

STORE = "/var/lib/docker/volumes/ollama_models/_data"
PLAYBOOK_LIMIT = 300


@dataclass(frozen=True)
class Run:
    """One ansible-playbook run: what it said and what the `record` callback saw of it."""

    rc: int
    output: str
    seconds: float
    events: Sequence[Mapping[str, Any]]

    def of(self, event: str) -> list[Mapping[str, Any]]:
        return [e for e in self.events if e["event"] == event and not e.get("ignored")]

    @property
    def changed(self) -> list[str]:
        return [e["task"] for e in self.of("changed")]

    @property
    def failures(self) -> list[Mapping[str, Any]]:
        return self.of("failed") + self.of("unreachable")

    @property
    def message(self) -> str:
        """The one message that a person reads; more or fewer than one is a failure of its own."""
        messages = sorted({str(e["msg"]) for e in self.failures})
        assert len(messages) == 1, f"expected one clear error, got {messages}\n{self.output[-3000:]}"
        return messages[0]

    def ok(self) -> Run:
        assert self.rc == 0, f"{[e['msg'] for e in self.failures]}\n{self.output[-6000:]}"
        return self

    def failed(self, *words: str) -> str:
        """It failed, with one message, and every word is in it."""
        assert self.rc != 0, f"the run was green\n{self.output[-3000:]}"
        missing = [word for word in words if word.lower() not in self.message.lower()]
        assert not missing, f"{missing} not in: {self.message}"
        return self.message


@dataclass
class Lab:
    """One test host, by the name of its container, and the folder of the scenario's run."""

    container: str
    ephemeral: Path = field(default_factory=lambda: Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]))

    def start(self, playbook: str, **variables: Any) -> subprocess.Popen[str]:
        """Start corral.ollama.PLAYBOOK; `finish` waits for it. `_check`, `_limit` and `_inventory` are options."""
        check, limit = variables.pop("_check", False), variables.pop("_limit", self.container)
        inventories = [os.environ["MOLECULE_INVENTORY_FILE"], *map(str, variables.pop("_inventory", []))]
        record = self.ephemeral / f"record-{time.monotonic_ns()}.jsonl"
        record.touch()
        env = {**os.environ, "CORRAL_RECORD": str(record), "ANSIBLE_NOCOLOR": "1"}
        command = ["ansible-playbook", *(part for each in inventories for part in ("-i", each)), "--limit", limit]
        command += ["--extra-vars", json.dumps(variables), *(["--check", "--diff"] if check else [])]
        process = subprocess.Popen(
            [*command, playbook if "." in playbook else f"corral.ollama.{playbook}"],
            env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        process.record, process.began = record, time.monotonic()  # type: ignore[attr-defined]
        return process

    def finish(self, process: subprocess.Popen[str], limit: float = PLAYBOOK_LIMIT) -> Run:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.kill(process)
            output, _ = process.communicate()
            raise AssertionError(f"still running after {limit} s:\n{output[-3000:]}") from None
        events = [json.loads(line) for line in process.record.read_text().splitlines()]  # type: ignore[attr-defined]
        return Run(process.returncode, output, time.monotonic() - process.began, events)  # type: ignore[attr-defined]

    def kill(self, process: subprocess.Popen[str]) -> None:
        """What a cancel in AWX and then a reboot do: SIGKILL to all of the run, on the controller and on the host."""
        os.killpg(process.pid, signal.SIGKILL)
        # With pipelining a module is a nameless python3; those in containers have another pid namespace.
        same = '[ "$(readlink /proc/$p/ns/pid)" = "$(readlink /proc/1/ns/pid)" ]'
        self.sh(f"for p in $(pgrep python3); do {same} && kill -9 $p; done; true", check=False)

    def end_orphans(self) -> None:
        """Workers of killed runs: each is in a session of its own, and waits for its dead run for ever."""
        ours = f"CORRAL_RECORD={self.ephemeral}/record-".encode()
        for entry in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if ours in entry.read_bytes():
                    os.kill(int(entry.parent.name), signal.SIGKILL)

    def run(self, playbook: str, **variables: Any) -> Run:
        return self.finish(self.start(playbook, **variables))

    def module(self, name: str, **arguments: Any) -> dict[str, Any]:
        """One module of the collection, ad hoc; its result, a failure included."""
        callback = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
        env = {**os.environ, **callback, "ANSIBLE_CALLBACKS_ENABLED": "record"}
        command = ["ansible", "-i", os.environ["MOLECULE_INVENTORY_FILE"], self.container]
        command += ["-m", f"corral.ollama.{name}", "-a", json.dumps(arguments)]
        done = subprocess.run(command, env=env, text=True, capture_output=True, timeout=PLAYBOOK_LIMIT)
        try:
            answer = json.loads(done.stdout[done.stdout.index("{") :])
        except ValueError:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}") from None
        result: dict[str, Any] = answer["plays"][0]["tasks"][0]["hosts"][self.container]
        return result

    def sh(self, script: str, check: bool = True) -> str:
        """A shell script on the test host, as root."""
        done = subprocess.run(
            ["docker", "exec", "-i", self.container, "sh", "-c", script], text=True, capture_output=True, timeout=120
        )
        assert done.returncode == 0 or not check, f"{script}: rc {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def docker(self, *arguments: str) -> str:
        """The test host's own docker."""
        return self.sh(shlex.join(["docker", *arguments])).strip()

    def inspect(self, name: str) -> dict[str, Any]:
        return json.loads(self.docker("inspect", name))[0]

    def containers(self, running_only: bool = False) -> list[str]:
        return sorted(self.docker("ps", *([] if running_only else ["-a"]), "--format", "{{.Names}}").split())

    def api(self, port: int, path: str, body: Any = None, method: str = "") -> Any:
        """An instance's HTTP API, asked from the test host itself (the instances listen on its loopback only)."""
        script = (
            "import json, sys, urllib.error as e, urllib.request as u\n"
            "url, body, method = json.load(sys.stdin)\n"
            "data = None if body is None else json.dumps(body).encode()\n"
            "try: print(u.urlopen(u.Request(url, data=data, method=method), timeout=60).read().decode() or 'null')\n"
            "except e.HTTPError as x: print(json.dumps({'status': x.code, 'error': x.read().decode()}))"
        )
        question = json.dumps([f"http://127.0.0.1:{port}{path}", body, method or ("GET" if body is None else "POST")])
        return json.loads(self.sh(f"python3 -c {shlex.quote(script)} <<'END'\n{question}\nEND"))

    @property
    def fleet(self) -> dict[str, Any]:
        return json.loads((self.ephemeral / "artifacts" / "fleet.json").read_text())

    @cached_property
    def address(self) -> str:
        """The address under which the practice registry sees this host and its containers."""
        form = '{{(index .NetworkSettings.Networks "corral-practice").IPAddress}}'
        return subprocess.check_output(["docker", "inspect", "-f", form, self.container], text=True).strip()

    def snapshot(self) -> dict[str, Any]:
        """What a refused run must leave as it was: containers, volumes, networks, images, and our files."""
        listed = {
            what: self.docker(*what.split()) for what in ("volume ls -q", "network ls -q", "images -aq --no-trunc")
        }
        started = "{{.Name}} {{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.RestartCount}}"
        ids = self.docker("ps", "-aq").split()
        files = "/opt/corral /var/lib/corral /etc/corral " + STORE
        listing = self.sh(f"find {files} -printf '%p %y %m %s %i %T@\\n' 2>/dev/null | sort", check=False)
        running = sorted(self.docker("inspect", "-f", started, *ids).splitlines()) if ids else []
        return {**listed, "containers": running, "files": listing.splitlines()}


def converges(ephemeral: Path) -> list[list[dict[str, Any]]]:
    """The events of each run of converge.yml that Molecule itself made, in order: check, converge, idempotence."""
    runs: list[list[dict[str, Any]]] = []
    for line in (ephemeral / "record.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "start":
            runs.append([])
        runs[-1].append(event)
    return [run for run in runs if run[0]["playbook"] == "converge.yml"]


def manifests(lab: Lab, store: str = STORE) -> dict[str, dict[str, Any]]:
    """Every manifest in the store by its path below manifests/."""
    paths = lab.sh(f"cd {store}/manifests 2>/dev/null && find . -type f -printf '%P\\n'", check=False).split("\n")
    return {path: json.loads(lab.sh(f"cat {shlex.quote(f'{store}/manifests/{path}')}")) for path in paths if path}


def blob_names(lab: Lab, store: str = STORE) -> list[str]:
    return sorted(lab.sh(f"ls -A {store}/blobs").split())


def weights_of(manifest: Mapping[str, Any]) -> str:
    """The digest (64 hex) of a manifest's model layer."""
    found = [layer["digest"] for layer in manifest["layers"] if layer["mediaType"].endswith("image.model")]
    return str(found[0]).removeprefix("sha256:")


def in_staging(lab: Lab, store: str = STORE) -> list[str]:
    """The names of files that hold transferred data in staging."""
    return sorted(lab.sh(f"ls -A {store}/.corral/incoming/blobs 2>/dev/null", check=False).split())


def partials(lab: Lab, store: str = STORE) -> list[str]:
    return [name for name in in_staging(lab, store) if "-partial" in name]


def served(lab: Lab, since: float) -> dict[str, int]:
    """Bytes of each blob (64 hex) that the practice registry has sent to this host, by requests begun since then."""
    sent: dict[str, int] = {}
    for line in Front().requests():
        if (
            line["client"] == lab.address
            and line["at"] - line["seconds"] >= since
            and line["uri"].startswith("/sha256/")
        ):
            digest = line["uri"].rpartition("/")[2]
            sent[digest] = sent.get(digest, 0) + line["bytes"]
    return sent


def puller_settings(**faults: Any) -> dict[str, Any]:
    """Variables of a run whose puller misbehaves; its own retries wait a hundredth of the usual time."""
    return {"corral_puller_environment": {"PRACTICE_FAULTS": json.dumps(faults), "PRACTICE_RETRY_SCALE": "0.01"}}


def bytes_in_staging(lab: Lab, store: str = STORE) -> int:
    """What is really on the disk: a partial file has its full apparent size from the start."""
    listed = lab.sh(f"find {store}/.corral/incoming/blobs -name '*-partial' -printf '%b\\n' 2>/dev/null", check=False)
    return 512 * sum(int(blocks) for blocks in listed.split())


def wait_until(condition: Any, limit: float, what: str) -> None:
    """Poll a condition; a bounded wait that says what it waited for."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"waited {limit} s for {what}"
        time.sleep(0.1)
