# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an old container to the fleet, back, there again, and the old one removed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from tower import MODELS, PROJECT, Tower, done, until

OLD = "runner-old-ollama"


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True)


@pytest.fixture(scope="module")
def old(tower: Tower) -> Iterator[Tower]:
    """A container as people make them, with a model that is declared."""
    fleet = tower.variables
    tower.declare(corral_legacy_containers=[OLD], corral_lease_wait=60)
    mounts = ["-v", f"{OLD}:/root/.ollama", "-v", f"{fleet['corral_registry_ca_path']}:/ca.pem:ro"]
    options = ["--network", fleet["corral_puller_networks"][0], "-e", "SSL_CERT_FILE=/ca.pem", "--restart", "always"]
    made = docker("run", "-d", "--init", "--name", OLD, *options, *mounts, fleet["corral_image"])
    assert made.returncode == 0, made.stderr
    until(lambda: docker("exec", OLD, "ollama", "pull", MODELS[1]).returncode == 0, "the old server pulls")
    yield tower
    docker("rm", "-f", OLD)
    docker("volume", "rm", OLD)


def running(name: str) -> bool:
    return docker("inspect", "-f", "{{.State.Running}}", name).stdout.strip() == "true"


def test_there_and_back(old):
    answers = {"corral_migration_policy": "newest", "corral_migration_undeclared": "true"}
    assert done(old.launch("migrate", **answers)).artifacts["corral_fleet"]["ok"] is True
    assert not running(OLD)
    done(old.launch("migrate_rollback", migration_rollback_start_timeout=120))
    assert running(OLD)


def test_there_for_good(old):
    done(old.launch("migrate"))
    done(old.launch("migrate_reclaim", verify_deadline=300))
    assert docker("inspect", OLD).returncode != 0
    assert docker("volume", "inspect", OLD).returncode != 0
    assert running(f"{PROJECT}-ollama-server-1")
    done(old.launch("verify"))


def test_what_awx_kept(old):
    old.check_what_is_kept()
