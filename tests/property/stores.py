# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores as plain values: models that share layers, made of seeds, and written to a directory on demand."""

from __future__ import annotations

import hashlib
import json
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from hypothesis import strategies as st

#: Names with and without host and namespace, and two tags of one model.
NAMES = ("mistral:7b", "mistral:latest", "nomic-embed-text:v1.5", "me/Mixed:Q4_0", "127.0.0.1:5056/library/tiny:1b")
ROLES = ("projector", "template", "system", "params", "messages", "license", "adapter")


@dataclass(frozen=True)
class Part:
    """A config or layer: ``size`` bytes that ``seed`` decides. Weights begin as GGUF files do."""

    role: str
    seed: int
    size: int

    @property
    def data(self) -> bytes:
        return _bytes(self.role, self.seed, self.size)

    @property
    def digest(self) -> str:
        return _digest(self.role, self.seed, self.size)

    @property
    def entry(self) -> dict[str, object]:
        kind = "docker.container.image.v1+json" if self.role == "config" else f"ollama.image.{self.role}"
        return {"mediaType": f"application/vnd.{kind}", "digest": f"sha256:{self.digest}", "size": self.size}


@cache
def _bytes(role: str, seed: int, size: int) -> bytes:
    data = random.Random(f"{role} {seed}").randbytes(size)
    return (b"GGUF" + data)[:size] if role == "model" else data


@cache
def _digest(role: str, seed: int, size: int) -> str:
    return hashlib.sha256(_bytes(role, seed, size)).hexdigest()


@dataclass(frozen=True)
class Model:
    name: str
    config: Part
    layers: tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.config, *self.layers)

    @property
    def raw(self) -> bytes:
        """The manifest's bytes, as a registry serves them."""
        layers = [part.entry for part in self.layers]
        return json.dumps({"schemaVersion": 2, "config": self.config.entry, "layers": layers}).encode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def path(self) -> str:
        """Of the manifest, below the store."""
        return "/".join(("manifests", *parse_name(self.name).parts))


@dataclass(frozen=True)
class Contents:
    """What a store holds when it is whole."""

    models: tuple[Model, ...]

    @property
    def parts(self) -> dict[str, Part]:
        return {part.digest: part for model in self.models for part in model.parts}

    @property
    def names(self) -> list[str]:
        return [model.name for model in self.models]

    def users(self, digest: str) -> list[Model]:
        return [model for model in self.models if digest in {part.digest for part in model.parts}]

    def write(self, tree: ModelTree) -> Path:
        """As a server writes them; the directories may be there already. Returns the store's directory."""
        for directory in (tree.root, tree.blobs, tree.manifests):
            os.makedirs(directory, exist_ok=True)
        for digest, part in self.parts.items():
            _write(Path(tree.blob(digest)), part.data)
        for model in self.models:
            _write(Path(tree.root, model.path), model.raw)
        return Path(tree.root)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o644)


def blob_path(digest: str) -> str:
    return f"blobs/sha256-{digest}"


def _parts(role: str, most: int = 3) -> st.SearchStrategy[Part]:
    largest = 9000 if role == "model" else 300
    return st.builds(Part, st.just(role), st.integers(0, most - 1), st.integers(1, largest))


@st.composite
def contents(draw: st.DrawFn, names: tuple[str, ...] = NAMES, at_least: int = 1) -> Contents:
    """Some models. Their parts come from one small pool, so that most stores have blobs which several models use."""
    pool = {"config": draw(st.lists(_parts("config"), min_size=1, max_size=3))}
    pool["model"] = draw(st.lists(_parts("model"), min_size=1, max_size=3))
    others = draw(st.lists(st.sampled_from(ROLES).flatmap(_parts), max_size=4))
    chosen = draw(st.lists(st.sampled_from(names), min_size=at_least, max_size=len(names), unique=True))
    models = []
    for name in chosen:
        more = draw(st.lists(st.sampled_from(others), max_size=3, unique=True)) if others else []
        layers = (draw(st.sampled_from(pool["model"])), *more)
        models.append(Model(name, draw(st.sampled_from(pool["config"])), layers))
    return Contents(tuple(models))


@contextmanager
def directory() -> Iterator[Path]:
    """A directory for one example, gone after it."""
    with tempfile.TemporaryDirectory(prefix="corral-property-") as path:
        yield Path(path)
