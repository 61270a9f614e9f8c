# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks as AWX runs them: by ansible-runner, from a copy of the project, answers of surveys in their real types, on
a practice fleet of two instances."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT, PORT = "corral-runner", 27210
MODELS = ["llava:7b", "nomic-embed-text:v1.5"]
KEY = "planted-key-of-the-gateway-0123456789abcdef"
TOKEN = "planted-answer-of-a-survey"
LEASE = 30
PATIENCE = 120.0
# What AWX sets for each job.
ENVIRONMENT = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "ANSIBLE_HOME": str(ROOT / ".cache/ansible"),
}


@dataclass
class Job:
    """A job that has ended: AWX's status of it, its events, and its artifacts."""

    playbook: str
    status: str
    events: list[dict[str, Any]] = field(repr=False)

    @property
    def artifacts(self) -> dict[str, Any]:
        stats = [event for event in self.events if event["event"] == "playbook_on_stats"]
        return dict(stats[-1]["event_data"].get("artifact_data", {})) if stats else {}

    def seen(self, kind: str, task: str) -> list[dict[str, Any]]:
        """The data of its events of one kind, of the tasks of one name."""
        data = [event["event_data"] for event in self.events if event["event"] == kind]
        return [one for one in data if task in one.get("task", "")]

    @property
    def text(self) -> str:
        return "\n".join(event.get("stdout", "") for event in self.events)

    @property
    def changed(self) -> int:
        stats = [event for event in self.events if event["event"] == "playbook_on_stats"]
        return sum(stats[-1]["event_data"]["changed"].values())


class Tower:
    """``tower.launch("verify", verify_evict="true")``: as surveys, schedules and artifacts bring them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        shutil.copytree(ROOT / "extensions/awx_project", folder / "project")
        (folder / "inventory").mkdir()
        practice = yaml.safe_load((ROOT / ".cache/practice/settings.yml").read_text(encoding="utf-8"))
        self.variables: dict[str, Any] = {
            **practice,
            "corral_project": PROJECT,
            "corral_instance_count": 2,
            "corral_base_port": PORT,
            "corral_gateway_port": PORT - 1,
            "corral_gateway_keys": [{"name": "team", "key": KEY}],
            "corral_models": MODELS,
            "corral_min_healthy_time": 0,
            "corral_canary_healthy_time": 0,
            "corral_lease_wait": 300,
            # Of a job that was killed: the next one waits for that long at most.
            "models_lease_ttl": LEASE,
            "rolling_restart_lease_ttl": 60,
            "load_test_key": KEY,
            "corral_project_dir": str(folder / "opt"),
            "corral_state_dir": str(folder / "state"),
        }
        self.inventory = folder / "inventory"
        self.environment = dict(ENVIRONMENT)
        self.declare()

    def declare(self, **variables: Any) -> None:
        """The inventory, with this in it as well."""
        self.variables.update(variables)
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        hosts = {"ollama_hosts": {"hosts": {"runner": local}, "vars": self.variables}}
        (self.folder / "inventory/hosts.yml").write_text(json.dumps(hosts), encoding="utf-8")

    def launch(
        self, playbook: str, *options: str, kill_at: Callable[[dict[str, Any]], bool] | None = None, **extra: Any
    ) -> Job:
        """``kill_at``: cancel at the first event for which it is true, as AWX does."""
        self.number += 1
        killed: list[int] = []

        def watch(event: dict[str, Any]) -> bool:
            if kill_at is not None and not killed and kill_at(event):
                killed.append(event["pid"])
                kill_controller(event["pid"])
            return True

        run = ansible_runner.run(
            private_data_dir=str(self.folder),
            ident=str(self.number),
            playbook=f"playbooks/{playbook}.yml",
            inventory=str(self.inventory),
            cmdline=" ".join(options) or None,
            envvars={**self.environment, "JOB_ID": str(self.number)},
            extravars={"awx_job_id": self.number, "awx_job_launch_type": "manual", **extra},
            event_handler=watch,
            quiet=True,
            timeout=600,
        )
        assert kill_at is None or killed, f"{playbook} never came there"
        return Job(playbook, "canceled" if killed else run.status, list(run.events))

    @property
    def store(self) -> Path:
        """The folder of the store, on this machine."""
        command = ["docker", "volume", "inspect", "-f", "{{.Mountpoint}}", f"{PROJECT}_models"]
        return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())

    @property
    def lease(self) -> dict[str, Any]:
        """Who writes to the store; empty for nobody."""
        path = self.store / ".corral.lease"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def check_what_is_kept(self, *secrets: str) -> None:
        """No secret in any event or output; artifacts are small; lines are whole, and short enough to be shown as they
        come."""
        kept = {path: path.read_text(encoding="utf-8", errors="replace") for path in self._kept()}
        assert len(kept) > 50
        assert [path for path, text in kept.items() if any(secret in text for secret in (KEY, TOKEN, *secrets))] == []
        for event in [json.loads(text) for path, text in kept.items() if path.parent.name == "job_events"]:
            assert len(json.dumps(event["event_data"].get("artifact_data", {}))) < 10_000, event
            if event["event"] == "verbose":
                assert len(event["stdout"]) <= 1_000, event
                assert not re.search(r"\r(?!\n)", event["stdout"]), event

    def _kept(self) -> Iterator[Path]:
        """What AWX keeps of all jobs: events and output."""
        for path in sorted((self.folder / "artifacts").rglob("*")):
            if path.is_file() and path.name != "command":
                yield path


def starts(pattern: str) -> Callable[[dict[str, Any]], bool]:
    """When a task of that name begins."""
    return lambda event: (
        event["event"] == "playbook_on_task_start" and bool(re.search(pattern, event["event_data"].get("task", "")))
    )


def says(pattern: str) -> Callable[[dict[str, Any]], bool]:
    """When a line of progress is printed that has this."""
    return lambda event: event["event"] == "verbose" and bool(re.search(pattern, event["stdout"]))


def done(job: Job) -> Job:
    assert job.status == "successful", job.text[-6000:]
    return job


def until(met: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, not for a time; gives what it gave."""
    end = time.monotonic() + PATIENCE
    while not (found := met()):
        assert time.monotonic() < end, f"waited {PATIENCE:g} s: {what}"
        time.sleep(0.1)
    return found


def kill_controller(pid: int) -> None:
    """SIGKILL to ansible-playbook and its workers, whatever groups they made. What works on the host works on."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    for number in [pid, *map(int, children)]:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue
