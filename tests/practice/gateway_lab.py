"""A real HAProxy in a container, two servers behind it whose streams end when a test lets them, and clients."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.gateway.runtime import Runtime
from corral_practice.images import HAPROXY

USER = 99
PATIENCE = 60.0


@dataclass
class Backend:
    """Answers with its name and, on /slow, with a stream that ends when `release` is set."""

    name: str
    release: threading.Event = field(default_factory=threading.Event)
    served: list[str] = field(default_factory=list)
    port: int = 0

    @contextmanager
    def running(self) -> Iterator[Backend]:
        handler = type("Handler", (_Handler,), {"backend": self})
        server = _Server(("127.0.0.1", self.port), handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_request: object) -> None:
        """HAProxy closes idle connections as it likes, and a killed one all of them."""


class _Handler(BaseHTTPRequestHandler):
    backend: Backend
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path != "/api/version":
            self.backend.served.append(self.path)
        self.send_response(200)
        if self.path != "/slow":
            body = f"{self.backend.name} {self.headers.get('X-Client', '')}".encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nbegin\r\n")
        self.wfile.flush()
        self.backend.release.wait(PATIENCE)
        self.wfile.write(b"3\r\nend\r\n0\r\n\r\n")

    def log_message(self, *_words: object) -> None:
        """Says nothing."""


class Stream:
    """A request that has begun to answer."""

    def __init__(self, port: int) -> None:
        self._client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._client.request("GET", "/slow")
        self._answer = self._client.getresponse()
        self._begin = self._answer.read(5)

    def rest(self) -> bytes:
        """All of it, once its server was released; raises when it was cut."""
        found = self._begin + self._answer.read()
        self._client.close()
        return found


@dataclass
class Gateway:
    folder: Path
    backends: list[Backend]
    port: int
    container: str
    extra: str = ""

    @property
    def run_dir(self) -> str:
        return str(self.folder / "run")

    @property
    def conf_dir(self) -> str:
        return str(self.folder / "conf")

    def configure(self, config_id: str, extra: str = "") -> None:
        servers = "".join(f"  server {one.name} 127.0.0.1:{one.port}\n" for one in self.backends)
        first = self.backends[0]
        text = CONFIG.format(config_id=config_id, port=self.port, servers=servers, first=first, extra=extra)
        (self.folder / "conf" / "haproxy.cfg").write_text(text)

    def get(self, path: str = "/api/tags", key: str = "") -> tuple[int, str]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            client.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
            answer = client.getresponse()
            return answer.status, answer.read().decode()
        finally:
            client.close()

    def who(self, count: int = 8) -> set[str]:
        """Which servers answer."""
        return {self.get()[1].split(" ")[0] for _unused in range(count)}

    def docker(self, *words: str) -> None:
        subprocess.run(["docker", *words, self.container], check=True, capture_output=True)

    def runtime(self, wait: float = PATIENCE) -> Runtime:
        return Runtime(self.run_dir, timeout=10, wait=wait)

    def serving(self) -> Gateway:
        """As soon as every server is up."""
        until(lambda: {one.status for one in self.runtime().servers().values()} == {"UP"})
        return self


def until(met: Callable[[], bool]) -> None:
    """Wait for a condition, not for a time."""
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def gateway(folder: Path, backends: list[Backend]) -> Iterator[Gateway]:
    """As the role sets it up: host network, a user without rights, nothing to write but its sockets' folder."""
    for name, mode in (("conf", 0o750), ("run", 0o700)):
        (folder / name).mkdir()
        (folder / name).chmod(mode)
    os.chown(folder / "conf", 0, USER)
    os.chown(folder / "run", USER, USER)
    found = Gateway(folder, backends, free_port(), f"corral-practice-gateway-{os.getpid()}-{folder.parent.name}")
    for file in ("keys.map", "admins.map"):
        (folder / "conf" / file).write_text("")
    found.configure("one")
    mounts = ["-v", f"{folder}/conf:/etc/corral-gateway:ro", "-v", f"{folder}/run:/run/corral"]
    rights = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp"]
    command = ["haproxy", "-W", "-db", "-S", "/run/corral/master.sock,mode,600"]
    subprocess.run(
        ["docker", "run", "-d", "--name", found.container, "--label", "corral.practice=true", "--network", "host"]
        + ["--user", f"{USER}:{USER}", *rights, *mounts, HAPROXY, *command, "-f", "/etc/corral-gateway/haproxy.cfg"],
        check=True,
        capture_output=True,
    )
    try:
        yield found.serving()
    finally:
        found.docker("rm", "-f")


CONFIG = """\
global
  description "corral:{config_id}"
  stats socket /run/corral/admin.sock mode 600 level admin expose-fd listeners
  server-state-file /run/corral/servers.state
  hard-stop-after 10m
defaults
  mode http
  option http-no-delay
  option http-buffer-request
  retry-on conn-failure empty-response
  timeout connect 2s
  timeout http-request 30s
  timeout client 10m
  timeout server 10m
  timeout queue 60s
  load-server-state-from-file global
{extra}
frontend api
  bind 127.0.0.1:{port}
  http-request set-var(txn.hash) http_auth_bearer,sha2(256),hex,lower
  http-request set-var(txn.client) var(txn.hash),map_str(/etc/corral-gateway/keys.map)
  http-request set-var(txn.admin) var(txn.hash),map_str(/etc/corral-gateway/admins.map)
  http-request return status 401 if {{ path /keyed }} !{{ var(txn.client) -m found }}
  http-request return status 403 if {{ path /admin }} !{{ var(txn.admin) -m found }}
  http-request set-header X-Client %[var(txn.client)]
  use_backend models-1 if {{ path /subset }}
  default_backend instances
backend instances
  balance leastconn
  option httpchk
  http-check send meth GET uri /api/version
  default-server check inter 500ms fastinter 100ms downinter 100ms fall 2 rise 2 maxconn 4
{servers}
backend models-1
  server {first.name} 127.0.0.1:{first.port} track instances/{first.name}
"""
