# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of metrics, made from the exporter's own list, of a fleet on which everything is wrong; and HAProxy's."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_metrics import (
    DRIFT_KINDS,
    LEASES,
    METRICS,
    PARTS,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.log_classes import SERVER_CLASSES

DAY = 86400
VALUES = {
    "server": ("ollama-server-1", "ollama-server-2"),
    "model": ("mistral:7b",),
    "lease": LEASES,
    "part": PARTS,
    "class": tuple(one.name for one in SERVER_CLASSES),
    "version": ("0.32.15",),
    "image": ("ollama/ollama:0.32.15",),
    "image_digest": ("sha256:" + "a" * 64,),
}
KINDS = {
    "corral_model_problem": ("no_answer", "busy"),
    "corral_store_findings": ("wrong_hash", "orphan"),
    "corral_drift": DRIFT_KINDS,
}
BAD = {
    "corral_model_digest_ok": 0.0,
    "corral_model_answered": 0.0,
    "corral_model_answer_seconds": 600.0,
    "corral_model_resident": 0.0,
    "corral_model_vram_ratio": 0.0,
    "corral_model_vram_bytes": 0.0,
    "corral_instances_available": 1.0,
    "corral_instances_expected": 2.0,
    "corral_model_instances_available": 0.0,
    "corral_model_instances_expected": 2.0,
    "corral_store_filesystem_size_bytes": 100.0,
}


def value(name: str, labels: dict[str, str], count: int) -> float:
    """What one series has at the scrape number ``count``."""
    now, project = time.time(), labels["project"]
    first = labels.get("server") != "ollama-server-2"
    chosen = {
        # The first server is up and lists nothing; the second one does not answer at all.
        "corral_up": float(first),
        "corral_model_listed": 0.0,
        "corral_scrape_part_ok": float(labels.get("part") != "logs"),
        "corral_instance_start_time_seconds": now - DAY,
        "corral_model_asked_timestamp_seconds": now,
        "corral_store_last_scrub_timestamp_seconds": now - 100 * DAY,
        "corral_store_last_full_verification_timestamp_seconds": now - 100 * DAY,
        # Jobs have their leases in another project: while one works, some alerts are quiet.
        "corral_lease_held": float(project == "busy"),
        "corral_lease_acquired_timestamp_seconds": now - (DAY if labels.get("lease") == "store" else 10),
        "corral_lease_expires_timestamp_seconds": now + 60,
    }
    if name.endswith("_total"):
        return float(10 * count)
    return {**dict.fromkeys([metric.name for metric in METRICS], 1.0), **BAD, **chosen}[name]


def exporter(count: int) -> str:
    lines = []
    for metric, project in itertools.product(METRICS, ("ollama", "busy")):
        options = [KINDS[metric.name] if label == "kind" else VALUES[label] for label in metric.labels]
        for chosen in itertools.product(*options):
            labels = {"project": project, **dict(zip(metric.labels, chosen))}
            lines.append(line(metric.name, labels, value(metric.name, labels, count)))
    return "\n".join(lines) + "\n"


#: What of HAProxy's exporter rules and dashboard use, as its documentation has it: name -> labels of the series.
HAPROXY: dict[str, tuple[dict[str, str], ...]] = {
    "haproxy_frontend_http_responses_total": tuple({"proxy": "api", "code": code} for code in ("2xx", "4xx", "5xx")),
    "haproxy_backend_redispatch_warnings_total": ({"proxy": "instances"},),
    "haproxy_backend_retry_warnings_total": ({"proxy": "instances"},),
    "haproxy_backend_current_queue": ({"proxy": "instances"},),
    "haproxy_server_current_sessions": ({"proxy": "instances", "server": "ollama-server-1"},),
}


def gateway(count: int) -> str:
    rows = [line(name, labels, 10.0 * count) for name, found in HAPROXY.items() for labels in found]
    return "\n".join(rows) + "\n"


def line(name: str, labels: dict[str, str], number: float) -> str:
    return name + "{" + ",".join(f'{key}="{text}"' for key, text in labels.items()) + f"}} {number!r}"


@contextmanager
def served() -> Iterator[int]:
    """The port of loopback on which /metrics is the exporter's page and /gateway is HAProxy's."""
    counter = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = (gateway if self.path == "/gateway" else exporter)(next(counter)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_words: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
