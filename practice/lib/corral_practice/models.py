"""A model as the registry holds it: layers, config and manifest, byte for byte the same each time.

For tests: `tiny_model(seed=3)` gives a model of about 200 kB that a real server loads; `Registry.push` (module oci)
takes it to any registry.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

DOCKER = "application/vnd.docker"
OLLAMA = "application/vnd.ollama.image"
MANIFEST_TYPE = f"{DOCKER}.distribution.manifest.v2+json"
CONFIG_TYPE = f"{DOCKER}.container.image.v1+json"


@dataclass(frozen=True)
class Layer:
    """One blob: its bytes in `data`, or in the file `path` when they are many. `digest` is 64 hex without a prefix."""

    media_type: str
    digest: str
    size: int
    data: bytes = field(default=b"", repr=False)
    path: Optional[Path] = None

    @classmethod
    def of(cls, kind: str, data: bytes) -> Layer:
        media_type = kind if "/" in kind else f"{OLLAMA}.{kind}"
        return cls(media_type, hashlib.sha256(data).hexdigest(), len(data), data)

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path else self.data

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": f"sha256:{self.digest}", "size": self.size}


@dataclass(frozen=True)
class Weights:
    """A GGUF file as a layer, and what its config says about it."""

    layer: Layer
    family: str
    parameters: int


@dataclass(frozen=True)
class Model:
    """What a tag points to."""

    config: Layer
    layers: tuple[Layer, ...]

    @cached_property
    def manifest(self) -> bytes:
        body = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": self.config.descriptor}
        return _json({**body, "layers": [layer.descriptor for layer in self.layers]})

    @property
    def digest(self) -> str:
        """64 hex: what `/api/tags` gives and, after `sha256:`, the registry's Docker-Content-Digest."""
        return hashlib.sha256(self.manifest).hexdigest()

    @property
    def blobs(self) -> tuple[Layer, ...]:
        return tuple({blob.digest: blob for blob in (*self.layers, self.config)}.values())

    @property
    def size(self) -> int:
        return sum(blob.size for blob in (*self.layers, self.config))


def model_of(
    weights: Weights,
    *,
    template: str = "",
    system: str = "",
    params: Optional[dict[str, Any]] = None,
    licenses: tuple[str, ...] = (),
) -> Model:
    """The layers in the order in which Ollama writes them."""
    layers = [weights.layer]
    layers += [Layer.of("template", template.encode())] if template else []
    layers += [Layer.of("system", system.encode())] if system else []
    layers += [Layer.of("license", text.encode()) for text in licenses]
    layers += [Layer.of("params", _json(dict(sorted(params.items()))))] if params else []
    config = {
        "model_format": "gguf",
        "model_family": weights.family,
        "model_families": [weights.family],
        "model_type": human_number(weights.parameters),
        "file_type": "F16",
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
    }
    return Model(Layer.of(CONFIG_TYPE, _json(config)), tuple(layers))


def tiny_weights(seed: int = 1, architecture: str = "llama", **shape: int) -> Weights:
    """About 200 kB in memory; `shape` as for gguf_files.write_llama and write_bert."""
    from .gguf_files import WRITERS

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.gguf"
        parameters = WRITERS[architecture](path, seed=seed, **shape)
        return Weights(Layer.of("model", path.read_bytes()), architecture, parameters)


def tiny_model(
    seed: int = 1, architecture: str = "llama", shape: Optional[dict[str, int]] = None, **layers: Any
) -> Model:
    """A whole small model; `layers` as for model_of. Another seed gives other weights, hence another digest."""
    layers.setdefault("params", {"num_ctx": 256, "temperature": 0})
    return model_of(tiny_weights(seed, architecture, **(shape or {})), **layers)


def human_number(count: int) -> str:
    """As Ollama writes numbers of parameters: 119K, 51.40M, 7B."""
    for unit, sign, digits in ((10**9, "B", 1), (10**6, "M", 2)):
        if count >= unit:
            return f"{count / unit:.{0 if count % unit == 0 else digits}f}{sign}"
    return f"{count / 1000:.0f}K" if count >= 1000 else str(count)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
