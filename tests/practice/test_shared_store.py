"""Two hosts whose volumes are one directory, as on a file server: one pulls, the other finds it, and neither takes away
what the other needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.tests.practice.several_hosts import Hosts, several
from corral_practice.front import Front
from corral_practice.models import tiny_model

NAME = "shared:1b"
DEPLOY = {"serial": [1, "100%"], "roles": ["corral.ollama.model_store", "corral.ollama.models"]}
PRUNE = {"roles": [{"role": "corral.ollama.prune", "prune_apply": True, "prune_min_age": 0}]}
OLD = "200001010000.00"
ORPHAN = "sha256-" + "0" * 64


@pytest.fixture
def hosts(tmp_path: Path, front: Front) -> Iterator[Hosts]:
    served = tmp_path / "served"
    served.mkdir()
    shared = {
        "corral_project": "corral-test",
        "corral_store_shared": True,
        "corral_store_volume_options": {"type": "none", "o": "bind", "device": str(served)},
        "corral_models": [NAME],
    }
    names = ("left", "right")
    own = {name: {"corral_project": "corral-test"} for name in names}
    with several(Hosts(tmp_path, names, front, shared, own)) as found:
        yield found


def test_one_writes_for_all_and_nothing_goes_that_another_may_need(hosts: Hosts, front: Front):
    model = tiny_model(31)
    front.registry.push(NAME, model)
    front.clear_log()
    orphan = hosts.folder / "served/blobs" / ORPHAN
    made = {"copy": {"content": "nobody needs me", "dest": str(orphan), "mode": "0644"}, "run_once": True}
    old = {"file": {"path": str(orphan), "access_time": OLD, "modification_time": OLD}, "run_once": True}
    done = hosts.play(DEPLOY, {"tasks": [made, old]}, {**PRUNE, "hosts": "right"})
    assert not done.failed

    assert front.bytes_by_blob() == {blob.digest: blob.size for blob in model.blobs}
    assert hosts.blobs("left") == hosts.blobs("right") == {blob.digest for blob in model.blobs} | {"0" * 64}
    assert json.loads((hosts.folder / "served/.corral/owner.json").read_text())["shared"] is True
    shown = done.of("right", "plan | Show what may go, what waits and what stays")
    assert "the host left could not be asked" in str(shown)
    assert "0 went" in done.of("right", "confirm | Say what came of it")["msg"]


def test_two_that_begin_at_once_are_refused(hosts: Hosts):
    done = hosts.play({"roles": ["corral.ollama.model_store"]})
    name = "preflight | Check that hosts that share a store do not all begin at once"
    assert "corral_serial: [1, '100%']" in done.of("right", name)["msg"]
