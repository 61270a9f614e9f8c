"""The inventory of instances against the real engine: by its socket, and by the commands that it runs over ssh."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from corral_practice import images

# A machine that is this one: what would be asked there is asked here.
SSH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
exec "$@"
"""


@pytest.fixture
def project() -> Iterator[str]:
    """Two containers as Compose makes them, never started."""
    name = f"inventory-{uuid.uuid4().hex[:8]}"
    engine = docker.from_env()
    made = []
    try:
        for number in (1, 2):
            service = f"ollama-server-{number}"
            labels = {
                "com.docker.compose.project": name,
                "com.docker.compose.service": service,
                "corral.project": name,
                "corral.instance": service,
            }
            ports = {"11434/tcp": ("127.0.0.1", 27400 + number)}
            image = images.ensure_registry()
            made.append(engine.containers.create(image, name=f"{name}-{service}", labels=labels, ports=ports))
        yield name
    finally:
        for container in made:
            container.remove(force=True)


def told(folder: Path, text: str, **environment: str) -> dict[str, Any]:
    path = folder / "hosts.instances.yml"
    path.write_text(f"plugin: corral.ollama.instances\n{text}\n")
    asked = subprocess.run(
        ["ansible-inventory", "-i", str(path), "--list"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert asked.returncode == 0, asked.stderr
    assert "WARNING" not in asked.stderr, asked.stderr
    # What an engine told is marked as no template.
    return json.loads(asked.stdout, object_hook=lambda found: found.get("__ansible_unsafe", found))


def test_the_socket_and_ssh_tell_the_same(project: str, tmp_path: Path):
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    near = told(tmp_path, f"project: {project}\nkeyed_groups: [{{key: corral_instance_state, prefix: state}}]")
    far = told(tmp_path, f"project: {project}\ndocker_hosts: [ssh://ops@gpu1:2222]", PATH=path)
    names = [f"{project}-ollama-server-{number}" for number in (1, 2)]
    assert near["ollama_instances"]["hosts"] == [f"localhost-{name}" for name in names]
    assert near["state_created"] == near["ollama_instances"]
    assert far["ollama_instances"]["hosts"] == [f"gpu1-{name}" for name in names]
    for name, number in zip(names, (1, 2)):
        here, there = (
            {key: value for key, value in found["_meta"]["hostvars"][f"{host}-{name}"].items() if "instance_" in key}
            for found, host in ((near, "localhost"), (far, "gpu1"))
        )
        assert here["corral_instance_url"] == f"http://127.0.0.1:{27400 + number}"
        differing = {key for key in here if here[key] != there[key]}
        assert differing == {"corral_instance_engine", "corral_instance_host"}
