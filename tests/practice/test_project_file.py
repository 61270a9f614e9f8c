"""What the real Compose makes of a project file between two definitions: services that were not touched keep their
configuration and their containers, and an image given by its id is taken as it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.project_file import merged
from ansible_collections.corral.ollama.plugins.module_utils.core.project_yaml import parse_project
from ansible_collections.corral.ollama.plugins.modules import project_file, rollout
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from corral_practice import images
from corral_practice.engine import engine

PROJECT = "corral-practice-project"
TAG = f"{PROJECT}:1"
BEFORE = """\
name: corral-practice-project
x-instance: &instance
  image: "corral-practice-project:1"
  pull_policy: missing
  network_mode: none
  read_only: true
  tmpfs: [/tmp, /root/.ollama]
  cap_drop: [ALL]
  stop_grace_period: 0s
  environment:
    PLAIN: no
    CLOCK: 22:22
    OCTAL: 0777
    UNDERSCORE: 1_000
    DAY: 2026-08-01
    EXPONENT: 1e3
    EMPTY:
    DOLLAR: "$$5"
    QUOTED: "yes"
    TEXT: "a: b # c"
    UMLAUT: "größe"
    LINES: "one\\ntwo"
  healthcheck:
    test: [CMD, ollama, list]
    interval: 30s
  logging:
    driver: json-file
    options: {max-size: "10m", max-file: "3"}
services:
  s-1:
    <<: *instance
    container_name: corral-practice-project-s-1
    volumes:
      - {type: volume, source: data_1, target: /data, read_only: true, volume: {nocopy: true}}
  s-2:
    <<: *instance
    container_name: corral-practice-project-s-2
    labels: {flow: 22:22, empty: }
  s-3:
    <<: *instance
    container_name: corral-practice-project-s-3
volumes:
  data_1:
    name: corral-practice-project-1
"""
ODD = """
  s-5:
    environment: {FROM_OUTSIDE: , EMPTY: "", NO: no, AT: 2026-08-01 10:00:00}
    image: "corral-practice-project:1"
    command: [22:22, yes, on]
volumes:"""
BEFORE_ODD = BEFORE.replace("\nvolumes:", ODD)
AFTER = BEFORE.replace("EXPONENT: 1e3", "EXPONENT: 1e4").replace("s-3", "s-4")


def compose(folder: Path, *words: str) -> str:
    command = ["docker", "compose", "--project-directory", str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hashes(folder: Path, text: str) -> dict[str, str]:
    """The hash by which Compose decides whether a container is as its service says."""
    (folder / "compose.yml").write_text(text)
    return dict(line.split() for line in compose(folder, "config", "--hash", "*").splitlines())


def between(there: str, source: str, *names: str, **pins: str) -> str:
    return merged(parse_project(there, "there"), parse_project(source, "source"), names, pins).text


def test_what_was_not_touched_keeps_its_hash(tmp_path: Path) -> None:
    before, after = hashes(tmp_path, BEFORE_ODD), hashes(tmp_path, AFTER)
    assert before["s-1"] != after["s-1"]
    text = BEFORE_ODD
    for done in (["s-1"], ["s-1", "s-4"], ["s-1", "s-4", "s-2"]):
        text = between(text, AFTER, *done)
        expected = {name: after[name] if name in done else before[name] for name in {*before, *done}}
        assert hashes(tmp_path, text) == expected
    assert between(text, AFTER, "s-3", "s-5") == AFTER
    # and every step of the way back
    assert hashes(tmp_path, between(text, BEFORE_ODD, "s-1")) == {**before, "s-4": after["s-4"], "s-2": after["s-2"]}


def test_the_text_means_the_same_to_compose(tmp_path: Path) -> None:
    """Not only the hash: the whole service as Compose reads it, from the definition and out of the mixture."""

    def read(text: str) -> Any:
        (tmp_path / "compose.yml").write_text(text)
        return json.loads(compose(tmp_path, "config", "--format", "json"))["services"]

    mixed, before = read(between(BEFORE_ODD, AFTER, "s-1")), read(BEFORE_ODD)
    assert mixed["s-1"] == read(AFTER)["s-1"]
    assert {name: mixed[name] for name in ("s-2", "s-3", "s-5")} == {
        name: before[name] for name in ("s-2", "s-3", "s-5")
    }
    assert mixed["s-1"]["environment"]["PLAIN"] == "no"


def containers() -> dict[str, tuple[str, str]]:
    """Of each service: its container's id and image id."""
    found = engine().containers.list(filters={"label": f"com.docker.compose.project={PROJECT}"})
    return {one.labels["com.docker.compose.service"]: (one.id, one.image.id) for one in found}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Path]:
    """Three services that run; their tag is one of the practice server's images."""
    images.ensure_ollama()
    engine().images.get(images.OLLAMA).tag(PROJECT, "1")
    (tmp_path / "compose.yml").write_text(BEFORE)
    try:
        compose(tmp_path, "up", "--detach", "--pull", "never")
        yield tmp_path
    finally:
        (tmp_path / "compose.yml").write_text(BEFORE)
        compose(tmp_path, "down", "--volumes", "--remove-orphans", "--timeout", "0")
        engine().images.remove(TAG, force=True)


def changed(folder: Path, token: str, *services: str, **more: str) -> None:
    given = {
        "path": str(folder / "compose.yml"),
        "definition": AFTER,
        "services": list(services),
        "rollout_path": str(folder / "rollout"),
        "token": token,
        **more,
    }
    outcome = run_module(project_file, given)
    assert not outcome.failed, outcome.msg


def test_compose_by_hand_changes_nothing_that_the_rollout_has_not_come_to(fleet: Path) -> None:
    before = containers()
    instances = [
        {"name": name, "state": "running", "image": TAG, "image_digest": image.split(":")[1]}
        for name, (_container, image) in before.items()
    ]
    begun = run_module(
        rollout,
        {
            "path": str(fleet / "rollout"),
            "project_path": str(fleet / "compose.yml"),
            "changes": [{"name": "s-1", "kind": "recreate"}],
            "instances": instances,
        },
    )
    token = begun["token"]

    changed(fleet, token, "s-1")
    compose(fleet, "up", "--detach", "--pull", "never")
    after = containers()
    assert after["s-1"][0] != before["s-1"][0]
    assert (after["s-2"], after["s-3"]) == (before["s-2"], before["s-3"])
    compose(fleet, "up", "--detach", "--pull", "never")
    assert containers() == after

    # the tag means another image by now: the way back names the one that ran, and Compose asks no registry for it
    image = engine().images.get(images.OLLAMA)
    other = next(one for one in engine().images.list() if one.id != image.id and one.tags)
    other.tag(PROJECT, "1")
    changed(fleet, token, "s-1", source="before")
    compose(fleet, "up", "--detach", "--pull", "never", "--no-deps", "s-1")
    back = containers()
    assert back["s-1"][1] == before["s-1"][1] == image.id
    assert (back["s-2"], back["s-3"]) == (before["s-2"], before["s-3"])
    assert f'"{image.id}"' in (fleet / "compose.yml").read_text()
    compose(fleet, "up", "--detach", "--pull", "never", "--no-deps", "s-1")
    assert containers() == back
