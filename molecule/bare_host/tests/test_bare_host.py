# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role installed, that nothing else came with it, and that the fleet runs on it."""

from __future__ import annotations

from lab import converges


def test_check_mode_predicted_an_installation(lab):
    check, converge, again = converges(lab.ephemeral)[-3:]
    assert check[0]["check"] is True
    assert [event for event in check if event["event"] == "changed"] != []
    assert [event for event in converge if event["event"] == "changed"] != []
    assert [event for event in again if event["event"] == "changed"] == []


def test_engine_compose_and_libraries_answer(host):
    assert host.run("docker info").rc == 0
    assert host.check_output("docker compose version --short").lstrip("v").startswith("2.")
    assert host.run("python3 -c 'import docker, requests'").rc == 0


def test_the_engine_outlives_a_reboot(host):
    assert host.service("docker").is_enabled
    assert host.service("docker").is_running


def test_only_compose_came_from_the_newer_suite(host):
    """The suite that has Compose v2 is pinned low: an upgrade must not find anything else there."""
    assert host.check_output("dpkg-query -W -f '${Version}' docker.io").startswith("20.10.")
    upgrade = host.check_output("apt-get -s dist-upgrade")
    assert [line for line in upgrade.splitlines() if line.startswith("Inst") and "trixie" in line] == []


def test_the_fleet_is_verified(lab):
    assert lab.fleet["ok"] is True
    assert [entry["name"] for entry in lab.fleet["instances"]] == ["ollama-server-1", "ollama-server-2"]
    assert lab.containers() == ["ollama-gateway", "ollama-ollama-server-1", "ollama-ollama-server-2"]
