"""POST /api/create from an uploaded GGUF or from another model. Weights are taken as they are, never converted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

from . import gguf, gojson, names
from .errors import ApiError, PathError, file_op
from .gotime import stamp
from .http_types import Request, Response, Stream, drained
from .session import Context
from .store import Layer, Store

PREFIX = "application/vnd.ollama.image."
CONFIG = "application/vnd.docker.container.image.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
FILE_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 7: "Q8_0", 15: "Q4_K_M", 18: "Q6_K", 32: "BF16"}
Line = dict[str, Any]


def create(context: Context, request: Request) -> Any:
    data = request.json()
    name, _ = context.find(data)
    lines = _lines(context, data, name)
    try:
        first = next(lines)
    except PathError as error:
        body = gojson.dumps({"error": str(error)}).encode()
        return Response(500, body, "application/json", {"Transfer-Encoding": "chunked"})
    rest = _guarded(first, lines)
    return Stream(rest) if data.get("stream", True) else drained(rest, request.gone)


def _guarded(first: Line, lines: Iterator[Line]) -> Iterator[Line]:
    yield first
    try:
        yield from lines
    except (PathError, gguf.BadGguf, OSError) as error:
        raise ApiError(500, str(error)) from None


def _lines(context: Context, data: dict[str, Any], name: names.Name) -> Iterator[Line]:
    store = context.store
    if data.get("files"):
        digest = str(next(iter(data["files"].values())))
        yield {"status": "parsing GGUF"}
        header = gguf.load(store.blob(digest))
        layers = [Layer(PREFIX + "model", digest, os.path.getsize(store.blob(digest)))]
        config = config_of(header)
        yield {"status": "verifying conversion"}
        yield {"status": f"using existing layer {digest}"}
    elif data.get("from"):
        layers, config = _from(context, str(data["from"]))
        for layer in layers:
            yield {"status": f"using existing layer {layer.digest}"}
    else:
        raise ApiError(400, "neither 'from' or 'files' was specified")
    yield from _texts(store, data, layers)
    written, _ = write_layer(store, CONFIG, (gojson.dumps(config) + "\n").encode())
    yield {"status": "writing manifest"}
    entries = [{"mediaType": one.media_type, "digest": one.digest, "size": one.size} for one in (written, *layers)]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entries[0], "layers": entries[1:]}
    store.write(name, (gojson.dumps(manifest) + "\n").encode())
    yield {"status": "success"}


def _from(context: Context, text: str) -> tuple[list[Layer], dict[str, Any]]:
    """The layers of another model; each is touched, so that no prune takes it meanwhile."""
    source = context.store.existing(names.parse(text))
    try:
        manifest = context.store.read(source)
    except FileNotFoundError:
        raise ApiError(404, f"model '{text}' not found") from None
    for layer in manifest.layers:
        path = context.store.blob(layer.digest)
        with file_op("chtimes", path):
            os.utime(path)
    config: dict[str, Any] = {}
    if manifest.config:
        with open(context.store.blob(manifest.config.digest), "rb") as stream:
            config = gojson.decode(stream.read())
    return list(manifest.layers), config


def _texts(store: Store, data: dict[str, Any], layers: list[Layer]) -> Iterator[Line]:
    """The small layers; a new one takes the place of an old one of its kind."""
    licenses = data.get("license") or []
    wanted = [("template", data.get("template")), ("system", data.get("system"))]
    wanted += [("license", text) for text in ([licenses] if isinstance(licenses, str) else licenses)]
    parameters, messages = data.get("parameters"), data.get("messages")
    wanted.append(("params", gojson.dumps(dict(sorted(parameters.items()))) + "\n" if parameters else None))
    wanted.append(("messages", gojson.dumps(messages) + "\n" if messages else None))
    for kind in {kind for kind, text in wanted if text}:
        layers[:] = [layer for layer in layers if layer.kind != kind]
    for kind, text in wanted:
        if text:
            layer, new = write_layer(store, PREFIX + kind, text.encode())
            layers.append(layer)
            yield {"status": f"{'creating new' if new else 'using existing'} layer {layer.digest}"}


def write_layer(store: Store, media_type: str, content: bytes) -> tuple[Layer, bool]:
    layer = Layer(media_type, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))
    path = store.blob(layer.digest)
    if os.path.exists(path):
        return layer, False
    with file_op("open", path), open(f"{path}-{stamp()}", "wb") as stream:
        stream.write(content)
    os.rename(stream.name, path)
    return layer, True


def config_of(header: gguf.Header) -> dict[str, Any]:
    return {
        "model_format": "gguf",
        "model_family": header.architecture,
        "model_families": [header.architecture],
        "model_type": human_number(header.parameters),
        "file_type": FILE_TYPES.get(int(header.values.get("general.file_type") or 0), "unknown"),
        "architecture": "amd64",
        "os": "linux",
    }


def human_number(count: int) -> str:
    for size, letter, digits in ((1e9, "B", 1), (1e6, "M", 2), (1e3, "K", 0)):
        if count >= size:
            return f"{count / size:.{digits}f}{letter}"
    return str(count)
