# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus and Alertmanager, set up with what the role writes, read a fleet on which everything is wrong."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import requests
import yaml
from ansible.plugins.filter.core import to_nice_yaml
from ansible_collections.corral.ollama.tests.practice import alerts_lab, metrics_page
from corral_practice import images

BOARD = json.loads((alerts_lab.ROLE / "files/corral-fleet.json").read_text())
QUICK = {
    "monitoring_scrape_seconds": 1,
    "monitoring_evaluation_seconds": 1,
    "monitoring_hold_seconds": 1,
    "monitoring_settle_seconds": 1,
    "monitoring_window_seconds": 15,
    "monitoring_rollout_grace_seconds": 5,
    "monitoring_group_wait_seconds": 1,
}
ALONE = ("--storage.path=/alertmanager", "--cluster.listen-address=")
PATIENCE = 90.0


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def written(name: str, **values: Any) -> str:
    """A template of the role as it renders it."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["to_nice_yaml"] = to_nice_yaml
    known = {**alerts_lab.defaults(), **QUICK, "ansible_managed": "Ansible managed", **values}
    return environment.from_string((alerts_lab.ROLE / "templates" / f"{name}.j2").read_text()).render(known)


def targets(**pages: tuple[str, ...]) -> dict[str, str]:
    labels = {"host": "gpu1", "project": "ollama"}
    return {name: yaml.safe_dump([{"targets": list(found), "labels": labels}]) for name, found in pages.items()}


def lay_out(folder: Path, page: int, alertmanager: int) -> None:
    """The files as they are on a host; one exporter and one gateway answer, one of each is gone."""
    gone = f"127.0.0.1:{free_port()}"
    scrape = yaml.safe_load(written("scrape.yml"))
    scrape["scrape_configs"][1]["metrics_path"] = "/gateway"
    route = {"receiver": "nobody", "group_by": ["alertname"], "group_wait": "1s"}
    files = {
        "prometheus/prometheus.yml": written("prometheus.yml", monitoring_alertmanager_port=alertmanager),
        "prometheus/scrape.yml": yaml.safe_dump(scrape),
        "prometheus/rules/corral.yml": alerts_lab.rendered(**QUICK),
        "alertmanager/alertmanager.yml": written(
            "alertmanager.yml", __monitoring_route=route, __monitoring_receivers=[{"name": "nobody"}]
        ),
    }
    pages = targets(exporter=(f"127.0.0.1:{page}", gone), gateway=(f"127.0.0.1:{page}", gone))
    files.update({f"prometheus/targets/{name}.yml": text for name, text in pages.items()})
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)


def started(image: str, folder: Path, name: str, port: int, *arguments: str) -> str:
    """A container with the rights that the role gives it."""
    rights = ["--network", "host", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    command = ["docker", "run", "--detach", *rights, "--volume", f"{folder}/{name}:/etc/{name}:ro", image]
    command += [f"--config.file=/etc/{name}/{name}.yml", f"--web.listen-address=127.0.0.1:{port}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of Prometheus and Alertmanager."""
    images.ensure_monitoring()
    folder, one, two = tmp_path_factory.mktemp("monitoring"), free_port(), free_port()
    with metrics_page.served() as page:
        lay_out(folder, page, two)
        made = [
            started(images.PROMETHEUS, folder, "prometheus", one, "--storage.tsdb.path=/prometheus"),
            started(images.ALERTMANAGER, folder, "alertmanager", two, *ALONE),
        ]
        try:
            yield f"http://127.0.0.1:{one}", f"http://127.0.0.1:{two}"
        finally:
            subprocess.run(["docker", "rm", "--force", "--volumes", *made], check=True, capture_output=True)


def until(look: Callable[[], list[str]], what: str) -> None:
    """Waits until nothing is lacking any more."""
    deadline, lacking = time.monotonic() + PATIENCE, ["it does not answer"]
    while lacking and time.monotonic() < deadline:
        try:
            lacking = look()
        except requests.ConnectionError:
            time.sleep(0.2)
        if lacking:
            time.sleep(0.5)
    assert lacking == [], f"{what}: {lacking}"


def firing(url: str) -> list[dict[str, Any]]:
    found = requests.get(f"{url}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
    return [alert for alert in found if alert["state"] == "firing"]


def test_every_alert_fires_and_its_words_are_complete(watching: tuple[str, str]) -> None:
    wanted = set(alerts_lab.alerts())
    until(lambda: sorted(wanted - {one["labels"]["alertname"] for one in firing(watching[0])}), "not firing")
    for one in firing(watching[0]):
        words = one["annotations"]
        text = " ".join(words.values())
        assert not re.search(r"<error|<no value>|\{\{|  | on :| of  | \.", text), text
        assert "gpu1" in words["summary"], words
        assert re.search("ollama|busy", words["description"]), words
        told = ["server", "model", "lease", "part"]
        told += ["kind"] if one["labels"]["alertname"] != "CorralQueueFull" else []
        assert [one["labels"][key] for key in told if one["labels"].get(key, "") not in text] == [], words


def test_alertmanager_hears_of_them_and_says_a_dead_server_once(watching: tuple[str, str]) -> None:
    def missing() -> list[str]:
        heard = requests.get(f"{watching[1]}/api/v2/alerts", timeout=10).json()
        # Of the other fleet on that host a rollout is under way: nobody says that its servers are down.
        heard = [one for one in heard if one["labels"]["project"] == "ollama"]
        state = {(one["labels"]["alertname"], one["labels"].get("server")): one["status"]["state"] for one in heard}
        wanted = {
            ("CorralInstanceDown", "ollama-server-2"): "active",
            ("CorralModelSlow", "ollama-server-2"): "suppressed",
            ("CorralModelSlow", "ollama-server-1"): "active",
            ("CorralStoreDamaged", None): "active",
        }
        return [f"{key}: {state.get(key)}" for key, value in wanted.items() if state.get(key) != value]

    until(missing, "Alertmanager")


def queries() -> dict[str, str]:
    """Every query of the dashboard, with what Grafana puts into it."""
    chosen = {"$project": ".*", "$host": ".*", "$__rate_interval": "15s"}
    found = {}
    for panel in BOARD["panels"]:
        for target in panel.get("targets", []):
            # What stands in for nothing would make it something.
            text = target["expr"].replace(" or vector(0)", "")
            for name, value in chosen.items():
                text = text.replace(name, value)
            found[f"{panel['title']} {target['refId']}"] = text
    return found


def test_every_query_of_the_dashboard_finds_something(watching: tuple[str, str]) -> None:
    asked = queries()
    assert len(asked) > 25

    def empty() -> list[str]:
        found = []
        for title, text in asked.items():
            answer = requests.get(f"{watching[0]}/api/v1/query", params={"query": text}, timeout=10).json()
            assert answer["status"] == "success", (title, text, answer)
            found += [] if answer["data"]["result"] else [title]
        return found

    until(empty, "nothing found by the panels")


def test_every_recorded_series_is_there(watching: tuple[str, str]) -> None:
    recorded = {rule["record"] for rule in alerts_lab.rules() if "record" in rule}

    def missing() -> list[str]:
        url = f"{watching[0]}/api/v1/label/__name__/values"
        return sorted(recorded - set(requests.get(url, timeout=10).json()["data"]))

    until(missing, "not recorded")
