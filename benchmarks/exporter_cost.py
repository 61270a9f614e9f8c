#!/usr/bin/env python
"""What a scrape of the exporter costs its own process, at 8 and at 64 instances, against a bare prometheus_client.

The exporter runs as on a host: the file that the module `zipapp` builds, in a process of its own. Behind it this
process plays the servers (`--models` each, half of them in memory) and the engine with their logs. Says per scrape the
processor time of the exporter where everything is read anew and where the last reading still counts, and its resident
memory; the reference is a process that serves as many samples with prometheus_client and reads nothing, in one run.
Usage: exporter_cost.py [--scrapes 200] [--models 5] [--instances 8 64]
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.plugin_utils.zipapp import zipapp

MANIFEST = b'{"config": {"digest": "sha256:%b", "size": 1}, "layers": [{"digest": "sha256:%b", "size": 1}]}'
IMAGE = "a" * 64
BARE = """
import sys
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily
from wsgiref.simple_server import WSGIRequestHandler, make_server
class Quiet(WSGIRequestHandler):
    def log_message(self, *_): pass
class All:
    def describe(self): return []
    def collect(self):
        for family in range(40):
            names = ("project", "server", "model")
            one = GaugeMetricFamily(f"corral_bare_{family}", "As many as the exporter has.", labels=names)
            for number in range(int(sys.argv[2]) // 40):
                one.add_metric(("ollama", f"ollama-server-{number // 8}", f"model-{number % 8}:7b"), number)
            yield one
registry = CollectorRegistry()
registry.register(All())
make_server("127.0.0.1", int(sys.argv[1]), make_wsgi_app(registry), handler_class=Quiet).serve_forever()
"""


@dataclass(frozen=True)
class Cost:
    """Of one scrape, in milliseconds; memory in MiB at the end and at its highest."""

    processor: float
    wall: float
    memory: int
    highest: int
    samples: int


def answer_of(instances: int, models: int, path: str, moment: str) -> Any:
    """What a server, or the engine (its paths have a version), says; bytes as they are."""
    names = [f"model-{number}:7b" for number in range(models)]
    if path == "/api/version":
        return {"version": "0.32.15"}
    if path in ("/api/tags", "/api/ps"):
        shown = names if path == "/api/tags" else names[: models // 2]
        more = {"size": 10**10, "size_vram": 10**10, "context_length": 8192, "expires_at": "2318-01-01T00:00:00Z"}
        return {"models": [{"name": name, "digest": "b" * 64, **more} for name in shown]}
    if path == "/version":
        return {"ApiVersion": "1.41"}
    if path.endswith("/containers/json"):
        return [{"Id": f"id{number}", "Labels": labels(number)} for number in range(1, instances + 1)]
    if "/images/" in path:
        return {"Id": f"sha256:{IMAGE}"}
    number = int(path.split("/")[3][2:])
    if path.endswith("/logs"):
        line = f'{moment} [GIN] 2026/11/21 - 22:30:00 | 200 |  681µs |  127.0.0.1 | POST  "/api/generate"\n'.encode()
        return (struct.pack(">BxxxL", 2, len(line)) + line) * 50
    return inspection(number)


def labels(number: int) -> dict[str, str]:
    return {"com.docker.compose.project": "ollama", "com.docker.compose.service": f"ollama-server-{number}"}


def inspection(number: int) -> dict[str, Any]:
    return {
        "Id": f"id{number}",
        "Name": f"/ollama-server-{number}",
        "Image": f"sha256:{IMAGE}",
        "Created": "2026-11-21T22:00:00Z",
        "RestartCount": 0,
        "State": {"Status": "running", "StartedAt": "2026-11-21T22:00:01Z"},
        "Config": {"Image": "ollama/ollama:0.32.15", "Labels": labels(number), "Tty": False},
        "HostConfig": {"LogConfig": {"Type": "json-file"}},
        "NetworkSettings": {},
        "Mounts": [],
    }


@contextmanager
def played(instances: int, models: int) -> Iterator[tuple[list[str], str]]:
    """The addresses of the servers, and the engine's."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(time.time() - 2))
            answer = answer_of(instances, models, self.path.partition("?")[0], moment)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ExitStack() as stack:
        made = [stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) for _ in range(instances + 1)]
        for server in made:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
        *servers, engine = [f"127.0.0.1:{server.server_address[1]}" for server in made]
        yield [f"http://{address}" for address in servers], f"tcp://{engine}"
        for server in made:
            server.shutdown()


