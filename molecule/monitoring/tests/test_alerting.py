# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus and Alertmanager as the role brings them: a fault is told by its name, and a new rule costs no restart."""

from __future__ import annotations

import contextlib
import json
import time
from urllib.parse import urlencode

from hanging import hanging
from lab import wait_until

MODEL, SERVER = "llava:7b", "ollama-server-2"
PROMETHEUS, ALERTMANAGER = 9090, 9093
SILENT = {"alertname": "CorralModelSilent", "server": SERVER, "model": MODEL, "kind": "no_answer", "project": "ollama"}


def told(lab) -> list[dict[str, str]]:
    """The labels of what Alertmanager shows."""
    return [alert["labels"] for alert in lab.api(ALERTMANAGER, "/api/v2/alerts")]


def hears(lab, wanted: dict[str, str]) -> bool:
    return any(wanted.items() <= labels.items() for labels in told(lab))


def past_minutes(lab) -> str:
    """What Prometheus knew lately, for who has to tell a slow machine from a missing alert."""
    names = "up|scrape_duration_seconds|corral_model_(problem|asked_timestamp_seconds)|ALERTS|corral:rollout_quiet"
    now = time.time()
    window = urlencode({"query": f'{{__name__=~"{names}"}}', "start": now - 120, "end": now, "step": 5})
    found = lab.api(PROMETHEUS, f"/api/v1/query_range?{window}")["data"]["result"]
    return "\n".join(f"{one['metric']}: {[value for _at, value in one['values']]}" for one in found)


@contextlib.contextmanager
def explained(lab):
    try:
        yield
    except AssertionError as failure:
        raise AssertionError(f"{failure}; the last two minutes:\n{past_minutes(lab)}") from failure


def test_a_healthy_fleet_is_read_and_nothing_is_told(lab):
    found = lab.api(PROMETHEUS, "/api/v1/targets")["data"]["activeTargets"]
    assert sorted((one["labels"]["job"], one["health"]) for one in found) == [
        ("corral-exporter", "up"),
        ("corral-gateway", "up"),
    ]
    assert told(lab) == []


def test_a_model_that_hangs_is_told_by_its_name_and_then_no_more(lab):
    with explained(lab):
        with hanging(lab, 11435, MODEL):
            wait_until(lambda: hears(lab, SILENT), 90, "the alert")
        wait_until(lambda: not hears(lab, SILENT), 90, "its end")


def test_a_new_threshold_is_read_without_a_restart(lab):
    before = lab.inspect("ollama-monitoring-prometheus")["State"]["StartedAt"]
    lab.run("monitoring", monitoring_slow_answer_seconds=7).ok()
    wait_until(lambda: "> 7" in json.dumps(lab.api(PROMETHEUS, "/api/v1/rules")), 30, "the new rule")
    assert lab.inspect("ollama-monitoring-prometheus")["State"]["StartedAt"] == before


def test_they_have_no_rights_and_listen_on_loopback_only(lab):
    for name, port in (("prometheus", PROMETHEUS), ("alertmanager", ALERTMANAGER)):
        found = lab.inspect(f"ollama-monitoring-{name}")["HostConfig"]
        assert (found["CapDrop"], found["ReadonlyRootfs"]) == (["ALL"], True)
        assert lab.sh(f"ss -Hlnt sport = :{port}").split()[3] == f"127.0.0.1:{port}"
    assert lab.sh("stat -c '%a %U' /opt/corral/ollama-monitoring/alertmanager/alertmanager.yml").strip() == "640 root"
