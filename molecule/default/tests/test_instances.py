# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight containers as declared: mounts, environment, rights, ports, and each one answers with each model."""

from __future__ import annotations

import pytest

MODELS = ["codellama:7b", "llama3.2:3b", "llava:7b", "mistral:7b", "nomic-embed-text:v1.5"]
NUMBERS = range(1, 9)


def container(number):
    return f"ollama-ollama-server-{number}"


def test_eight_containers_a_gateway_and_no_other(lab):
    assert lab.containers() == ["ollama-gateway", *(container(number) for number in NUMBERS)]


@pytest.mark.parametrize("number", NUMBERS)
def test_mounts_environment_and_rights(host, lab, number):
    assert host.docker(container(number)).is_running
    facts = lab.inspect(container(number))
    volumes = {m["Destination"]: (m["Name"], m["RW"]) for m in facts["Mounts"] if m["Type"] == "volume"}
    assert volumes == {
        "/root/.ollama": (f"ollama_data_{number}", True),
        "/root/.ollama/models": ("ollama_models", False),
    }
    environment = dict(entry.split("=", 1) for entry in facts["Config"]["Env"])
    assert environment["OLLAMA_NOPRUNE"] == "1"
    settings = facts["HostConfig"]
    assert [cap.removeprefix("CAP_") for cap in settings["CapDrop"]] == ["ALL"]
    assert not settings["Privileged"]
    assert not settings["CapAdd"]
    assert any(option.startswith("no-new-privileges") for option in settings["SecurityOpt"])
    assert settings["ReadonlyRootfs"]
    assert settings["RestartPolicy"]["Name"] == "always"


@pytest.mark.parametrize("number", NUMBERS)
def test_the_store_cannot_be_written_from_inside(host, number):
    write = host.run(f"docker exec {container(number)} python3 -c \"open('/root/.ollama/models/blobs/x', 'w')\"")
    assert write.rc != 0
    assert "Read-only file system" in write.stderr


def test_ports_are_on_loopback_only(host, lab):
    for number in NUMBERS:
        bound = [
            b for bindings in lab.inspect(container(number))["NetworkSettings"]["Ports"].values() for b in bindings
        ]
        assert bound == [{"HostIp": "127.0.0.1", "HostPort": str(11433 + number)}]
        assert host.socket(f"tcp://127.0.0.1:{11433 + number}").is_listening


@pytest.mark.parametrize("number", NUMBERS)
def test_every_model_is_listed_and_answers(lab, number):
    port = 11433 + number
    assert sorted(m["name"] for m in lab.api(port, "/api/tags")["models"]) == MODELS
    for model in MODELS[:-1]:
        answer = lab.api(
            port, "/api/generate", {"model": model, "prompt": "one", "stream": False, "options": {"num_predict": 2}}
        )
        assert answer.get("done") is True, (model, answer)
        assert answer["eval_count"] >= 1
    vectors = lab.api(port, "/api/embed", {"model": MODELS[-1], "input": "one"})["embeddings"]
    assert len(vectors) == 1
    assert all(isinstance(x, float) for x in vectors[0])


def test_a_person_can_drive_the_project_by_hand(host):
    listed = host.run("cd /opt/corral/ollama && docker compose ps --format '{{.Service}}'")
    services = ["gateway", *(f"ollama-server-{number}" for number in NUMBERS)]
    assert sorted(listed.stdout.split()) == services, listed.stderr
