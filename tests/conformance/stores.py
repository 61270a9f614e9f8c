"""Model stores for the tests: the recorded one, and ones that are made like it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from registry_lab import MANIFEST_TYPE, Registry

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "unit" / "fixtures" / "store-golden"
RECORDED_HOST = "127.0.0.1:5056"
TINY = "325174f397f0e7fd14c86d0c4fb5b29546759e88bb4013ccb7f422eb9558fc00"
TINY_2 = "e21c2c1544a298f6befacfbbb8cee88972e032b6891d353dc17363c1e4c692e9"
BERT = "3b2fcfef3c91ea89928ea2c8457107f39b0c582e0f2a7e230b08b3999c7d63d1"
PARAMS = "0f7f43d3f7c7658076dbf4461f91b2af260d465abaa58fe07bd7c8a8d6ba009e"
CONFIG = "6554a02243f9001f946d27778b2357450879932b34af4537feb302c40e5192aa"
BERT_CONFIG = "9c62cc7b2353e9397d285f683136ef184cc4d8189bb00f2bd35066c06e27ab94"
IMAGE = "application/vnd.ollama.image."


def golden_blob(digest: str) -> bytes:
    return (GOLDEN / "blobs" / f"sha256-{digest}").read_bytes()


def blob_path(models: Path, digest: str) -> Path:
    return models / "blobs" / f"sha256-{digest}"


def golden(models: Path, host: str = RECORDED_HOST, keep: tuple[str, ...] = ()) -> Path:
    """A copy of the recorded store, its models named after `host`; only those of `keep` if given.

    The files are new ones: the start-up prune spares what nobody uses for an hour.
    """
    shutil.copytree(GOLDEN / "blobs", models / "blobs", copy_function=shutil.copyfile)
    for path in sorted((GOLDEN / "manifests" / RECORDED_HOST.replace(":", "_") / "library").glob("*/*")):
        if keep and f"{path.parent.name}:{path.name}" not in keep:
            continue
        target = models / "manifests" / host / "library" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return models


def manifest_path(models: Path, host: str, model: str, tag: str) -> Path:
    return models / "manifests" / host / "library" / model / tag


def put_model(models: Path, name: str, weights: bytes, config: bytes, texts: dict[str, bytes]) -> Path:
    """Writes a model as `create` leaves it: `name` is host/namespace/model/tag, the manifest ends with a newline."""
    (models / "blobs").mkdir(parents=True, exist_ok=True)

    def put(media_type: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blob_path(models, digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    layers = [put(f"{IMAGE}model", weights), *(put(IMAGE + kind, text) for kind, text in texts.items())]
    head = put("application/vnd.docker.container.image.v1+json", config)
    body = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": head, "layers": layers}
    path = models / "manifests" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, separators=(",", ":")) + "\n")
    return path


def fill_registry(registry: Registry) -> Registry:
    """The recorded models, byte for byte."""
    for path in sorted((GOLDEN / "manifests" / RECORDED_HOST.replace(":", "_") / "library").glob("*/*")):
        registry.add(path.parent.name, path.name, path.read_bytes())
    for path in (GOLDEN / "blobs").iterdir():
        registry.blobs[path.name.replace("-", ":")] = path.read_bytes()
    return registry


def age(path: Path, seconds: float) -> None:
    """Sets a file's time back."""
    at = path.stat().st_mtime - seconds
    os.utime(path, (at, at))
