# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A generator of damaged stores: every way in which a blob, a manifest or a store goes bad, alone and together.

``damages`` draws what to break, ``inflict`` breaks it, ``oracle.py`` says what must be found.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.corral.ollama.tests.property.stores import Contents, Part, blob_path
from hypothesis import strategies as st

OTHER = "a" * 64


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong. ``target``: a digest, the name of a model, or a path below the store."""

    where: str
    kind: str
    target: str
    at: int = 0


def _flip(path: Path, part: Part, at: int) -> None:
    data = bytearray(part.data)
    data[at % part.size] ^= 1 << at % 8
    path.write_bytes(data)


def _old_name(path: Path, part: Part, at: int) -> None:
    path.rename(path.with_name(path.name.replace("-", ":")))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir(0o755)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _symlink(path: Path) -> None:
    """To a good copy outside the store: what a link points to may change, so it counts for nothing."""
    root = next(parent for parent in path.parents if (parent / "blobs").is_dir())
    elsewhere = root.parent / f"{root.name}-{str(path.relative_to(root)).replace('/', '-')}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _cut(size: int) -> Callable[[Path, Part, int], None]:
    return lambda path, part, at: os.truncate(path, min(size, part.size // 2))


#: What happens to a blob, and the finding that it gives. `zeroed` is what a machine that crashed leaves behind.
BLOB: Mapping[str, tuple[str, Callable[[Path, Part, int], object]]] = {
    "flipped": ("wrong_hash", _flip),
    "magic": ("wrong_hash", lambda path, part, at: _flip(path, part, 0)),
    "last byte": ("wrong_hash", lambda path, part, at: _flip(path, part, part.size - 1)),
    "zeroed": ("wrong_hash", lambda path, part, at: (os.truncate(path, 0), os.truncate(path, part.size))),
    "half": ("short", _cut(1 << 30)),
    "header": ("short", _cut(16)),
    "empty": ("short", _cut(0)),
    "longer": ("long", lambda path, part, at: path.write_bytes(part.data + b"\0" * (1 + at % 5000))),
    "missing": ("missing", lambda path, part, at: path.unlink()),
    "old name": ("missing", _old_name),
    "link": ("unreadable", lambda path, part, at: _symlink(path)),
    "fifo": ("unreadable", lambda path, part, at: _fifo(path)),
    "directory": ("unreadable", lambda path, part, at: _directory(path)),
    "mode": ("wrong_mode", lambda path, part, at: path.chmod(0o600)),
}


def _upper(raw: bytes, at: int) -> bytes:
    if at % 2:
        return raw.replace(b"sha256:", b"SHA256:")
    return re.sub(rb"sha256:([0-9a-f]{64})", lambda match: b"sha256:" + match[1].upper(), raw)


def _digest_as(text: str) -> Callable[[bytes, int], bytes]:
    def change(raw: bytes, at: int) -> bytes:
        document = json.loads(raw)
        document["layers"][at % len(document["layers"])]["digest"] = text
        return json.dumps(document).encode()

    return change


#: What a manifest's bytes become. Everything here makes it unreadable, and nothing else.
MANIFEST: Mapping[str, Callable[[bytes, int], bytes]] = {
    "cut": lambda raw, at: raw[: at % len(raw)],
    "empty": lambda raw, at: b"",
    "braces": lambda raw, at: b"{}",
    "no layers": lambda raw, at: json.dumps({**json.loads(raw), "layers": []}).encode(),
    "no config": lambda raw, at: json.dumps({**json.loads(raw), "config": None}).encode(),
    "not JSON": lambda raw, at: b"<html>502 Bad Gateway</html>",
    "list": lambda raw, at: b"[" + raw + b"]",
    "zeroed": lambda raw, at: b"\0" * len(raw),
    "wrong case": _upper,
    "short digest": _digest_as("sha256:" + OTHER[:63]),
    "bare digest": _digest_as(OTHER),
    "climbing digest": _digest_as("sha256:../../../../etc/passwd"),
    "absolute digest": _digest_as("/etc/passwd"),
    "number": _digest_as(7),  # type: ignore[arg-type]
}
#: What takes a manifest's place, with what a look at the store says about it.
IN_ITS_PLACE: Mapping[str, tuple[str, Callable[[Path], object]]] = {
    "link": ("bad_manifest", _symlink),
    "fifo": ("bad_manifest", _fifo),
    "directory": ("stray", _directory),
    "mode": ("wrong_mode", lambda path: path.chmod(0o600)),
    "gone": ("", lambda path: path.unlink()),
}
#: What lies about. A name that a server takes for a manifest is damage: it switches its pruning off.
CLUTTER: Mapping[str, tuple[str, str]] = {
    f"blobs/sha256-{OTHER}-partial": ("partial", "x" * 3000),
    f"blobs/sha256-{OTHER}-partial-0": ("partial", ""),
    f"blobs/sha256-{OTHER}-partial-1": ("partial", '{"N":1,"Offset":0,"Size":9,"Completed":0}'),
    f"blobs/sha256-{OTHER}-partial-17": ("partial", "old"),
    f"blobs/sha256-{OTHER}.tmp": ("partial", "x"),
    f"blobs/sha256-{OTHER}": ("orphan", "no model names this"),
    f"blobs/sha256-{OTHER.upper()}": ("stray", "x"),
    f"blobs/sha256:{OTHER}": ("bad_name", "x"),
    "blobs/sha256-123456": ("stray", "of a create that was killed"),
    "blobs/COPY12345": ("stray", "x"),
    "blobs/README": ("stray", "x"),
    "manifests/README": ("stray", "x"),
    "manifests/h/n/README": ("stray", "x"),
    "manifests/h/n/m/.hidden": ("bad_name", "{}"),
    "manifests/h/n/m/latest.meta~": ("bad_name", "x"),
    "manifests/h/empty/": ("stray", ""),
    "manifests/h/n/m/t/": ("stray", ""),
    "blobs/folder/": ("stray", ""),
}


def damages(
    store: Contents, most: int = 4, where: Sequence[str] = ("blob", "manifest", "clutter")
) -> st.SearchStrategy:
    """Lists of what to break, each thing once; the first of a list that shrinks is the simplest that fails."""
    choices = {
        "blob": _each("blob", BLOB, sorted(store.parts)),
        "manifest": _each("manifest", [*MANIFEST, *IN_ITS_PLACE], store.names),
        "clutter": st.sampled_from(sorted(CLUTTER)).flatmap(
            lambda path: st.just(Damage("clutter", CLUTTER[path][0], path))
        ),
    }
    one = st.one_of(*(choices[name] for name in where)).filter(lambda damage: _possible(store, damage))
    return st.lists(one, min_size=1, max_size=most, unique_by=lambda damage: damage.target)


def _each(where: str, kinds: Sequence[str] | Mapping[str, object], targets: Sequence[str]) -> st.SearchStrategy[Damage]:
    return st.builds(
        Damage, st.just(where), st.sampled_from(list(kinds)), st.sampled_from(targets), st.integers(0, 10**6)
    )


def _possible(store: Contents, damage: Damage) -> bool:
    """A blob of one zero byte cannot be zeroed."""
    return damage.where != "blob" or damage.kind != "zeroed" or any(store.parts[damage.target].data)


def inflict(root: Path, store: Contents, what: Sequence[Damage]) -> None:
    """Break the store in ``root``. What lies about is old enough for anyone to clean up."""
    for damage in what:
        if damage.where == "blob":
            BLOB[damage.kind][1](root / blob_path(damage.target), store.parts[damage.target], damage.at)
        elif damage.where == "clutter":
            _litter(root / damage.target, CLUTTER[damage.target][1], damage.target.endswith("/"))
        else:
            (model,) = (model for model in store.models if model.name == damage.target)
            _break_manifest(root / model.path, damage)


def _break_manifest(path: Path, damage: Damage) -> None:
    if damage.kind in MANIFEST:
        path.write_bytes(MANIFEST[damage.kind](path.read_bytes(), damage.at))
    else:
        IN_ITS_PLACE[damage.kind][1](path)
    if damage.kind == "gone":
        for parent in list(path.parents)[:3]:
            if not any(parent.iterdir()):
                parent.rmdir()


def _litter(path: Path, text: str, directory: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if directory:
        path.mkdir()
    else:
        path.write_text(text)
        path.chmod(0o644)
    old = time.time() - 90 * 24 * 3600
    os.utime(path, (old, old))
