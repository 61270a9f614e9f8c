# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred thousand files where a few dozen are meant to be: memory and answers stay small. The bounds are generous;
what they catch is a cost that is no longer in proportion."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import StorePaths
from ansible_collections.corral.ollama.tests.property.measured import measured
from ansible_collections.corral.ollama.tests.property.stores import Contents, Model, Part
from ansible_collections.corral.ollama.tests.unit.staged import ready_store

WHOLE = Contents((Model("mistral:7b", Part("config", 0, 50), (Part("model", 0, 5000),)),))
MANY = 100_000


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorePaths]:
    """Empty files, a third each: well-named blobs that nobody uses, partial downloads, and names of no kind."""
    paths = ready_store(tmp_path_factory.mktemp("crowded") / "store")
    WHOLE.write(paths)
    forms = ("sha256-{:064x}", "sha256-{:064x}-partial", "README-{}")
    for number in range(MANY):
        name = forms[number % 3].format(number)
        os.close(os.open(os.path.join(paths.blobs, name), os.O_CREAT | os.O_WRONLY, 0o644))
    yield paths
    shutil.rmtree(paths.root)


def assert_small(module: str, paths: StorePaths, check: bool = False, **args: Any) -> dict[str, Any]:
    took = measured(module, {"path": paths.root, **args}, check)
    assert not took.failed, took.result
    assert took.grown_mib < 300
    assert took.answer_mib < 4
    return took.result


def test_digest_check(crowded: StorePaths):
    result = assert_small("digest_check", crowded, mode="quick")
    assert result["ok"] is True
    assert result["findings_by_kind"] == {"orphan": MANY // 3 + 1, "partial": MANY // 3, "stray": MANY // 3}
    assert [model["ok"] for model in result["models"]] == [True]
    assert Path(crowded.manifests).is_dir()
