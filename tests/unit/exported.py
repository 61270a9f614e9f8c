# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An exporter for tests: its file, and what it answers as values by name and labels."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_config import Config, config_from
from ansible_collections.corral.ollama.plugins.module_utils.exporter import engine as engine_room
from ansible_collections.corral.ollama.plugins.module_utils.exporter.collector import FleetCollector
from ansible_collections.corral.ollama.plugins.module_utils.exporter.web import app_for, server_for
from prometheus_client.parser import text_string_to_metric_families

PROJECT = "ollama"
SERVERS = ("ollama-server-1", "ollama-server-2")


def document(urls: list[str], folder: Any = "/nowhere", **more: Any) -> dict[str, Any]:
    """The file of the exporter for servers at these addresses; ``folder`` holds the store and the state."""
    return {
        "schema": 1,
        "project": PROJECT,
        "servers": [{"name": f"ollama-server-{number}", "url": url} for number, url in enumerate(urls, 1)],
        "models": ["mistral:7b"],
        "residents": [],
        "image": "ollama/ollama:0.32.15",
        "store_path": f"{folder}/store",
        "state_dir": f"{folder}/state",
        "address": "127.0.0.1",
        "port": 9435,
        **more,
    }


def config(urls: list[str], folder: Any = "/nowhere", **more: Any) -> Config:
    return config_from(document(urls, folder, **more))


def values(text: str) -> dict[str, float]:
    """As ``up{server=ollama-server-1}``, without corral_ and without the project."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert family.documentation
            shown = {key: value for key, value in sorted(sample.labels.items()) if key != "project"}
            key = f"{sample.name.replace('corral_', '', 1)}{{{','.join(f'{k}={v}' for k, v in shown.items())}}}"
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


class Scraped:
    """``said`` is what went to the journal."""

    def __init__(self, settings: Config) -> None:
        self.said: list[str] = []
        self.collector = FleetCollector(settings, "1.2.3", self.said.append)
        self.server = server_for("127.0.0.1", 0, app_for(self.collector))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def text(self, path: str = "/metrics") -> str:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def values(self) -> dict[str, float]:
        return values(self.text())


@contextmanager
def exporting(settings: Config, engine: Any = None) -> Iterator[Scraped]:
    """Serves on a port of its own; ``engine`` is an API of the Docker SDK, or an error that connecting raises."""

    def connect(_timeout: float) -> Any:
        if isinstance(engine, Exception):
            raise engine
        return engine

    with mock.patch.object(engine_room, "connect", connect):
        scraped = Scraped(settings)
        thread = threading.Thread(target=scraped.server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield scraped
        finally:
            scraped.server.shutdown()
            scraped.server.server_close()
