"""A small registry with a second host name for its blobs, and with rules that make it misbehave."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
PIECE = 1 << 18


@dataclass
class Rules:
    """What the registry does otherwise than it should."""

    manifest: tuple[int, bytes] | None = None
    head: int = 200
    get: int = 307
    same_host: bool = False
    challenge: str = ""
    token: str = ""
    cut_after: int = -1
    cut_times: int = 10**9
    dead_after: int = -1
    hang_after: int = -1
    rate: float = 0.0
    wrong: str = ""
    refuse: str = ""
    wait_after: int = -1
    go_on: threading.Event = field(default_factory=threading.Event)


@dataclass
class Registry:
    context: ssl.SSLContext | None = None
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    requests: list[dict[str, Any]] = field(default_factory=list)
    front_port: int = 0
    cdn_port: int = 0
    served: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.front_port}"

    def add(self, model: str, tag: str, manifest: bytes) -> None:
        self.manifests[f"/v2/library/{model}/manifests/{tag}"] = manifest

    def add_blob(self, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return {"digest": digest, "size": len(content)}

    def add_model(self, model: str, tag: str, weights: bytes, config: bytes, **texts: bytes) -> str:
        """Makes the manifest of a model from its pieces; its digest is the answer."""
        image = "application/vnd.ollama.image."
        layers = [{"mediaType": f"{image}model", **self.add_blob(weights)}]
        layers += [{"mediaType": image + kind, **self.add_blob(text)} for kind, text in texts.items()]
        head = {"mediaType": "application/vnd.docker.container.image.v1+json", **self.add_blob(config)}
        raw = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": head, "layers": layers}
        manifest = json.dumps(raw, separators=(",", ":")).encode()
        self.add(model, tag, manifest)
        return hashlib.sha256(manifest).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def _note(self, status: int) -> None:
        names = {"range": "Range", "accept": "Accept", "ua": "User-Agent", "auth": "Authorization", "host": "Host"}
        entry = {key: self.headers.get(header) for key, header in names.items()}
        self.registry.requests.append({"method": self.command, "path": self.path, "status": status, **entry})

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self._note(status)
        self.send_response_only(status)
        headers.setdefault("Content_Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self._reply(200, json.dumps({"token": self.registry.rules.token}).encode())
        elif self.path.startswith("/cdn/"):
            self._cdn()
        elif self._unauthorized():
            self._reply(401, **{"www-authenticate": self.registry.rules.challenge})
        elif "/manifests/" in self.path:
            self._manifest()
        else:
            self._blob(self.path.rsplit("/", 1)[-1])

    def _unauthorized(self) -> bool:
        rules = self.registry.rules
        return bool(rules.challenge) and self.headers.get("Authorization") != f"Bearer {rules.token or '-'}"

    def _manifest(self) -> None:
        if self.registry.rules.manifest:
            self._reply(*self.registry.rules.manifest)
            return
        found = self.registry.manifests.get(self.path)
        self._reply(200 if found is not None else 404, found or b"{}", Content_Type=MANIFEST_TYPE)

    def _blob(self, digest: str) -> None:
        rules, content = self.registry.rules, self.registry.blobs.get(digest)
        if content is None:
            self._reply(404)
        elif self.command == "HEAD":
            self._reply(rules.head, Content_Length=str(len(content)))
        elif digest == rules.refuse:
            self._reply(403)
        elif rules.get not in (302, 307):
            self._reply(rules.get, content if rules.get == 200 else b"")
        else:
            name = "127.0.0.1" if rules.same_host else "localhost"
            scheme = "https" if self.registry.context else "http"
            self._reply(
                rules.get, Location=f"{scheme}://{name}:{self.registry.cdn_port}/cdn/{digest}?X-Amz-Signature=fake"
            )

    def _cdn(self) -> None:
        rules, digest = self.registry.rules, self.path.split("?")[0].rsplit("/", 1)[-1]
        content = memoryview(self.registry.blobs[digest])
        if rules.same_host and "Range" not in self.headers:
            self._reply(200, bytes(content))
            return
        first, last = self.headers["Range"].split("=")[1].split("-")
        piece = content[int(first) : int(last) + 1]
        if digest == rules.wrong:
            piece = memoryview(bytes(piece[:-1]) + bytes([piece[-1] ^ 1]))
        self._note(206)
        self.send_response_only(206)
        self.send_header("Content-Length", str(len(piece)))
        self.end_headers()
        self._send_slowly(piece, rules)

    def _send_slowly(self, piece: memoryview, rules: Rules) -> None:
        sent, began = 0, time.monotonic()
        size = (
            PIECE
            if rules.rate == 0 and max(rules.cut_after, rules.hang_after, rules.dead_after, rules.wait_after) < 0
            else 4096
        )
        while sent < len(piece):
            if 0 <= rules.cut_after <= sent and rules.cut_times > 0:
                rules.cut_times -= 1
                self.close_connection = True
                return
            if 0 <= rules.dead_after <= self.registry.served:
                self.close_connection = True
                return
            if 0 <= rules.wait_after <= sent:
                rules.go_on.wait(30)
            if 0 <= rules.hang_after <= sent:
                time.sleep(0.05)
                continue
            self.wfile.write(piece[sent : sent + size])
            count = min(size, len(piece) - sent)
            sent += count
            self.registry.served += count
            if rules.rate:
                time.sleep(max(0.0, sent / rules.rate - (time.monotonic() - began)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the tests."""


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Registry]:
    registry = Registry(context)
    handler = type("BoundHandler", (Handler,), {"registry": registry})
    servers = [_Server(("127.0.0.1", 0), handler) for _ in range(2)]
    registry.front_port, registry.cdn_port = (server.server_port for server in servers)
    for server in servers:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield registry
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
