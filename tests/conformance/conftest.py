"""Puts the helpers on the path; gives the tests servers, stores and a registry of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import registry_lab
import stores
from server_lab import Practice

FAST = {
    "PRACTICE_LOAD_SECONDS": "0.01",
    "PRACTICE_TOKEN_SECONDS": "0.001",
    "PRACTICE_RETRY_SCALE": "0.001",
    "PRACTICE_STALL_SECONDS": "0.3",
    "PRACTICE_DIRECT_SECONDS": "0.3",
    "PRACTICE_OLD_LAYER_SECONDS": "0.3",
}
Serve = Callable[..., Practice]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers; `models` is a store (an empty one by default), capital names are its environment."""
    started: list[Practice] = []
    ends = ExitStack()

    def start(models: Path | None = None, wrapper: tuple[str, ...] = (), wait: bool = True, **env: str) -> Practice:
        root = tmp_path / f"home{len(started)}"
        server = Practice(root, models or tmp_path / "models", {**FAST, **env}, list(wrapper))
        started.append(server)
        ends.callback(server.stop)
        return server.start(wait)

    with ends:
        yield start


@pytest.fixture
def registry() -> Iterator[registry_lab.Registry]:
    """The recorded models behind a front that redirects to another host name."""
    with registry_lab.running() as lab:
        yield stores.fill_registry(lab)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """One server on an empty store, for all tests of a module that change nothing."""
    root: Any = tmp_path_factory.mktemp("shared")
    server = Practice(root / "home", root / "models", dict(FAST)).start()
    yield server
    server.stop()
