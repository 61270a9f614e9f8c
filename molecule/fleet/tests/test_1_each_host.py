# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inside each host, by pytest-testinfra over the SSH connection that the playbooks use."""

from __future__ import annotations

import pytest
from fleet import ENGINES
from lab import STORE

CONTAINERS = ["ollama-ollama-server-1", "ollama-ollama-server-2"]


@pytest.fixture
def name(host):
    return host.check_output("hostname")


def test_its_engine_is_that_of_its_release(host, name):
    assert host.check_output("docker version --format '{{.Server.Version}}'").startswith(ENGINES[name])
    assert host.system_info.codename == name
    assert host.socket("tcp://0.0.0.0:22").is_listening


def test_two_instances_serve_the_shared_store_read_only(host):
    assert sorted(host.check_output("docker ps --format '{{.Names}}'").split()) == CONTAINERS
    for container, port in zip(CONTAINERS, (11434, 11435), strict=True):
        mounts = {m["Destination"]: (m["Name"], m["RW"]) for m in host.docker(container).inspect()["Mounts"]}
        assert mounts["/root/.ollama/models"] == ("ollama_models", False)
        assert host.socket(f"tcp://127.0.0.1:{port}").is_listening
        assert not host.socket(f"tcp://0.0.0.0:{port}").is_listening


def test_its_store_holds_what_it_says(host):
    assert host.file(f"{STORE}/.corral").mode == 0o700
    assert not host.file(f"{STORE}/.corral.lease").exists
    sums = host.check_output(f"cd {STORE}/blobs && sha256sum *").split()
    assert [f"sha256-{digest}" for digest in sums[::2]] == sums[1::2]
    assert len(sums) > 10


def test_a_person_can_drive_the_project_by_hand(host):
    listed = host.check_output("cd /opt/corral/ollama && docker compose ps --format '{{.Service}}'").split()
    assert sorted(listed) == ["ollama-server-1", "ollama-server-2"]
