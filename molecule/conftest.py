# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all scenarios. `host` comes from pytest-testinfra; `lab` runs playbooks against that same host."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "shared"), str(HERE.parent / "practice" / "lib")]

from lab import Lab  # noqa: E402


@pytest.fixture(autouse=True)
def in_order(host):
    """Pytest groups tests by parameters, and `host` is one: with it in every test a story keeps its order."""
    return host


LOOK = """. /etc/os-release && echo debian "${VERSION_ID:-$VERSION_CODENAME}" && python3 -c 'import platform
print("python", platform.python_version())'
command -v dockerd > /dev/null || exit 0
echo docker "$(docker version -f '{{.Server.Version}}')" && echo compose "$(docker compose version --short)"
"""


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session", autouse=True)
def versions() -> None:
    """The hosts are what the README says of them. A bare one has no engine where none is to be installed."""
    known = yaml.safe_load((HERE.parent / "practice/hosts/versions.yml").read_text(encoding="utf-8"))
    scenario = f"label=corral.molecule={os.environ['MOLECULE_SCENARIO_NAME']}"
    names = docker("ps", "--filter", scenario, "--format", "{{.Names}}").split()
    assert names
    for name in names:
        image = docker("inspect", "-f", "{{.Config.Image}}", name).strip().rpartition("/")[2]
        found = dict(line.split() for line in docker("exec", name, "sh", "-c", LOOK).splitlines())
        short = {what: ".".join(version.split("-")[0].lstrip("v").split(".")[:2]) for what, version in found.items()}
        assert short.items() <= known[image].items(), f"{name}: {short}, practice/hosts/versions.yml: {known[image]}"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    lab = Lab(f"corral-molecule-{os.environ['MOLECULE_SCENARIO_NAME']}")
    yield lab
    lab.end_orphans()
