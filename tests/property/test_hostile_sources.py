# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source that means harm where the store needs a blob: it is refused, the next source is asked, and nothing hangs."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_merge, store_repair
from ansible_collections.corral.ollama.tests.property.hostile import device
from ansible_collections.corral.ollama.tests.property.stores import Contents, Model, Part, blob_path
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, ready_store

WEIGHTS = Part("model", 0, 5000)
WHOLE = Contents((Model("mistral:7b", Part("config", 0, 50), (WEIGHTS,)),))


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def hollow(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 42)


BAD: dict[str, Callable[[Path], Any]] = {
    "flipped": lambda path: path.write_bytes(b"x" + WEIGHTS.data[1:]),
    "short": lambda path: path.write_bytes(WEIGHTS.data[:100]),
    "long": lambda path: path.write_bytes(WEIGHTS.data + b"x"),
    "four terabytes": hollow,
    "pipe": os.mkfifo,
    "device": device,
    "directory": lambda path: path.mkdir(),
    "link to a good copy": lambda path: path.symlink_to(path.parents[2] / "good" / blob_path(WEIGHTS.digest)),
    "missing": lambda path: None,
}


@pytest.fixture
def places(tmp_path: Path) -> Path:
    for name in ("good", "bad"):
        WHOLE.write(ModelTree(str(tmp_path / name)))
    (tmp_path / "bad" / blob_path(WEIGHTS.digest)).unlink()
    return tmp_path


@pytest.mark.parametrize("hurt", ["missing", "four terabytes", "pipe", "directory"])
@pytest.mark.parametrize("name", BAD)
def test_a_repair_passes_it_over(places: Path, name: str, hurt: str):
    BAD[name](places / "bad" / blob_path(WEIGHTS.digest))
    paths = ready_store(places / "store")
    root = WHOLE.write(paths)
    (root / blob_path(WEIGHTS.digest)).unlink()
    BAD[hurt](root / blob_path(WEIGHTS.digest))
    bad, good = ({"type": "peer", "path": str(places / one)} for one in ("bad", "good"))
    alone = run_module(store_repair, args(paths, sources=[bad], on_failure="report"))
    assert not alone.failed, alone.msg
    assert [one["digest"] for one in alone["unrepaired"]] == [WEIGHTS.digest]
    both = run_module(store_repair, args(paths, sources=[bad, good]))
    assert not both.failed, both.msg
    assert (root / blob_path(WEIGHTS.digest)).read_bytes() == WEIGHTS.data
    assert not (root / blob_path(WEIGHTS.digest)).is_symlink()


@pytest.mark.parametrize("name", BAD)
def test_a_merge_passes_it_over(places: Path, name: str):
    BAD[name](places / "bad" / blob_path(WEIGHTS.digest))
    paths = ready_store(places / "store")
    sources = [{"name": one, "path": str(places / one)} for one in ("bad", "good")]
    alone = run_module(store_merge, args(paths, sources=sources[:1]))
    assert not alone.failed, alone.msg
    assert [one["name"] for one in alone["lacking"]] == ["mistral:7b"]
    both = run_module(store_merge, args(paths, sources=sources))
    assert not both.failed, both.msg
    stored = Path(paths.blob(WEIGHTS.digest))
    assert stored.read_bytes() == WEIGHTS.data
    assert not stored.is_symlink()
