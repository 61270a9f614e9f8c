"""A model of the store as the server sees it when it opens it for a request."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Optional

from . import gguf, gojson
from .errors import ApiError, PathError
from .names import Name
from .store import Manifest, Store

TEXTS = ("template", "prompt", "system", "license", "params", "messages")


@dataclass
class Model:
    name: Name
    manifest: Manifest
    config: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    licenses: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    weights: str = ""
    projector: str = ""

    @property
    def family(self) -> str:
        return str(self.config.get("model_family", ""))

    def details(self) -> dict[str, Any]:
        return {
            "parent_model": "",
            "format": self.config.get("model_format", ""),
            "family": self.family,
            "families": self.config.get("model_families"),
            "parameter_size": self.config.get("model_type", ""),
            "quantization_level": self.config.get("file_type", ""),
        }

    def header(self) -> gguf.Header:
        """FileNotFoundError when there are no weights, BadGguf when they are damaged in a way that shows."""
        if not self.weights:
            raise FileNotFoundError(self.weights)
        return gguf.load(self.weights)


def open_model(store: Store, name: Name) -> Model:
    """Reads manifest, config and the small layers; never the weights."""
    manifest = store.read(name)
    model = Model(name, manifest)
    if manifest.config:
        model.config = gojson.decode(_blob(store, manifest.config.digest))
    for layer in manifest.layers:
        if layer.kind == "model":
            model.weights = store.blob(layer.digest)
        elif layer.kind == "projector":
            model.projector = store.blob(layer.digest)
        elif layer.kind in TEXTS:
            _read_text(model, layer.kind, _blob(store, layer.digest))
    return model


def _blob(store: Store, digest: str) -> bytes:
    path = store.blob(digest)
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PathError("open", path, error.errno or 0) from error


def _read_text(model: Model, kind: str, raw: bytes) -> None:
    if kind == "params":
        model.params = gojson.decode(raw)
    elif kind == "messages":
        model.messages = gojson.decode(raw)
    elif kind == "license":
        model.licenses.append(raw.decode("utf-8", "replace"))
    else:
        model.texts["template" if kind == "prompt" else kind] = raw.decode("utf-8", "replace")


def listed_capabilities(model: Model, header: Optional[gguf.Header]) -> list[str]:
    if header is None:
        return []
    if header.embedding_only:
        return ["embedding"]
    template = model.texts.get("template", "")
    found = ["completion"]
    found += ["tools"] if ".Tools" in template else []
    found += ["insert"] if ".Suffix" in template else []
    found += ["vision"] if model.projector else []
    return found


def inference_capabilities(model: Model) -> list[str]:
    """What a request may ask for. A damaged head is not noticed here, only absent or empty weights are."""
    try:
        header = gguf.peek(model.weights) if model.weights else None
    except FileNotFoundError:
        header = None
    except gguf.BadGguf as error:
        return [] if str(error) == "EOF" else ["completion"]
    return listed_capabilities(model, header)


def open_or_fail(store: Store, name: Name, shown: str) -> Model:
    """open_model with the answers that a client gets."""
    try:
        return open_model(store, name)
    except FileNotFoundError:
        raise ApiError(404, f"model '{shown}' not found") from None
    except (gojson.JsonError, PathError, ValueError) as error:
        raise ApiError(500, str(error)) from None


def weights_size(model: Model) -> int:
    try:
        return os.path.getsize(model.weights)
    except OSError:
        return 0
