"""The practice models: made from models/catalog.yml, the weights kept in the cache under a hash of their inputs."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import yaml

from .models import OLLAMA, Layer, Model, Weights, model_of
from .paths import CACHE, PRACTICE, say, short_hash

MODELS = PRACTICE / "models"


def catalog() -> dict[str, Model]:
    """Every practice model by its name (`mistral:7b`), made now where the cache does not have it."""
    declared = yaml.safe_load((MODELS / "catalog.yml").read_text())
    weights = {name: _weights(name, dict(spec)) for name, spec in declared["weights"].items()}
    return {entry["name"]: _model(entry, weights) for entry in declared["models"]}


def _model(entry: dict[str, Any], weights: dict[str, Weights]) -> Model:
    template = entry.get("template")
    return model_of(
        weights[entry["weights"]],
        template=_text(template) if template else "",
        system=entry.get("system", ""),
        params=entry.get("params"),
        licenses=tuple(_text(name) for name in entry.get("licenses", [])),
    )


def _text(name: str) -> str:
    return (MODELS / "texts" / name).read_text(encoding="utf-8")


def _weights(name: str, spec: dict[str, Any]) -> Weights:
    """The sidecar is written last: without it the file beside it counts as half made."""
    architecture = spec.pop("architecture")
    recipe = json.dumps([architecture, spec, importlib.metadata.version("gguf")], sort_keys=True)
    key = short_hash(recipe, Path(__file__).with_name("gguf_files.py"))
    path = CACHE / "models" / f"{name}-{key}.gguf"
    sidecar = path.with_suffix(".json")
    if not (sidecar.exists() and path.exists()):
        _make(path, sidecar, architecture, spec)
    facts = json.loads(sidecar.read_text())
    layer = Layer(f"{OLLAMA}.model", facts["digest"], facts["size"], path=path)
    return Weights(layer, architecture, facts["parameters"])


def _make(path: Path, sidecar: Path, architecture: str, spec: dict[str, Any]) -> None:
    from .gguf_files import WRITERS

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    parameters = WRITERS[architecture](unfinished, **spec)
    with unfinished.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    facts = {"digest": digest, "size": unfinished.stat().st_size, "parameters": parameters}
    unfinished.rename(path)
    sidecar.write_text(json.dumps(facts))
    name = path.stem.rpartition("-")[0]
    for old in path.parent.glob(f"{name}-????????????.*"):
        if old.stem != path.stem:
            old.unlink()
    say(f"made {path.name} ({facts['size'] / 1e6:.1f} MB)")
