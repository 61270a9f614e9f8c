# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small store with shared blobs, and every way to damage it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, put

CONFIG, SHARED, ONE, TWO, PARAMS = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500, b'{"stop":["x"]}'
MODELS = {"a:1": (CONFIG, SHARED, ONE, PARAMS), "b:1": (CONFIG, SHARED, TWO), "n/c:1": (b"another", PARAMS, TWO)}
SHARERS = ["a:1", "b:1"]
MANIFEST = "manifests/registry.ollama.ai/library/a/1"


def fill(tree):
    for name, contents in MODELS.items():
        put(tree, name, *contents)
    return tree


def given(paths, registry, **more):
    endpoints = {"registry.ollama.ai": registry.url}
    return args(paths, registry_endpoints=endpoints, **{"retries": 0, "registry_timeout": 5.0, **more})


def tree_of(root):
    """What readers see: paths, kinds, contents and modes of everything below blobs/ and manifests/."""
    found = {}
    for top in ("blobs", "manifests"):
        for path in sorted(Path(root, top).rglob("*")):
            mode = path.lstat().st_mode
            what = path.read_bytes() if stat.S_ISREG(mode) else stat.S_IFMT(mode)
            found[str(path.relative_to(root))] = (what, stat.S_IMODE(mode))
    return found


def blob(paths, data):
    return Path(paths.blob(digest(data)))


def manifest(paths, name="a:1"):
    return Path(paths.manifest(parse_name(name)))


def instead(path, make):
    path.unlink()
    make(path)


def old_name(path, upper=False):
    key = path.name[len("sha256-") :]
    path.rename(path.with_name("sha256:" + (key.upper() if upper else key)))


def flip(path, at=-1):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


# What is done to the store, what repairs it, the kind of finding, whom it hurts, and the bytes it takes to fetch.
WEIGHTS, BOTH = ["a:1"], SHARERS
DAMAGE = {
    "weights flipped": (lambda p: flip(blob(p, ONE)), "fetch", "wrong_hash", WEIGHTS, ONE),
    "magic flipped": (lambda p: flip(blob(p, ONE), 0), "fetch", "wrong_hash", WEIGHTS, ONE),
    "weights cut": (lambda p: os.truncate(blob(p, ONE), 700), "fetch", "short", WEIGHTS, ONE),
    "weights empty": (lambda p: os.truncate(blob(p, ONE), 0), "fetch", "short", WEIGHTS, ONE),
    "weights too long": (lambda p: blob(p, ONE).write_bytes(ONE + b"x"), "fetch", "long", WEIGHTS, ONE),
    "weights missing": (lambda p: blob(p, ONE).unlink(), "fetch", "missing", WEIGHTS, ONE),
    "shared layer bad": (lambda p: flip(blob(p, SHARED)), "fetch", "wrong_hash", BOTH, SHARED),
    "shared layer missing": (lambda p: blob(p, SHARED).unlink(), "fetch", "missing", BOTH, SHARED),
    "config missing": (lambda p: blob(p, CONFIG).unlink(), "fetch", "missing", BOTH, CONFIG),
    "config no JSON": (lambda p: blob(p, CONFIG).write_bytes(b"confi{"), "fetch", "wrong_hash", BOTH, CONFIG),
    "params missing": (lambda p: blob(p, PARAMS).unlink(), "fetch", "missing", ["a:1", "n/c:1"], PARAMS),
    "params bad": (lambda p: flip(blob(p, PARAMS)), "fetch", "wrong_hash", ["a:1", "n/c:1"], PARAMS),
    "link": (lambda p: instead(blob(p, ONE), lambda x: x.symlink_to("/etc")), "fetch", "unreadable", WEIGHTS, ONE),
    "pipe": (lambda p: instead(blob(p, ONE), os.mkfifo), "fetch", "unreadable", WEIGHTS, ONE),
    "directory": (lambda p: instead(blob(p, ONE), Path.mkdir), "fetch", "unreadable", WEIGHTS, ONE),
    "old name": (lambda p: old_name(blob(p, ONE)), "rename", "bad_name", WEIGHTS, b""),
    "old name in capitals": (lambda p: old_name(blob(p, SHARED), True), "rename", "bad_name", BOTH, b""),
    "manifest empty": (lambda p: os.truncate(manifest(p), 0), "restore", "bad_manifest", WEIGHTS, b""),
    "manifest cut": (lambda p: os.truncate(manifest(p), 60), "restore", "bad_manifest", WEIGHTS, b""),
    "manifest {}": (lambda p: manifest(p).write_bytes(b"{}"), "restore", "bad_manifest", WEIGHTS, b""),
    "manifest no JSON": (lambda p: manifest(p).write_bytes(b"\0" * 90), "restore", "bad_manifest", WEIGHTS, b""),
    "manifest missing": (lambda p: manifest(p).unlink(), "restore", "missing", WEIGHTS, b""),
    "manifest is a link": (
        lambda p: instead(manifest(p), lambda x: x.symlink_to("/etc/passwd")), "restore", "bad_manifest", WEIGHTS, b"",
    ),
    "manifest is a directory": (lambda p: instead(manifest(p), Path.mkdir), "restore", "stray", WEIGHTS, b""),
    "manifest lies about a size": (
        lambda p: manifest(p).write_bytes(manifest(p).read_bytes().replace(b"1500", b"1501")),
        "restore", "bad_manifest", WEIGHTS, b"",
    ),
    "mode": (lambda p: blob(p, ONE).chmod(0o600), "set_mode", "wrong_mode", WEIGHTS, b""),
}  # fmt: skip
