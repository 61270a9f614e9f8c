# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: the service of a real host tells of real faults, survives them, and goes when it is not wanted."""

from __future__ import annotations

import pytest
from hanging import hanging
from lab import wait_until
from prometheus_client.parser import text_string_to_metric_families

SERVERS = ("ollama-server-1", "ollama-server-2")
MODELS = ("llava:7b", "nomic-embed-text:v1.5")
UNIT = "corral-exporter-ollama"
ASK = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9435/metrics', timeout=20).read().decode())"


class Metrics(dict):
    """Values by name and labels (without ``project``), as text: ``up{server=ollama-server-1}``."""

    def __init__(self, text: str) -> None:
        super().__init__()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                shown = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()) if key != "project")
                self[f"{sample.name.removeprefix('corral_')}{{{shown}}}"] = sample.value


@pytest.fixture
def metrics(lab):
    """What is told now; nothing while nobody answers."""
    return lambda: Metrics(lab.sh(f'python3 -c "{ASK}"', check=False))


def told(metrics, name: str, value: float) -> None:
    wait_until(lambda: metrics().get(name) == value, 60, f"{name} {value:g}")


def test_it_tells_that_everything_serves(metrics):
    told(metrics, "instances_available{}", len(SERVERS))
    found = metrics()
    assert [found[f"up{{server={server}}}"] for server in SERVERS] == [1, 1]
    cells = [f"{{model={model},server={server}}}" for model in MODELS for server in SERVERS]
    for what in ("listed", "digest_ok", "answered"):
        assert [found[f"model_{what}{cell}"] for cell in cells] == [1] * len(cells), what
    assert {name: value for name, value in found.items() if name.startswith("drift{") and value} == {}
    assert {name for name in found if name.startswith("scrape_part_ok") and found[name] != 1} == set()
    assert found["store_bytes{}"] > 0
    assert found["store_filesystem_avail_bytes{}"] > 0


def test_the_service_has_no_more_rights_than_it_needs(lab):
    shown = lab.sh(f"systemctl show {UNIT} -p CapabilityBoundingSet,ProtectSystem,NoNewPrivileges,ActiveState")
    assert set(shown.split()) == {
        "ActiveState=active",
        "CapabilityBoundingSet=cap_dac_read_search",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
    }
    assert lab.sh("stat -c %a /opt/corral/ollama/exporter/exporter.json").strip() == "640"


def test_a_model_that_hangs_is_named_with_how(lab, metrics):
    with hanging(lab, 11435, MODELS[0]):
        told(metrics, f"model_problem{{kind=no_answer,model={MODELS[0]},server={SERVERS[1]}}}", 1)
        told(metrics, f"model_instances_available{{model={MODELS[0]}}}", 1)
        assert metrics()[f"model_listed{{model={MODELS[0]},server={SERVERS[1]}}}"] == 1
    told(metrics, "instances_available{}", len(SERVERS))


def test_an_instance_that_dies_is_down_and_its_restart_is_counted(lab, metrics):
    lab.sh("kill -9 $(docker inspect -f '{{.State.Pid}}' ollama-ollama-server-2)")
    told(metrics, f"instance_restarts_total{{server={SERVERS[1]}}}", 1)
    lab.docker("stop", "-t", "0", f"ollama-{SERVERS[1]}")
    told(metrics, f"up{{server={SERVERS[1]}}}", 0)
    told(metrics, "instances_available{}", 1)
    lab.docker("start", f"ollama-{SERVERS[1]}")
    told(metrics, "instances_available{}", len(SERVERS))


def test_what_the_log_says_is_counted(lab, metrics):
    before = metrics()[f"log_events_total{{class=http_404,server={SERVERS[0]}}}"]
    lab.sh(
        "python3 -c \"import requests; requests.post('http://127.0.0.1:11434/api/show', json={'model': 'nobody:1b'})\""
    )
    told(metrics, f"log_events_total{{class=http_404,server={SERVERS[0]}}}", before + 1)


def test_it_comes_back_when_it_is_killed(lab, metrics):
    def process() -> str:
        return lab.sh(f"systemctl show {UNIT} -p MainPID --value").strip()

    killed = process()
    lab.sh(f"systemctl kill -s KILL {UNIT}")
    wait_until(lambda: process() not in ("0", killed), 60, "another process")
    told(metrics, "instances_available{}", len(SERVERS))


def gone(lab) -> None:
    assert lab.sh(f"systemctl is-active {UNIT}", check=False).strip() != "active"
    assert lab.sh("ls -d /opt/corral/ollama-monitoring", check=False) == ""
    assert lab.docker("ps", "-aq", "--filter", "label=corral.monitoring=ollama").strip() == ""
    assert lab.sh("ls /opt/corral/ollama /etc/systemd/system | grep exporter", check=False) == ""


def test_it_goes_when_it_is_not_wanted(lab):
    lab.run("monitoring", corral_monitoring=False).ok()
    gone(lab)
    assert lab.run("monitoring", corral_monitoring=False).ok().changed == []


def test_a_teardown_takes_it_along(lab, metrics):
    lab.run("monitoring").ok()
    told(metrics, "instances_available{}", len(SERVERS))
    lab.run("teardown").ok()
    gone(lab)
    assert metrics() == {}
    assert lab.docker("ps", "-aq", "--filter", "label=corral.project=ollama").strip() == ""
    assert lab.run("teardown").ok().changed == []
