# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real Alertmanager sends, set up as the guide says, is what the event filter takes."""

from __future__ import annotations

import json
import queue
import runpy
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import requests
import yaml
from ansible_collections.corral.ollama.tests.practice.eda_guide import settings
from ansible_collections.corral.ollama.tests.practice.gateway_lab import free_port
from corral_practice import images

ROOT = Path(__file__).resolve().parents[2]
FILTER = ROOT / "extensions/eda/plugins/event_filter/alertmanager.py"
TOKEN, WAIT = "a-token-of-the-lab", 60.0


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted, with the authorization that came along."""

    heard: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.put((self.headers.get("Authorization", ""), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


def configuration(port: int) -> dict[str, Any]:
    """As the role writes it of the guide's variables; only times and the address are the test's."""
    told = settings(port, TOKEN)
    receivers = told["monitoring_receivers"]
    times = {"group_by": ["alertname", "host", "project"], "group_wait": "0s", "group_interval": "1s"}
    route = {"receiver": receivers[0]["name"], **times, **told["monitoring_route"]}
    return {"route": route, "receivers": receivers}


@contextmanager
def alertmanager(folder: Path, port: int, hook: int) -> Iterator[str]:
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(configuration(hook)))
    folder.chmod(0o755)
    words = ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    command = ["docker", "run", "--detach", "--network", "host", "--volume", f"{folder}:/etc/alertmanager:ro"]
    made = subprocess.run([*command, images.ALERTMANAGER, *words], check=True, capture_output=True, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + WAIT
        while not ready(url):
            assert time.monotonic() < end, subprocess.run(
                ["docker", "logs", made.stdout.strip()], capture_output=True, text=True
            ).stderr
            time.sleep(0.1)
        yield url
    finally:
        subprocess.run(["docker", "rm", "-fv", made.stdout.strip()], check=True, capture_output=True)


def ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=5).ok
    except requests.RequestException:
        return False


def heard_of(alerts: int) -> tuple[str, dict[str, Any]]:
    """The first message with so many: a group that is new is sent at once, maybe before all of it has come."""
    end = time.monotonic() + WAIT
    while True:
        authorization, message = Hook.heard.get(timeout=max(0.0, end - time.monotonic()))
        if len(message["alerts"]) == alerts:
            return authorization, message


def test_the_message_of_a_real_alertmanager(tmp_path: Path):
    images.ensure_monitoring()
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    labels = {"severity": "critical", "host": "gpu1", "project": "ollama", "instance": "127.0.0.1:9435"}
    sent = [
        {"labels": {**labels, "alertname": "CorralInstanceDown", "server": f"ollama-server-{number}"}}
        for number in (1, 2)
    ]
    sent += [{"labels": {**labels, "alertname": "NodeDown"}}]
    try:
        with alertmanager(tmp_path, free_port(), server.server_port) as url:
            assert requests.post(f"{url}/api/v2/alerts", json=sent, timeout=10).ok
            authorization, message = heard_of(2)
    finally:
        server.shutdown()
        server.server_close()
    assert authorization == f"Bearer {TOKEN}"
    (event,) = runpy.run_path(str(FILTER))["main"]({"payload": message, "meta": {"endpoint": "alerts", "headers": {}}})
    assert event["meta"] == {"hosts": ["gpu1"]}
    assert [one["server"] for one in event["corral"]["alerts"]] == ["ollama-server-1", "ollama-server-2"]
    # What is not Corral's has another way.
    assert Hook.heard.empty()
