"""What /api/tags and /api/show tell, with the caches that make a long-running server blind for damage."""

from __future__ import annotations

import threading
from typing import Any, Optional

from . import gguf, gojson, log
from .config import Settings
from .errors import ApiError, PathError
from .gotime import stamp_ns
from .model import Model, inference_capabilities, listed_capabilities, open_or_fail
from .names import Name
from .showing import show_response
from .store import Manifest, Store

Key = tuple[str, str]


class Library:
    """Caches are keyed by name and manifest digest: blobs are assumed never to change."""

    def __init__(self, store: Store, settings: Settings):
        self.store = store
        self.settings = settings
        self._lock = threading.Lock()
        self._listed: dict[Key, dict[str, Any]] = {}
        self._shown: dict[Key, dict[str, Any]] = {}
        self._inference: dict[Key, tuple[Model, list[str]]] = {}

    def tags(self, hidden: set[str]) -> list[dict[str, Any]]:
        entries = []
        for name in self.store.names():
            if not name.valid:
                log.warn("manifest.go:170", "bad manifest name", name=name.path)
                continue
            try:
                manifest = self.store.read(name)
            except FileNotFoundError as error:
                raise ApiError(500, f"stat {error}: no such file or directory") from None
            except (PathError, gojson.JsonError) as error:
                log.warn("manifest.go:179", "bad manifest", name=name.path, error=error)
                continue
            entry = self._entry(name, manifest)
            if entry and name.short not in hidden:
                entries.append((manifest.modified_ns, entry))
        entries.sort(key=lambda pair: -pair[0])
        return [entry for _, entry in entries]

    def _entry(self, name: Name, manifest: Manifest) -> Optional[dict[str, Any]]:
        key = (name.path, manifest.digest)
        with self._lock:
            known = self._listed.get(key)
        if known:
            return {**known, "modified_at": stamp_ns(manifest.modified_ns)}
        try:
            model = open_model_config_only(self.store, name)
        except (FileNotFoundError, gojson.JsonError, PathError, ValueError) as error:
            log.warn("routes.go:1510", "bad manifest config filepath", name=name.short, error=error)
            return None
        entry, whole = self._describe(model)
        if whole and self.settings.since("0.30.0"):
            with self._lock:
                self._listed[key] = entry
        return entry

    def _describe(self, model: Model) -> tuple[dict[str, Any], bool]:
        manifest, details = model.manifest, model.details()
        header = _peek(model.weights)
        entry = {
            "name": model.name.short,
            "model": model.name.short,
            "modified_at": stamp_ns(manifest.modified_ns),
            "size": manifest.size,
            "digest": manifest.digest,
            "details": details,
        }
        if self.settings.since("0.30.0") and header:
            details["context_length"] = header.number("context_length")
            details["embedding_length"] = header.number("embedding_length")
            entry["capabilities"] = listed_capabilities(_with_template(self.store, model), header)
        return entry, header is not None

    def show(self, name: Name, verbose: bool) -> dict[str, Any]:
        manifest = self._manifest(name)
        key = (name.path, manifest.digest)
        with self._lock:
            known = self._shown.get(key)
        if known:
            return {**known, "modified_at": stamp_ns(manifest.modified_ns)}
        model = open_or_fail(self.store, name, name.short)
        try:
            answer = show_response(model, model.header(), self.settings)
        except FileNotFoundError:
            raise ApiError(404, f"model '{name.short}' not found") from None
        except gguf.BadGguf as error:
            raise ApiError(500, str(error)) from None
        if self.settings.since("0.23.2") and not verbose:
            with self._lock:
                self._shown[key] = answer
        return answer

    def _manifest(self, name: Name) -> Manifest:
        try:
            return self.store.read(name)
        except FileNotFoundError:
            raise ApiError(404, f"model '{name.short}' not found") from None
        except (gojson.JsonError, PathError) as error:
            raise ApiError(500, str(error)) from None

    def for_inference(self, name: Name, shown: str) -> tuple[Model, list[str]]:
        """The model and what it can do. Since 0.32.15 a model without weights is remembered as able to do nothing."""
        try:
            manifest = self.store.read(name)
        except FileNotFoundError:
            raise ApiError(404, f"model '{shown}' not found") from None
        except (gojson.JsonError, PathError) as error:
            raise ApiError(500, str(error)) from None
        key = (name.path, manifest.digest)
        with self._lock:
            known = self._inference.get(key)
        if known:
            return known
        model = open_or_fail(self.store, name, shown)
        found = (model, inference_capabilities(model))
        if self.settings.since("0.32.15"):
            with self._lock:
                self._inference[key] = found
        return found


def open_model_config_only(store: Store, name: Name) -> Model:
    """The list reads manifest and config; a missing params blob does not hide a model."""
    manifest = store.read(name)
    model = Model(name, manifest)
    if manifest.config:
        with open(store.blob(manifest.config.digest), "rb") as stream:
            model.config = gojson.decode(stream.read())
    weights, projector = manifest.first("model"), manifest.first("projector")
    model.weights = store.blob(weights.digest) if weights else ""
    model.projector = store.blob(projector.digest) if projector else ""
    return model


def _with_template(store: Store, model: Model) -> Model:
    layer = model.manifest.first("template")
    if layer:
        try:
            with open(store.blob(layer.digest), encoding="utf-8", errors="replace") as stream:
                model.texts["template"] = stream.read()
        except OSError:
            return model
    return model


def _peek(path: str) -> Optional[gguf.Header]:
    if not path:
        return None
    try:
        return gguf.peek(path)
    except (OSError, gguf.BadGguf) as error:
        log.error("images.go:95", "couldn't open model file", error=error)
        return None
