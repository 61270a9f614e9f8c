"""Recordings of 0.20.7, the last release before the start-up prune got its hour of grace."""

from __future__ import annotations

from pathlib import Path

import pytest
import stores
import table
from compare import Check
from conftest import Serve
from registry_lab import Registry

LOADED = ("v0207_ps",)
EMPTY = ("v0207_pull_ok",)


@pytest.mark.parametrize("name", table.names("old"))
def test_replay(name: str, serve: Serve, registry: Registry, tmp_path: Path) -> None:
    models = tmp_path / "models"
    if name not in EMPTY:
        stores.golden(models, registry.host, keep=("tiny:1b",))
    server = serve(models, PRACTICE_VERSION="0.20.7")
    if name in LOADED:
        server.post("/api/generate", model=f"{registry.host}/library/tiny:1b", prompt="hi", stream=False)
    check = Check(name, models, registry.host, ("size",) if name in LOADED else ())
    check.hold(check.send(server))


def test_every_layer_takes_its_time_and_ends_with_its_full_size(serve: Serve, registry: Registry) -> None:
    server = serve(PRACTICE_VERSION="0.20.7")
    lines = server.post("/api/pull", model=f"{registry.host}/library/tiny:1b", insecure=True).lines
    for layer in Check("v0207_pull_ok", server.models).record["response"]["ndjson"]:
        if layer.get("total"):
            assert lines.count(layer) >= 2


def test_no_status_route(serve: Serve) -> None:
    assert serve(PRACTICE_VERSION="0.20.7").ask("GET", "/api/status").status == 404
