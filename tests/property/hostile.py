# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attacker, a broken tool or a bad disk may have put into a store. Each entry says what a look must find.

``(kind, path)`` of findings; a path that ends in ``*`` stands for any that begins so.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Findings = set[tuple[str, str]]

DIGEST = "b" * 64
BLOB = f"blobs/sha256-{DIGEST}"
MODELS = "manifests/registry.ollama.ai/library"
EVIL = f"{MODELS}/evil/1"
FUTURE = time.time() + 400 * 24 * 3600


def _manifest(root: Path, raw: bytes | str, path: str = EVIL) -> Findings:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return {("bad_manifest", path)}


def _names(digest: object = "sha256:" + DIGEST, size: object = 5, **more: object) -> str:
    blob = {"digest": digest, "size": size, **more}
    return json.dumps({"schemaVersion": 2, "config": blob, "layers": [blob]})


def _named(root: Path, kind: str) -> Findings:
    """A manifest that is in order and names the blob that is none."""
    _manifest(root, _names())
    return {(kind, BLOB)}


def _entry(root: Path, path: str, make: Callable[[Path], object], kind: str) -> Findings:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    make(root / path)
    return {(kind, path)}


def _link(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def _socket(path: Path) -> None:
    """A socket's address is short; its directory need not be."""
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    """One that never ends; who may not make devices makes a socket, which is no more a file than that."""
    if os.geteuid() == 0:
        os.mknod(path, stat.S_IFCHR | 0o644, os.makedev(1, 5))
    else:
        _socket(path)


def _sparse(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)


def _deep(root: Path) -> Findings:
    """Directories one in another, to a path that is longer than any system call takes: made from within."""
    for top in ("manifests/h/n/m", "blobs"):
        (root / top).mkdir(parents=True, exist_ok=True)
        at = os.open(root / top, os.O_RDONLY)
        for _ in range(30):
            os.mkdir("d" * 200, dir_fd=at)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = below
        os.close(at)
    return {("stray", "manifests/h/n/m/ddd*"), ("stray", "blobs/ddd*")}


def _long_names(root: Path) -> Findings:
    long = "n" * 255
    _manifest(root, "{}", f"{MODELS}/{long}/1")
    (root / "blobs" / ("sha256-" + "c" * 248)).write_text("x")
    return {("bad_name", f"{MODELS}/{long}/1"), ("stray", "blobs/sha256-ccc*")}


def _bytes_names(root: Path) -> Findings:
    for name in (b"\xff\xfe", b"line\nbreak", b"\x1b[2J", b"..."):
        with open(os.fsencode(root / "blobs") + b"/" + name, "wb"):
            pass
        os.mkdir(os.fsencode(root / "manifests") + b"/" + name)
    return {("stray", "blobs/*"), ("bad_name", "manifests/*"), ("stray", "manifests/...")}


def _climbers(root: Path) -> Findings:
    """No entry of a directory is called `..`; the nearest to it are these."""
    for name in ("..%2f..%2fetc", "..\\..\\etc", "....", "-rf", "$(reboot)"):
        _manifest(root, "{}", f"{MODELS}/evil/{name}")
    return {("bad_name", f"{MODELS}/evil/*")}


def _outward(root: Path) -> Findings:
    """Links to where models could be, at every depth."""
    outside = root.parent / "outside"
    for path in ("manifests/h", f"{MODELS}/linked", f"{MODELS}/tiny-link", "blobs/elsewhere"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(outside)
    kinds = {("bad_name", path) for path in ("manifests/h", f"{MODELS}/linked", f"{MODELS}/tiny-link")}
    return kinds | {("stray", "blobs/elsewhere")}


def _two_sizes(root: Path) -> Findings:
    blob, other = ({"digest": "sha256:" + DIGEST, "size": size} for size in (5, 6))
    return _manifest(root, json.dumps({"config": blob, "layers": [other]}))


def _future(root: Path) -> Findings:
    """Everything was written next year."""
    (root / f"{BLOB}-partial").write_text("x")
    (root / BLOB).write_text("x")
    for path in [*root.rglob("*"), root]:
        if ".corral" not in path.parts:
            os.utime(path, (FUTURE, FUTURE))
    return {("partial", f"{BLOB}-partial"), ("orphan", BLOB)}


def _sparse_named(root: Path) -> Findings:
    _sparse(root / BLOB, 1 << 42)
    return _named(root, "long")


def _sparse_unused(root: Path) -> Findings:
    _sparse(root / BLOB, 1 << 42)
    return {("orphan", BLOB)}


def _sparse_manifest(root: Path) -> Findings:
    _sparse(root / EVIL, 1 << 30)
    return {("bad_manifest", EVIL)}


SMALL: Mapping[str, Callable[[Path], Findings]] = {
    "digest that climbs": lambda root: _manifest(root, _names("sha256:" + "../" * 20 + "etc/passwd")),
    "absolute digest": lambda root: _manifest(root, _names("/etc/passwd")),
    "upper-case digest": lambda root: _manifest(root, _names("sha256:" + DIGEST.upper())),
    "short digest": lambda root: _manifest(root, _names("sha256:" + DIGEST[:12])),
    "huge digest": lambda root: _manifest(root, _names("sha256:" + DIGEST * 10_000)),
    "digest with a null": lambda root: _manifest(root, _names("sha256:" + DIGEST[:63] + "\0")),
    "digest with foreign digits": lambda root: _manifest(root, _names("sha256:" + "١" * 64)),
    "digest that is a list": lambda root: _manifest(root, _names(["sha256:" + DIGEST])),
    "negative size": lambda root: _manifest(root, _names(size=-1)),
    "size beyond any disk": lambda root: _manifest(root, _names(size=10**30)),
    "size of infinity": lambda root: _manifest(root, _names(size=float("inf"))),
    "size with thousands of digits": lambda root: _manifest(root, _names().replace(": 5", ": " + "9" * 5000)),
    "size that is true": lambda root: _manifest(root, _names(size=True)),
    "two sizes": _two_sizes,
    "media type of a megabyte": lambda root: _manifest(root, _names(mediaType="x" * 1_000_000)),
    "nested too deep": lambda root: _manifest(root, '{"config":' * 100_000),
    "a million layers": lambda root: _manifest(root, '{"layers":[' + ",".join(["{}"] * 1_000_000) + "]}"),
    "bytes that are no text": lambda root: _manifest(root, b"\xff\xfe" + _names().encode("utf-16-le")),
    "manifest of a gigabyte": _sparse_manifest,
    "manifest that is a link": lambda root: _entry(root, EVIL, _link("/etc/passwd"), "bad_manifest"),
    "manifest that is a pipe": lambda root: _entry(root, EVIL, os.mkfifo, "bad_manifest"),
    "manifest that is a device": lambda root: _entry(root, EVIL, device, "bad_manifest"),
    "blob that is a link": lambda root: (
        _named(root, "unreadable") | _entry(root, BLOB, _link("/etc/passwd"), "unreadable")
    ),
    "blob that links to itself": lambda root: _named(root, "unreadable") | _entry(root, BLOB, _link("."), "unreadable"),
    "blob that is a pipe": lambda root: _named(root, "unreadable") | _entry(root, BLOB, os.mkfifo, "unreadable"),
    "blob that is a device": lambda root: _named(root, "unreadable") | _entry(root, BLOB, device, "unreadable"),
    "blob that is a socket": lambda root: _named(root, "unreadable") | _entry(root, BLOB, _socket, "unreadable"),
    "unused pipe": lambda root: _entry(root, BLOB, os.mkfifo, "orphan"),
    "unused device": lambda root: _entry(root, BLOB, device, "orphan"),
    "stray pipe": lambda root: _entry(root, "blobs/pipe", os.mkfifo, "stray"),
    "partial that is a link": lambda root: _entry(root, f"{BLOB}-partial", _link("/etc/passwd"), "stray"),
    "partial that is a pipe": lambda root: _entry(root, f"{BLOB}-partial-0", os.mkfifo, "stray"),
    "pipe among directories": lambda root: _entry(root, "manifests/pipe", os.mkfifo, "bad_name"),
    "links outward": _outward,
    "deep directories": _deep,
    "names as long as they get": _long_names,
    "names that are no text": _bytes_names,
    "names that climb": _climbers,
    "four terabytes of nothing, named": _sparse_named,
    "four terabytes of nothing, unused": _sparse_unused,
    "everything from the future": _future,
}
