"""Hosts of an inventory that are all this machine, each with a store of its own: what roles do with several of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import yaml
from corral_practice.front import Front
from corral_practice.up import settings

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Outcome:
    """What one run of a playbook said, task by task and host by host."""

    failed: bool
    document: Mapping[str, Any]

    def all_of(self, host: str, task: str) -> list[dict[str, Any]]:
        """The results of the tasks with this name (without their role) on that host, the first one first."""
        return [
            dict(one["hosts"][host])
            for play in self.document["plays"]
            for one in play["tasks"]
            if one["task"]["name"].rpartition(" : ")[2] == task and host in one["hosts"]
        ]

    def of(self, host: str, task: str) -> dict[str, Any]:
        found = self.all_of(host, task)
        assert found, f"{host} never came to the task {task!r}"
        return found[-1]

    def stats(self, host: str) -> dict[str, int]:
        return dict(self.document["stats"][host])

    @property
    def artifacts(self) -> dict[str, Any]:
        return dict(self.document["global_custom_stats"])


@dataclass
class Hosts:
    """`variables` are for all of them, `each` for one."""

    folder: Path
    names: tuple[str, ...]
    front: Front
    variables: Mapping[str, Any] = field(default_factory=dict)
    each: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def volume(self, host: str) -> str:
        return f"corral-test-{host}_models"

    def store(self, host: str) -> Path:
        return Path(docker.from_env().volumes.get(self.volume(host)).attrs["Mountpoint"])

    def blobs(self, host: str) -> set[str]:
        return {path.name.partition("-")[2] for path in (self.store(host) / "blobs").iterdir()}

    def play(self, *plays: Mapping[str, Any], limit: str = "", forks: int = 8, **more: object) -> Outcome:
        """Run plays over them; each play says its roles, and what else it likes."""
        own = {
            name: {
                "corral_project": f"corral-test-{name}",
                "corral_store_volume": self.volume(name),
                "corral_state_dir": str(self.folder / "state"),
                "corral_project_dir": str(self.folder / name),
                **self.each.get(name, {}),
            }
            for name in self.names
        }
        shared = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            **settings(self.front.site),
            **self.variables,
            **more,
        }
        inventory, book = self.folder / "hosts.json", self.folder / "book.yml"
        inventory.write_text(json.dumps({"ollama_hosts": {"vars": shared, "hosts": own}}))
        book.write_text(yaml.safe_dump([{"hosts": "ollama_hosts", "gather_facts": False, **play} for play in plays]))
        command = [
            "ansible-playbook",
            "-i",
            str(inventory),
            "-f",
            str(forks),
            *(["-l", limit] if limit else []),
            str(book),
        ]
        environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
        }
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
        assert "{" in done.stdout, done.stdout + done.stderr
        return Outcome(done.returncode != 0, json.loads(done.stdout[done.stdout.index("{\n") :]))


@contextmanager
def several(hosts: Hosts) -> Iterator[Hosts]:
    """With their volumes and containers gone before and after."""
    try:
        remove(hosts)
        yield hosts
    finally:
        remove(hosts)


def remove(hosts: Hosts) -> None:
    engine = docker.from_env()
    for name in hosts.names:
        for label in (f"corral.project=corral-test-{name}", "corral.project=corral-test"):
            for container in engine.containers.list(all=True, filters={"label": label}):
                container.remove(force=True, v=True)
    for name in hosts.names:
        if engine.volumes.list(filters={"name": hosts.volume(name)}):
            engine.volumes.get(hosts.volume(name)).remove(force=True)
