"""The role distribution, on several hosts of one engine: how often the registry sends a byte, and what goes wrong."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import docker
import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.pieces import PIECE
from ansible_collections.corral.ollama.tests.practice.several_hosts import Hosts, several
from corral_practice.front import Front
from corral_practice.models import Layer, Model, Weights, model_of, tiny_model

NAME = "given:1b"
LARGE = "large:1b"
NAMES = ("one", "two", "three")
PAIR = NAMES[:2]
PORT = 26480
MODELS = {"roles": ["corral.ollama.models"]}
WAVE = "wave | Work out who takes what from whom now"
CHECKED = "confirm | Check that the models came, or may come from the registry"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, own_front: Front) -> Iterator[Hosts]:
    own = {name: {"corral_peer_port": PORT + number} for number, name in enumerate(NAMES)}
    wish = {
        "corral_peer_address": "127.0.0.1",
        "corral_distribution": True,
        "corral_distribution_bytes_per_second": 9_000_000,
        "corral_distribution_fleet_bytes_per_second": 8_000_000,
        "corral_models": [NAME],
    }
    with several(Hosts(tmp_path_factory.mktemp("given"), NAMES, own_front, wish, own)) as found:
        yield found


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny_model(41)


def digests(model: Model) -> set[str]:
    return {blob.digest for blob in model.blobs}


def forget(hosts: Hosts, *names: str) -> None:
    """As after a loss of all models."""
    for name in names:
        for folder in ("blobs", "manifests"):
            for path in sorted((hosts.store(name) / folder).rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()


def serving() -> list[str]:
    return [one.name for one in docker.from_env().containers.list(all=True, filters={"label": "corral.peer"})]


def test_in_batches_the_registry_sends_each_byte_once_within_the_limits(hosts: Hosts, model: Model, front: Front):
    front.registry.push(NAME, model)
    front.clear_log()
    done = hosts.play({"roles": ["corral.ollama.model_store", "corral.ollama.models"], "serial": [2, 1]})
    assert not done.failed
    assert front.bytes_by_blob() == {blob.digest: blob.size for blob in model.blobs}
    assert [hosts.blobs(name) for name in NAMES] == [digests(model)] * 3
    waves = [one for name in ("one", "three") for one in done.all_of(name, WAVE)]
    taken = [one for wave in waves for one in wave["ansible_facts"]["__distribution_wave"]["transfers"].items()]
    assert {name for name, _how in taken} == set(NAMES)
    assert {how["bytes_per_second"] for _name, how in taken} == {8_000_000}
    told = done.artifacts["corral_distribution"]
    upstream = {name: told[name]["bytes_from_upstream"] for name in NAMES}
    assert sorted(upstream.values()) == [0, 0, model.size], upstream
    assert serving() == []


def test_without_a_registry_they_give_it_to_each_other_and_one_that_sends_wrong_bytes_is_named(
    hosts: Hosts, model: Model, front: Front
):
    forget(hosts, "three")
    weights = hosts.store("one") / "blobs" / f"sha256-{model.layers[0].digest}"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with front.during("gone"):
        done = hosts.play(MODELS, corral_distribution_fallback=False)
    assert not done.failed
    assert hosts.blobs("three") == digests(model)
    assert (hosts.store("three") / "blobs" / weights.name).read_bytes() == good
    told = done.artifacts["corral_distribution"]["three"]
    assert (told["bad_peers"], told["bytes_from_upstream"]) == (["one"], 0)
    assert serving() == []


def test_outside_of_its_window_a_host_takes_nothing_and_says_when_to_come_again(hosts: Hosts):
    forget(hosts, "three")
    soon = datetime.now() + timedelta(hours=2)
    window = f"{soon:%H:%M}-{soon + timedelta(hours=1):%H:%M}"
    done = hosts.play(MODELS, limit="three", corral_distribution_window=window)
    assert done.failed
    assert f"Run it again within {window}" in done.of("three", CHECKED)["msg"]
    assert hosts.blobs("three") == set()


def on_disk(hosts: Hosts, digest: str) -> int:
    """Bytes of a blob that are there, wherever in the stores."""
    return sum(path.stat().st_blocks * 512 for name in PAIR for path in hosts.store(name).rglob(f"*{digest}*"))


def test_when_the_registry_goes_away_within_a_wave_the_next_run_takes_the_rest(hosts: Hosts, front: Front):
    model = model_of(Weights(Layer.of("model", random.Random(7).randbytes(3 * PIECE)), "llama", 10**6))
    large = model.layers[0].digest
    front.registry.push(LARGE, model)
    wish = {"limit": ",".join(PAIR), "corral_models": [LARGE], "corral_distribution_fallback": False}

    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(hosts.play, MODELS, corral_distribution_fleet_bytes_per_second=4_000_000, **wish)
        while on_disk(hosts, large) < 1.2 * PIECE:
            assert not running.done(), running.result()
            time.sleep(0.05)
        with front.during("gone"):
            cut = running.result()
    assert cut.failed
    for name in PAIR:
        assert "What came is kept" in cut.of(name, CHECKED)["msg"]
        assert large not in hosts.blobs(name)
        assert not list((hosts.store(name) / "manifests").rglob("large/1b"))
    assert on_disk(hosts, large) >= PIECE
    assert serving() == []

    front.clear_log()
    assert not hosts.play(MODELS, **wish).failed
    rest = front.bytes_by_blob()[large]
    assert rest in (PIECE, 2 * PIECE), f"{rest} of {3 * PIECE} bytes came in the second run"
    assert all(digests(model) <= hosts.blobs(name) for name in PAIR)
