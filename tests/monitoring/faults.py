# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of the practice server, each on an instance of its own, and by what each of them has to be seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from watched import Labels, Watched

CHAT, EMBEDDING = MODELS = ("llava:7b", "nomic-embed-text:v1.5")
#: Seconds that `verify` gives an answer here; who is slow takes longer, and still answers the exporter in time.
DEADLINE = 2
#: What no fault is named by alone: that fewer serve than are declared, and for how long a crash is not over.
SHARED = frozenset({"CorralInstancesUnavailable", "CorralModelUnavailable", "CorralInstanceDown"})


@dataclass(frozen=True)
class Sign:
    """A metric with these labels whose value says so."""

    metric: str
    labels: Labels
    holds: Callable[[float], bool] = lambda value: value >= 1

    def __str__(self) -> str:
        return f"{self.metric}{{{', '.join(f'{name}={value}' for name, value in self.labels.items())}}}"

    def shown(self, samples: list[Any]) -> bool:
        return any(
            one.name == self.metric and self.labels.items() <= one.labels.items() and self.holds(one.value)
            for one in samples
        )


@dataclass(frozen=True)
class Fault:
    """`faults` for the instance's stand-in, and by what it is seen: a metric, all alerts that fire because of it, and
    words of what `verify` says. `requests` are a client's meanwhile: what nobody asks for is not loaded, nor logged."""

    what: str
    instance: str
    faults: Mapping[str, Any]
    sign: Sign
    alerts: Mapping[str, Labels]
    told: tuple[str, ...]
    unload: bool = False
    requests: int = 0
    more: tuple[str, ...] = field(default=())


def _at(number: int, **more: str) -> dict[str, str]:
    return {"server": f"ollama-server-{number}", **more}


def _problem(number: int, kind: str) -> Sign:
    return Sign("corral_model_problem", _at(number, model=CHAT, kind=kind))


def _logged(number: int, kind: str) -> Sign:
    return Sign("corral_log_events_total", _at(number, **{"class": kind}))


def _silent(number: int, kind: str) -> dict[str, Labels]:
    return {"CorralModelSilent": _at(number, model=CHAT, kind=kind)}


FAULTS = (
    Fault("hang", "ollama-server-2", {"hang_generate": {"model": CHAT}}, _problem(2, "no_answer"),
          _silent(2, "no_answer"), (CHAT, "did not answer")),
    Fault("404 on one model", "ollama-server-3", {"not_found": CHAT}, _logged(3, "http_404"),
          {"CorralModelNotFound": _at(3), **_silent(3, "server_error")}, (CHAT, "404"), requests=8),
    Fault("CPU fall-back", "ollama-server-4", {"cpu_fallback": CHAT},
          Sign("corral_model_vram_ratio", _at(4, model=CHAT), lambda value: value == 0),
          {"CorralCpuFallback": _at(4, model=CHAT)}, (CHAT, "on its processor"), unload=True, requests=1),
    Fault("crash of the server", "ollama-server-5", {"crash": {"when": "now"}},
          Sign("corral_instance_restarts_total", _at(5)), {"CorralInstanceRestarting": _at(5)}, ("ended by itself",)),
    Fault("crash of a runner", "ollama-server-6", {"runner_crash": CHAT}, _logged(6, "runner_crash"),
          {"CorralRunnerCrashing": _at(6)}, (CHAT, "has terminated"), unload=True, requests=2),
    Fault("slow", "ollama-server-7", {"hang_generate": {"model": CHAT, "seconds": 2.5}},
          Sign("corral_model_answer_seconds", _at(7, model=CHAT), lambda value: value > 2),
          {"CorralModelSlow": _at(7, model=CHAT)}, (CHAT, f"within {DEADLINE} s")),
    Fault("queue full", "ollama-server-8", {"queue_full": CHAT}, _problem(8, "busy"),
          {"CorralQueueFull": _at(8)}, (CHAT, "busy")),
)  # fmt: skip


@dataclass
class Seen:
    """Seconds from the fault to its metric and to each of its alerts, by name."""

    metric: float = 0.0
    alerts: dict[str, float] = field(default_factory=dict)


def begin(watched: Watched, fault: Fault) -> float:
    """Switch it on, and be a client. When that was, by the monotonic clock."""
    if fault.unload:
        watched.ask(fault.instance, CHAT, prompt="", keep_alive=0)
    # Whoever crashes may do so before it has answered.
    with suppress(requests.ConnectionError):
        watched.fault(fault.instance, **fault.faults)
    began = time.monotonic()
    for _number in range(fault.requests):
        watched.ask(fault.instance, CHAT)
    return began


def matches(wanted: Labels, found: Labels) -> bool:
    return wanted.items() <= found.items()


class Watch:
    """Looks at metrics and alerts until every fault was seen by all that have to see it."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.began: dict[str, float] = {}
        self.seen: dict[str, Seen] = {}
        #: Everything that Alertmanager was told of, once each.
        self.fired: dict[tuple[tuple[str, str], ...], Labels] = {}

    def begin(self, fault: Fault) -> None:
        self.seen[fault.what] = Seen()
        self.began[fault.what] = begin(self.watched, fault)

    def look(self, faults: tuple[Fault, ...]) -> None:
        samples, firing = self.watched.samples(), self.watched.firing()
        now = time.monotonic()
        self.fired.update({tuple(sorted(labels.items())): labels for labels in firing})
        for fault in faults:
            seen, since = self.seen[fault.what], now - self.began[fault.what]
            if not seen.metric and fault.sign.shown(samples):
                seen.metric = since
            for alert, wanted in fault.alerts.items():
                if alert not in seen.alerts and any(
                    labels["alertname"] == alert and matches(wanted, labels) for labels in firing
                ):
                    seen.alerts[alert] = since

    def missing(self, faults: tuple[Fault, ...]) -> list[str]:
        return [
            f"{fault.what}: {name}"
            for fault in faults
            for name, there in [(str(fault.sign), bool(self.seen[fault.what].metric)),
                                *((alert, alert in self.seen[fault.what].alerts) for alert in fault.alerts)]
            if not there
        ]  # fmt: skip

    def unexpected(self, faults: tuple[Fault, ...]) -> list[Labels]:
        """What fired and belongs to none of these."""
        wanted = [(alert, labels) for fault in faults for alert, labels in fault.alerts.items()]
        return [
            labels
            for labels in self.fired.values()
            if labels["alertname"] not in SHARED
            and not any(labels["alertname"] == alert and matches(one, labels) for alert, one in wanted)
        ]

    def table(self, faults: tuple[Fault, ...]) -> str:
        """For docs/performance.md."""
        rows = ["| fault | metric | seconds | alert | seconds |", "|---|---|---|---|---|"]
        for fault in faults:
            seen = self.seen[fault.what]
            rows += [
                f"| {fault.what} | `{fault.sign.metric}` | {seen.metric:.1f} | {alert} | {seconds:.1f} |"
                for alert, seconds in seen.alerts.items()
            ]
        return "\n".join(rows)
