# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the scenario migration know of the old layout."""

from __future__ import annotations

import json
from typing import Any

from lab import Lab

OLD = [f"old-ollama-{number}" for number in range(1, 9)]
VOLUMES = ["old_7", "old_8", *(f"tsa_ollama_{number}" for number in range(1, 7))]
RECORD = "/var/lib/corral/ollama/migration.json"
LLAMA, LLAVA, NOMIC = "llama3.2:3b", "llava:7b", "nomic-embed-text:v1.5"
FINETUNE = "acme/finetune:latest"


def files(lab: Lab) -> list[str]:
    """Every file of the old stores with its inode, size and time; not the number of its links."""
    roots = " ".join(f"/var/lib/docker/volumes/{volume}/_data" for volume in VOLUMES)
    return lab.sh(f"find {roots} -type f -printf '%p %i %s %T@ %m\\n' | sort").splitlines()


def inodes(lab: Lab) -> set[int]:
    return {int(line.rsplit(" ", 4)[1]) for line in files(lab)}


def policies(lab: Lab) -> dict[str, tuple[str, int, bool]]:
    """Restart policy, its retries, and whether it runs, of each old container."""
    form = "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}} {{.State.Running}}"
    lines = lab.docker("inspect", "-f", form, *OLD).splitlines()
    rows = (line.split() for line in lines)
    return {name: (row[0], int(row[1]), row[2] == "true") for name, row in zip(OLD, rows, strict=True)}


def noted(lab: Lab) -> dict[str, tuple[str, int, bool]]:
    """The same as the record has it."""
    rows = record(lab)["containers"]
    return {row["name"]: (row["restart_policy"], row["restart_retries"], row["running"]) for row in rows}


def ids(lab: Lab) -> list[str]:
    return lab.docker("inspect", "-f", "{{.Id}}", *OLD).split()


def record(lab: Lab) -> dict[str, Any]:
    text = lab.sh(f"cat {RECORD} 2>/dev/null", check=False)
    return json.loads(text) if text.strip() else {}


def snapshot(lab: Lab) -> dict[str, Any]:
    return {**lab.snapshot(), "old files": files(lab)}
