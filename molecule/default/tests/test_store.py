# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store after a run: five whole models, and nothing else in it."""

from __future__ import annotations

from lab import STORE, blob_names, in_staging, manifests

LIBRARY = "registry.ollama.ai/library"
PATHS = ["codellama/7b", "llama3.2/3b", "llava/7b", "mistral/7b", "nomic-embed-text/v1.5"]


def referenced(lab):
    entries = [entry for manifest in manifests(lab).values() for entry in [manifest["config"], *manifest["layers"]]]
    return {entry["digest"].replace(":", "-"): entry["size"] for entry in entries}


def test_five_manifests(lab):
    assert sorted(manifests(lab)) == [f"{LIBRARY}/{path}" for path in PATHS]


def test_only_whole_referenced_blobs(lab):
    """Each blob hashed by coreutils, not by the code under test; no partial, orphan or file of our own."""
    wanted = referenced(lab)
    assert blob_names(lab) == sorted(wanted)
    sums = dict(reversed(line.split()) for line in lab.sh(f"cd {STORE}/blobs && sha256sum *").splitlines())
    assert {name: f"sha256-{digest}" for name, digest in sums.items()} == {name: name for name in wanted}
    sizes = dict(line.split() for line in lab.sh(f"cd {STORE}/blobs && stat -c '%n %s' *").splitlines())
    assert {name: int(size) for name, size in sizes.items()} == wanted


def test_no_lease_no_puller_no_rubbish(host, lab):
    assert not host.file(f"{STORE}/.corral.lease").exists
    assert [name for name in lab.containers() if "pull" in name] == []
    assert [name for name in in_staging(lab) if "partial" in name] == []
    assert sorted(lab.sh(f"ls -A {STORE}").split()) == [".corral", "blobs", "manifests"]


def test_modes_let_any_reader_in_and_nobody_else_write(host):
    for folder in (STORE + "/blobs", STORE + "/manifests"):
        assert (host.file(folder).mode, host.file(folder).user) == (0o755, "root")
    assert host.file(STORE + "/.corral").mode == 0o700
    wrong = host.run(f"find {STORE}/blobs {STORE}/manifests -type f ! -perm 0644")
    assert wrong.stdout == ""
