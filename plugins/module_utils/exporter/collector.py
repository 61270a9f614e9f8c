# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All parts together, in the form that prometheus_client serves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from ..core.exporter_config import Config
from ..core.exporter_metrics import BY_NAME, COUNTER, METRICS
from ..core.exporter_samples import All, Sample, samples
from ..core.exporter_seen import Engine, Logs, Probe, Servers, Store
from ..core.libraries import require
from .engine import EngineReader
from .logs import LogsReader
from .part import Part, Say
from .prober import Prober
from .servers import ServersReader
from .store import StoreReader


class FleetCollector:
    """A collector for a registry of prometheus_client: ``collect`` is a scrape. What a part read lasts for a while, so
    that a scrape each second costs no more than its text; and nothing is read while nobody scrapes."""

    def __init__(self, config: Config, version: str, say: Say, now: Callable[[], float] = time.time) -> None:
        self._config, self._version, self._now = config, version, now
        require("prometheus_client")
        self._core = require("prometheus_client.core")
        lasts, patience = config.times.cache, config.times.part
        self.engine = Part("engine", EngineReader(config).read, Engine(), lasts, patience, say)
        self.servers = Part("servers", ServersReader(config, say, now).read, Servers(), lasts, patience, say)
        self.store = Part("store", StoreReader(config, say, now).read, Store(), lasts, patience, say)
        self.logs = Part("logs", LogsReader(config, now).read, Logs(), lasts, patience, say)
        self.probe = Part("probe", Prober(config, say, now).read, Probe(), lasts, patience, say)

    @property
    def parts(self) -> tuple[Part[Any], ...]:
        return (self.engine, self.servers, self.store, self.logs, self.probe)

    def collect(self) -> Iterator[Any]:
        for part in self.parts:
            part.refresh()
        for part in self.parts:
            part.wait()
        found = All(
            self._now(), self.engine.value, self.servers.value, self.store.value, self.logs.value, self.probe.value
        )
        yield from self._families([*self._own(), *samples(self._config, found)])

    def describe(self) -> list[Any]:
        """Nothing: registering must not scrape."""
        return []

    def _own(self) -> Iterator[Sample]:
        yield "exporter_info", (self._version,), 1.0
        for part in self.parts:
            yield "scrape_part_ok", (part.name,), float(not part.problem)
            yield "scrape_part_seconds", (part.name,), part.seconds

    def _families(self, every: list[Sample]) -> Iterator[Any]:
        core, families = self._core, dict[str, Any]()
        for metric in METRICS:
            kind = core.CounterMetricFamily if metric.kind == COUNTER else core.GaugeMetricFamily
            families[metric.name] = kind(metric.name, metric.help, labels=("project", *metric.labels))
        for name, labels, value in every:
            families[BY_NAME[f"corral_{name}"].name].add_metric((self._config.project, *labels), value)
        return iter([family for family in families.values() if family.samples])
