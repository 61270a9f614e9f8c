# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three hosts of the scenario `fleet`, and the runs over all of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from lab import PLAYBOOK_LIMIT, Lab, Run

PREFIX = "corral-molecule-fleet-"
ENGINES = {"bookworm": "20.10.", "trixie": "26.1.", "forky": "28."}


@dataclass(frozen=True)
class Fleet:
    """The hosts by their short names."""

    hosts: dict[str, Lab]

    def run(self, playbook: str, **variables: Any) -> Run:
        """A playbook over all hosts, in a run as long as that of one host at a time may take."""
        lab = next(iter(self.hosts.values()))
        return lab.finish(
            lab.start(playbook, **{"_limit": "ollama_hosts", **variables}), len(self.hosts) * PLAYBOOK_LIMIT
        )

    @property
    def report(self) -> dict[str, Any]:
        return next(iter(self.hosts.values())).fleet

    def by_host(self) -> dict[str, list[dict[str, Any]]]:
        """The instances of the report by the short names of their hosts."""
        found: dict[str, list[dict[str, Any]]] = {}
        for entry in self.report["instances"]:
            found.setdefault(short(entry["host"]), []).append(entry)
        return found

    def ssh(self, name: str, config: str = "ssh_config", *command: str) -> subprocess.CompletedProcess[str]:
        """A command on a host by the way that the playbooks take, or by another one."""
        lab = self.hosts[name]
        words = [
            "ssh",
            "-F",
            str(lab.ephemeral / config),
            "-o",
            "ConnectTimeout=5",
            lab.container,
            *(command or ["true"]),
        ]
        return subprocess.run(words, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)


def short(host: str) -> str:
    return host.removeprefix(PREFIX)


def spans(run: Run, *roles: str) -> dict[str, tuple[float, float]]:
    """From when to when a run changed each host."""
    found: dict[str, tuple[float, float]] = {}
    for event in run.of("changed"):
        if not roles or any(f".{role} :" in event["task"] for role in roles):
            begin, _end = found.get(short(event["host"]), (event["at"], 0.0))
            found[short(event["host"])] = (begin, event["at"])
    return found


def digests(lab: Lab, model: str) -> set[str]:
    """The digests under which the instances of a host list a model."""
    listed = [lab.api(port, "/api/tags")["models"] for port in (11434, 11435)]
    return {entry["digest"] for models in listed for entry in models if entry["name"] == model}


def versions(lab: Lab) -> set[str]:
    return {lab.api(port, "/api/version")["version"] for port in (11434, 11435)}


def pretty(value: Any) -> str:
    return json.dumps(value, indent=1)[:3000]
