"""Recordings of two servers on one store: one pulls slowly, the other starts or deletes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stores
import table
from compare import Check
from conftest import Serve
from registry_lab import Registry, Rules
from server_lab import Answer
from stores import CONFIG, PARAMS, golden_blob

SLOW = {"PRACTICE_PART_MIN": "1000000", "PRACTICE_STALL_SECONDS": "30", "PRACTICE_DIRECT_SECONDS": "30"}
OLD, NEW = {"PRACTICE_VERSION": "0.20.7"}, {}
HOUR = 3600.0
# The last of three parts ends long before the others, or with them.
SHORT, LONG = 2_050_000, 2_900_000
RECORDED = {"weights": "6d92db1fe447f0764fcf09c59aaa34289df8b286aa8463d5587f017b17ac293d"}


class Scene:
    """The slow pull on A, and what B does meanwhile."""

    def __init__(self, registry: Registry, serve: Serve, models: Path, a: dict[str, str], size: int):
        self.registry, self.serve, self.models = registry, serve, models
        self.weights = os.urandom(size)
        config = golden_blob(CONFIG)[:-2] + b',"x":1}\n'
        registry.add_model("big", "1", self.weights, config, params=golden_blob(PARAMS))
        self.a = serve(models, **SLOW, **a)
        self.digest = json.loads(registry.manifests["/v2/library/big/manifests/1"])["layers"][0]["digest"][7:]

    @property
    def blobs(self) -> Path:
        return self.models / "blobs"

    def start_b(self, env: dict[str, str]) -> None:
        self.serve(self.models, **env).stop()

    def wait_for(self, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.01)

    def running(self) -> None:
        self.wait_for(lambda: len(list(self.blobs.glob("*-partial-*"))) == 3)

    def part_done(self) -> None:
        path = self.blobs / f"sha256-{self.digest}-partial-2"
        self.wait_for(lambda: json.loads(path.read_text() or '{"Completed":0}')["Completed"] == SHORT - 2_000_000)

    def second_layer(self) -> None:
        """The weights are in place; the pull waits for the redirect of the next layer."""
        self.wait_for(lambda: (self.blobs / f"sha256-{PARAMS}-partial-0").exists())
        time.sleep(0.1)

    def age(self, pattern: str) -> None:
        for path in self.blobs.glob(pattern):
            stores.age(path, 2 * HOUR)


def starts(env: dict[str, str]) -> Callable[[Scene], None]:
    """B starts when one part has ended."""

    def act(scene: Scene) -> None:
        scene.running()
        scene.part_done()
        scene.start_b(env)

    return act


def old_files(done: bool) -> Callable[[Scene], None]:
    """The small files of the parts are old, the data is not."""

    def act(scene: Scene) -> None:
        scene.running()
        if done:
            scene.part_done()
        scene.age("*-partial-*")
        scene.start_b(NEW)

    return act


def everything_old(scene: Scene) -> None:
    """All partial files are gone; the small ones are written anew by the parts that still run, the data is not."""
    scene.running()
    scene.wait_for(lambda: scene.registry.served >= 300_000)
    time.sleep(0.3)
    scene.age("*-partial*")
    scene.start_b(NEW)


def finished_layer(env: dict[str, str]) -> Callable[[Scene], None]:
    """B starts while the layer behind the weights is still on its way."""

    def act(scene: Scene) -> None:
        scene.second_layer()
        if not env:
            scene.age(f"sha256-{scene.digest}")
        scene.start_b(env)
        scene.registry.rules = Rules()

    return act


def alias_deleted(scene: Scene) -> None:
    """B deletes another name of the same weights, which A has taken for granted."""
    scene.second_layer()
    b = scene.serve(scene.models)
    assert b.ask("DELETE", "/api/delete", {"model": "alias"}).status == 200
    scene.registry.rules = Rules()


# A's environment, what the registry does, what B does.
SCENES: dict[str, tuple[dict[str, str], str, Callable[[Scene], None]]] = {
    "race_0207_B_starts_during_pull": (OLD, "slow", starts(OLD)),
    "race_mixed_old_B": (NEW, "slow", starts(OLD)),
    "race_0207_B_starts_during_pull_noprune": (OLD, "slow", starts({**OLD, "OLLAMA_NOPRUNE": "1"})),
    "race_new_B": (NEW, "slow", starts(NEW)),
    "race_prune_removed_part_files": (NEW, "slow even", old_files(done=False)),
    "race_prune_removed_done_part": (NEW, "slow", old_files(done=True)),
    "race_prune_removed_all_partials": (NEW, "slow even", everything_old),
    "race_prune_removed_finished_layer": (NEW, "late", finished_layer(NEW)),
    "race_prune_removed_cache_hit_layer": (NEW, "cached late", finished_layer(NEW)),
    "race_0207_finished_layer_downloaded": (OLD, "late", finished_layer(OLD)),
    "race_0207_finished_layer_cache_hit": (OLD, "cached late", finished_layer(OLD)),
    "race_delete_during_pull": (NEW, "alias late", alias_deleted),
}


def prepare(scene: Scene, how: str) -> None:
    """`slow`: the parts wait until B has done its deed, but a part of less than 100 kB is finished before.

    `late`: the second layer waits for its redirect, because the registry refuses it for a while.
    """
    if "slow" in how:
        scene.registry.rules = Rules(wait_after=100_000)
    if "late" in how:
        scene.registry.rules = Rules(refuse=f"sha256:{PARAMS}")
    if "cached" in how or "alias" in how:
        scene.blobs.mkdir(parents=True, exist_ok=True)
        (scene.blobs / f"sha256-{scene.digest}").write_bytes(scene.weights)
    if "alias" in how:
        weights, config = scene.weights, golden_blob(CONFIG)
        stores.put_model(scene.models, "registry.ollama.ai/library/alias/latest", weights, config, {})


@pytest.fixture
def scenes(registry: Registry, serve: Serve, tmp_path: Path) -> Callable[..., Scene]:
    return lambda a, size=SHORT: Scene(registry, serve, tmp_path / "models", a, size)


@pytest.mark.parametrize("name", table.names("races"))
def test_replay(name: str, scenes: Callable[..., Scene]) -> None:
    a, how, act = SCENES[name]
    scene = scenes(a, LONG if "even" in how else SHORT)
    prepare(scene, how)
    found: list[Answer] = []
    body = {"model": f"{scene.registry.host}/library/big:1", "insecure": True}
    thread = threading.Thread(target=lambda: found.append(scene.a.ask("POST", "/api/pull", body)))
    thread.start()
    act(scene)
    scene.registry.rules.go_on.set()
    thread.join(60)
    recorded = ending(Check(name, scene.models).record["response"]["ndjson"])
    assert ending(found[0].lines, scene.models) == [
        line.replace(RECORDED["weights"], scene.digest) for line in recorded
    ]


def ending(lines: list[dict[str, Any]], models: Path | None = None) -> list[str]:
    """The lines that are not progress."""
    kept = [line for line in lines if "digest" not in line and "_repeated_times" not in line]
    texts = [str(line.get("status") or line.get("error")) for line in kept]
    return [text.replace(str(models), "<models>") for text in texts]


def test_a_success_without_weights(scenes: Callable[..., Scene]) -> None:
    """The pull of the last recording says `success`, and nothing can be generated."""
    scene = scenes(NEW)
    prepare(scene, "alias late")
    model = f"{scene.registry.host}/library/big:1"
    thread = threading.Thread(target=lambda: scene.a.post("/api/pull", model=model, insecure=True))
    thread.start()
    alias_deleted(scene)
    thread.join(60)
    assert model in scene.a.tags()
    assert scene.a.post("/api/generate", model=model, prompt="hi").status == 400
