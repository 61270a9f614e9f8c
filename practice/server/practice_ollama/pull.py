"""POST /api/pull: manifest, layers one after another, verification of what was fetched, manifest into place."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from typing import Any, Union

from . import gojson, log
from .download import Download
from .errors import ApiError, ClientGone, PathError, make_dirs
from .http_types import Request, Response, Stream, drained
from .mischief import Mischief, flip, wants
from .names import Name
from .registry import PullError, Registry
from .session import Context
from .store import Layer, Manifest, parse_manifest

TICK = 0.06
Line = dict[str, Any]


class Downloads:
    """Running downloads by digest: who wants a blob that is on its way waits for the same one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Download] = {}

    def join(self, fresh: Download) -> Download:
        leaving = self._running.get(fresh.blob)
        if leaving and leaving.cancelled.is_set():
            leaving.done.wait(5.0)
        with self._lock:
            download = self._running.get(fresh.blob)
            if download is None or download.done.is_set():
                fresh.prepare()
                download = self._running[fresh.blob] = fresh
                threading.Thread(target=self._run, args=(fresh,), daemon=True).start()
            download.waiting += 1
            return download

    def _run(self, download: Download) -> None:
        try:
            download.run()
        finally:
            with self._lock:
                if self._running.get(download.blob) is download:
                    del self._running[download.blob]

    def leave(self, download: Download) -> None:
        with self._lock:
            download.waiting -= 1
            if download.waiting == 0:
                download.cancelled.set()


DOWNLOADS = Downloads()


def pull(context: Context, request: Request) -> Union[Response, Stream]:
    data = request.json()
    name, text = context.find(data)
    lines = Pull(context, request, name, text, bool(data.get("insecure"))).lines()
    return Stream(lines) if data.get("stream", True) else drained(lines, request.gone)


class Pull:
    def __init__(self, context: Context, request: Request, name: Name, text: str, insecure: bool):
        self.context, self.request, self.name, self.text = context, request, name, text
        self.store = context.store
        self.registry = Registry(context.settings, name, insecure)
        self.mischief = Mischief(context.faults, text)
        self.fetched: list[Layer] = []

    def lines(self) -> Iterator[Line]:
        try:
            yield from self._lines()
        except (PullError, PathError, gojson.JsonError, ValueError) as error:
            raise ApiError(500, str(error)) from None

    def _lines(self) -> Iterator[Line]:
        yield {"status": "pulling manifest"}
        replaced = self._old_digests()
        manifest = self._manifest()
        for layer in manifest.everything:
            yield from self._layer(layer)
            replaced.discard(layer.digest)
        self._mischief("before_verify")
        yield {"status": "verifying sha256 digest"}
        for layer in self.fetched:
            self._verify(layer)
        yield {"status": "writing manifest"}
        self.store.write(self.name, manifest.raw)
        if replaced and not self.context.settings.noprune:
            yield {"status": "removing unused layers"}
            try:
                self.store.remove_unused(replaced)
            except PathError as error:
                yield {"status": f"couldn't remove unused layers: {error}"}
        self._mischief("after_success")
        yield {"status": "success"}

    def _old_digests(self) -> set[str]:
        try:
            return {layer.digest for layer in self.store.read(self.name).everything}
        except FileNotFoundError:
            return set()
        except (PathError, gojson.JsonError) as error:
            log.warn("images.go:590", "pulling model with bad existing manifest", name=self.name.short, error=error)
            return set()

    def _manifest(self) -> Manifest:
        try:
            raw = self.registry.manifest()
            return parse_manifest(raw, gojson.unmarshal(raw))
        except (PullError, gojson.JsonError) as error:
            raise PullError(f"pull model manifest: {error}") from None

    def _layer(self, layer: Layer) -> Iterator[Line]:
        """A blob that is there is taken for good by its name alone."""
        blob = self.store.blob(layer.digest)
        try:
            size = os.stat(blob).st_size
            yield progress(layer.digest, size, size)
            return
        except FileNotFoundError:
            make_dirs(os.path.dirname(blob))
        fresh = Download(self.context.settings, self.registry, blob, layer.digest, self.mischief)
        download = DOWNLOADS.join(fresh)
        try:
            while not download.done.wait(TICK):
                if self.request.gone():
                    raise ClientGone
                yield progress(layer.digest, download.total, download.completed)
        finally:
            DOWNLOADS.leave(download)
        if download.error:
            raise download.error
        self.fetched.append(layer)

    def _verify(self, layer: Layer) -> None:
        blob = self.store.blob(layer.digest)
        found = f"sha256:{self._hash(blob)}"
        if found != layer.digest:
            os.remove(blob)
            raise PullError(f"digest mismatch, file must be downloaded again: want {layer.digest}, got {found}")

    def _hash(self, path: str) -> str:
        digest, buffer = hashlib.sha256(), memoryview(bytearray(1 << 20))
        try:
            with open(path, "rb", buffering=0) as stream:
                while count := stream.readinto(buffer):
                    digest.update(buffer[:count])
                    if self.request.gone():
                        raise ClientGone
        except OSError as error:
            raise PathError("open", path, error.errno or 0) from error
        return digest.hexdigest()

    def _mischief(self, when: str) -> None:
        if wants(self.mischief.wrong, when) and self.fetched:
            flip(self.store.blob(self.fetched[0].digest))


def progress(digest: str, total: int, completed: int) -> Line:
    """Zeroes are left out, as Go's `omitempty` does."""
    line: Line = {"status": f"pulling {digest[7:19]}", "digest": digest}
    line.update({"total": total} if total else {})
    line.update({"completed": completed} if completed else {})
    return line
