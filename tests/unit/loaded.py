# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load tests of fleets for the tests of report, table, page and schema: good ones, bad ones and hostile ones."""

from __future__ import annotations

from ansible_collections.corral.ollama.plugins.module_utils.core.load_report import load_report
from ansible_collections.corral.ollama.plugins.module_utils.core.load_stats import Tally
from ansible_collections.corral.ollama.plugins.module_utils.core.load_wish import wish_from
from ansible_collections.corral.ollama.tests.unit.paged import HOSTILE

NOW = "2026-11-22T10:00:00Z"
MIX = ({"model": "mistral:7b", "kind": "generate"}, {"model": "nomic-embed-text:v1.5", "kind": "embed"})
GOOD = {"class": "ok", "status": 200, "took": 0.4, "first": 0.1, "speed": 80.0, "tokens": 64}


def wish(mix=MIX, target="gateway"):
    options = {"duration": 60.0, "rate": 2.0, "ramp": 5.0, "arrivals": "poisson", "concurrency": 8, "timeout": 300.0}
    limits = {"abort_error_ratio": 0.5, "abort_min_requests": 50, "memory_mb": 1024}
    targets = [{"name": target, "url": "http://127.0.0.1:11433"}]
    return wish_from({**options, **limits, "mix": list(mix), "models": [], "targets": targets})


def load(*records, **changes):
    """What load_test returns for these records; without any for a good minute."""
    planned = wish()
    given = records or tuple(
        {**GOOD, "at": at / 2, "mix": at % 2, "instance": f"ollama-server-{at % 3 + 1}"} for at in range(110)
    )
    settings = {key: value for key, value in planned.as_dict().items() if key != "requests"}
    tally = Tally(settings["mix"], ["gateway"], 60.0)
    for record in given:
        assert tally.take({"mix": 0, "target": 0, "wait": 0.0, "at": 0.0, **record})
    known = {"planned": len(given), "started_at": "2026-11-22T09:58:00.000000000Z", "seconds": 61.5, "aborted": ""}
    more = {
        "unanswered": 0,
        "most_waiting": 0,
        "late": 0,
        "lag": 0.002,
        "results_path": "/var/lib/corral/ollama/load/out",
    }
    return {**known, **more, "settings": settings, **tally.result(), **changes}


def failing():
    classes = [("http_404", 404, ""), ("timeout", 0, "Timeout"), ("unfinished", 200, "ChunkedEncodingError")]
    bad = [
        {"class": name, "status": status, "exception": exception, "text": "why", "took": 1.0}
        for name, status, exception in classes
    ]
    return load(GOOD, {**GOOD, "wait": 3.0}, *bad, most_waiting=2)


def log(container="ollama-ollama-server-1", **counts):
    classes = {name: {"count": count, "ok": not count} for name, count in counts.items()}
    return {"container": container, "lines": 100, "problem": "", "classes": classes}


def gateway(retries=0, redispatches=0, uptime=100):
    about = {"reachable": True, "pid": 7, "uptime_seconds": uptime, "retries": retries, "redispatches": redispatches}
    return {
        "gateway": about,
        "servers": [{"name": "ollama-server-2", "redispatches": redispatches, "responses_5xx": 1}],
    }


def well():
    return {
        "load": load(),
        "logs": [log(http_404=0)],
        "gateway_before": gateway(),
        "gateway_after": gateway(uptime=200),
    }


def masked():
    """The client saw nothing: the situation itself."""
    logs = [log(http_404=57_461, prune=1), log("reranker", **{"Generation timeout": 27_927})]
    return {"load": load(), "logs": logs, "gateway_before": gateway(), "gateway_after": gateway(3, 2, 200)}


def hostile(text):
    entry = {**load()["settings"]["mix"][0], "model": text, "kind": "chat", "stream": False}
    tally = Tally([entry], [text], 60.0)
    tally.take({**GOOD, "mix": 0, "target": 0, "wait": 0.0, "at": 0.0, "instance": text})
    tally.take({"class": text, "status": 500, "exception": text, "text": text, "mix": 0, "target": 0, "at": 1.0})
    given = load()
    settings = {**given["settings"], "mix": [entry], "targets": [{"name": text, "url": text}]}
    return {
        "load": {**given, **tally.result(), "settings": settings, "aborted": text, "started_at": text},
        "logs": [{"container": text, "problem": text, "classes": {text: {"count": 1, "ok": False}}}],
        "gateway_before": gateway(),
        "gateway_after": {**gateway(1, 1, 200), "servers": [{"name": text, "retries": 1}]},
    }


def reports():
    """By what they are about, each as load.json would have it."""
    return {
        "well": load_report({"gpu-1": well(), "gpu-2": well()}, NOW),
        "failing": load_report({"gpu-1": {**well(), "load": failing()}, "gpu-2": {}}, NOW),
        "masked": load_report({"gpu-1": masked()}, NOW),
        "allowed": load_report({"gpu-1": {**masked(), "load": failing()}}, NOW, 0.9, fail_on_masked=False),
        "aborted": load_report({"gpu-1": {"load": load(GOOD, aborted="too many errors", unanswered=4)}}, NOW),
        "nothing": load_report({}, NOW),
        "hostile": load_report({text: hostile(text) for text in HOSTILE}, NOW),
    }