def configured(folder: Path, urls: list[str], models: int, cache: float, port: int) -> Path:
    """The exporter's file, and a small store for it."""
    store = folder / "store"
    for path in (store / "blobs", store / "manifests/registry.ollama.ai/library", folder / "state"):
        path.mkdir(parents=True, exist_ok=True)
    for number in range(models):
        manifest = store / f"manifests/registry.ollama.ai/library/model-{number}/7b"
        manifest.parent.mkdir(exist_ok=True)
        manifest.write_bytes(MANIFEST % (b"c" * 64, b"%064x" % number))
    document = {
        "schema": 1,
        "project": "ollama",
        "servers": [{"name": f"ollama-server-{number}", "url": url} for number, url in enumerate(urls, 1)],
        "models": [f"model-{number}:7b" for number in range(models)],
        "residents": [],
        "image": "ollama/ollama:0.32.15",
        "store_path": str(store),
        "state_dir": str(folder / "state"),
        "address": "127.0.0.1",
        "port": port,
        "times": {"cache": cache, "probe": 0, "part": 60, "request": 60},
    }
    path = folder / "exporter.json"
    path.write_text(json.dumps(document))
    return path


def scraped(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=120) as answer:
        return bytes(answer.read())


def measured(command: list[str], port: int, scrapes: int, engine: str = "") -> Cost:
    """Start it, wait for its first answer, then so many scrapes one after the other."""
    with subprocess.Popen(command, env={**os.environ, "DOCKER_HOST": engine}, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    text = scraped(port)
                    break
                except OSError:
                    if time.monotonic() > end or process.poll() is not None:
                        sys.exit(f"{command[-2:]} does not serve")
                    time.sleep(0.05)
            before, began = used(process.pid), time.monotonic()
            for _scrape in range(scrapes):
                text = scraped(port)
            wall, processor = time.monotonic() - began, used(process.pid) - before
            memory, highest = (of_status(process.pid, name) for name in ("VmRSS", "VmHWM"))
        finally:
            process.kill()
    samples = sum(line.startswith(b"corral_") for line in text.splitlines())
    return Cost(processor / scrapes * 1000, wall / scrapes * 1000, memory, highest, samples)


def used(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def of_status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(f"{name}:"))


def at(instances: int, models: int, scrapes: int, port: int, folder: Path) -> tuple[Cost, Cost, Cost]:
    """(read anew, from the last reading, bare) for that many instances."""
    program = folder / "exporter.pyz"
    program.write_bytes(zipapp("exporter")[0])
    with played(instances, models) as (urls, engine):
        costs = []
        for cache in (0.0, 86400.0):
            file = configured(folder, urls, models, cache, port)
            costs.append(measured([sys.executable, "-I", str(program), str(file)], port, scrapes, engine))
    bare = measured([sys.executable, "-c", BARE, str(port), str(costs[0].samples)], port, scrapes)
    return costs[0], costs[1], bare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=200)
    parser.add_argument("--models", type=int, default=5)
    parser.add_argument("--instances", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--port", type=int, default=13490)
    given = parser.parse_args()
    fresh: list[Cost] = []
    for instances in given.instances:
        with tempfile.TemporaryDirectory() as folder:
            anew, kept, bare = at(instances, given.models, given.scrapes, given.port, Path(folder))
        fresh.append(anew)
        print(f"{instances} instances x {given.models} models, {anew.samples} samples, {given.scrapes} scrapes each:")
        for name, cost in (("read anew", anew), ("last reading", kept), ("bare prometheus_client", bare)):
            print(
                f"  {name:<23} {cost.processor:8.2f} ms of processor time, {cost.processor / bare.processor:6.2f}x bare"
                f"; {cost.wall:8.2f} ms of wall time; {cost.memory} MiB ({cost.highest} at most)"
            )
    ratio = fresh[-1].processor / fresh[0].processor
    print(f"read anew, {given.instances[-1]} against {given.instances[0]} instances: {ratio:.2f}x")


if __name__ == "__main__":
    main()
