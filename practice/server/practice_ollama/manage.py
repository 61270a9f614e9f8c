"""Everything about models but pulling them and asking them: list, show, copy, delete, blobs."""

from __future__ import annotations

import hashlib
import os

from . import gojson, names
from .errors import ApiError, PathError, make_dirs
from .http_types import Request, Response, json_response, text_response
from .session import Context


def root(context: Context, request: Request) -> Response:
    return Response(200, b"Ollama is running", "text/plain; charset=utf-8")


def version(context: Context, request: Request) -> Response:
    return json_response({"version": context.settings.version})


def status(context: Context, request: Request) -> Response:
    if not context.settings.since("0.30.0"):
        return text_response("404 page not found", 404, "text/plain")
    off = context.settings.no_cloud
    return json_response({"cloud": {"disabled": off, "source": "env" if off else "none"}})


def tags(context: Context, request: Request) -> Response:
    try:
        return json_response({"models": context.library.tags(context.faults.hidden_models())})
    except PathError as error:
        raise ApiError(500, str(error)) from None


def ps(context: Context, request: Request) -> Response:
    return json_response({"models": context.scheduler.listing()})


def show(context: Context, request: Request) -> Response:
    data = request.json()
    name, _ = context.find(data, unnamed="model is required")
    return json_response(context.library.show(name, bool(data.get("verbose"))))


def delete(context: Context, request: Request) -> Response:
    """Removes the manifest, then the blobs that no other readable manifest uses."""
    name, shown = context.find(request.json())
    try:
        manifest = context.store.read(name)
        context.store.remove_manifest(name)
        context.store.remove_unused({layer.digest for layer in manifest.everything})
    except FileNotFoundError:
        raise ApiError(404, f"model '{shown}' not found") from None
    except (PathError, gojson.JsonError, ValueError) as error:
        raise ApiError(500, str(error)) from None
    return Response()


def copy(context: Context, request: Request) -> Response:
    data = request.json()
    source = names.parse(str(data.get("source") or ""))
    target = names.parse(str(data.get("destination") or ""))
    if not source.valid:
        raise ApiError(400, f'source "{data.get("source")}" is invalid')
    if not target.valid:
        raise ApiError(400, f'destination "{data.get("destination")}" is invalid')
    source, target = context.store.existing(source), context.store.existing(target)
    try:
        with open(context.store.manifest_path(source), "rb") as stream:
            raw = stream.read()
        context.store.write(target, raw)
    except (FileNotFoundError, NotADirectoryError):
        raise ApiError(404, f'model "{data.get("source")}" not found') from None
    except PathError as error:
        raise ApiError(500, str(error)) from None
    return Response()


def _blob(context: Context, digest: str) -> str:
    try:
        return context.store.blob(digest)
    except ValueError as error:
        raise ApiError(400, str(error)) from None


def blob_head(context: Context, request: Request) -> Response:
    if not os.path.exists(_blob(context, request.argument)):
        raise ApiError(404, f'blob "{request.argument}" not found')
    return Response(declare_length=False)


def blob_create(context: Context, request: Request) -> Response:
    path = _blob(context, request.argument)
    if os.path.exists(path):
        return Response()
    try:
        make_dirs(context.store.blobs)
        digest, temporary = _receive(context.store.blobs, request)
        if f"sha256:{digest}" != request.argument.replace("-", ":", 1):
            os.remove(temporary)
            raise ApiError(400, "digest does not match content")
        os.rename(temporary, path)
    except PathError as error:
        raise ApiError(500, str(error)) from None
    except OSError as error:
        raise ApiError(500, str(PathError("open", path, error.errno or 0))) from None
    return Response(201)


def _receive(directory: str, request: Request) -> tuple[str, str]:
    digest = hashlib.sha256()
    temporary = os.path.join(directory, f"sha256-{os.urandom(5).hex()}")
    with open(temporary, "xb") as stream:
        for piece in request.read():
            digest.update(piece)
            stream.write(piece)
    return digest.hexdigest(), temporary
