# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of models beside a store, and the module that merges them."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import digest_check, store_merge
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 5000, b"two" * 5000


def tree(paths, name):
    """The source ``name``, beside the store; "store" is the store itself."""
    return ModelTree(str(Path(paths.root).parent / name)) if name != Path(paths.root).name else paths


def given(paths, *names, **more):
    return args(paths, sources=[{"name": name, "path": tree(paths, name).root} for name in names], **more)


def merge(paths, *names, check=False, **more):
    outcome = run_module(store_merge, given(paths, *names, **more), check=check)
    assert not outcome.failed, outcome.msg
    return outcome


def aged(where, name, seconds):
    os.utime(where.manifest(parse_name(name)), (seconds, seconds))


def healthy(paths):
    """What is wrong with the store, by a full check."""
    check = run_module(digest_check, {"path": paths.root, "on_damage": "report"})
    return [(found["kind"], found["path"]) for found in check["findings"]]


def inode(where, data):
    return os.stat(where.blob(digest(data))).st_ino


def rows(outcome, key="models"):
    return {row["name"]: row for row in outcome[key]}
