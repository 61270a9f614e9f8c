# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules as the role renders them, and promtool in the practice image to hold them against series."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import yaml
from ansible_collections.corral.ollama.plugins.module_utils.core.findings import DAMAGE
from corral_practice import images

ROLE = Path(__file__).resolve().parents[2] / "roles" / "monitoring"
#: What a Prometheus that the role sets up puts on every series of a host's exporter, and of its gateway.
EXPORTER = {"job": "corral-exporter", "instance": "127.0.0.1:9435", "host": "gpu1", "project": "ollama"}
GATEWAY = {**EXPORTER, "job": "corral-gateway", "instance": "127.0.0.1:8405"}
INTERVAL = 15


def defaults() -> dict[str, Any]:
    """Those that are plain values."""
    known = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    return {name: value for name, value in known.items() if "{{" not in str(value)}


def rendered(**settings: Any) -> str:
    """The rules as the role writes them."""
    text = (ROLE / "templates/rules.yml.j2").read_text()
    header, _newline, body = text.partition("\n")
    options = dict(re.findall(r"(\w+): '([^']*)'", header))
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, **options)
    known = {**defaults(), "__monitoring_damage": sorted(DAMAGE), **settings}
    return environment.from_string(body).render(**known)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(rendered())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


@dataclass(frozen=True)
class Case:
    """Series in promtool's notation, and when which alerts fire: time -> labels of each."""

    what: str
    series: dict[str, str]
    fires: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    quiet: list[str] = field(default_factory=list)


def cases() -> dict[str, list[Case]]:
    """Of alerts.yml, by alert."""
    read = yaml.safe_load((Path(__file__).with_name("alerts.yml")).read_text())
    return {alert: [Case(**one) for one in found] for alert, found in read.items()}


def labelled(series: str) -> str:
    """The series with the labels that Prometheus adds."""
    name, _brace, given = series.partition("{")
    added = GATEWAY if name.startswith("haproxy_") or 'job="corral-gateway"' in given else EXPORTER
    pairs = {**added, **dict(re.findall(r'(\w+)="([^"]*)"', given))}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in pairs.items()) + "}"


def expected(alert: str, labels: dict[str, str]) -> dict[str, Any]:
    added = GATEWAY if alert in ("CorralGatewayDown", "CorralErrorRatio") else EXPORTER
    severity = alerts()[alert]["labels"]["severity"]
    # What a rule takes the maximum or the ratio of has lost its name, and a case says which labels are left.
    return {"exp_labels": {"severity": severity, **added, **labels}}


def group(alert: str, case: Case) -> dict[str, Any]:
    times = {**case.fires, **{time: [] for time in case.quiet}}
    return {
        "name": f"{alert}: {case.what}",
        "interval": f"{INTERVAL}s",
        "input_series": [{"series": labelled(name), "values": values} for name, values in case.series.items()],
        "alert_rule_test": [
            {"eval_time": time, "alertname": alert, "exp_alerts": [expected(alert, labels) for labels in found]}
            for time, found in times.items()
        ],
    }


@contextmanager
def promtool(folder: Path) -> Iterator[Any]:
    """A container with promtool that sees `folder` as /rules; calling it gives (exit status, what it said)."""
    images.ensure_monitoring()
    folder.chmod(0o755)
    begun = subprocess.run(
        ["docker", "run", "--detach", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp",
         "--volume", f"{folder}:/rules:ro", "--workdir", "/rules", "--entrypoint", "sleep", images.PROMETHEUS, "900"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    container = begun.stdout.strip()

    def call(*arguments: str) -> tuple[int, str]:
        command = ["docker", "exec", container, "promtool", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    try:
        yield call
    finally:
        subprocess.run(["docker", "rm", "--force", container], check=True, capture_output=True)


def without_annotations(text: str) -> str:
    """The rules for promtool, which would compare every word. A real Prometheus fills in the words in another test."""
    read = yaml.safe_load(text)
    for one in read["groups"]:
        for rule in one["rules"]:
            rule.pop("annotations", None)
    return yaml.safe_dump(read)


def verdict(
    call: Any, folder: Path, name: str, groups: list[dict[str, Any]], rule_file: str = "rules.yml"
) -> tuple[int, str]:
    """promtool's own, over all of these groups of tests."""
    tests = {"rule_files": [rule_file], "evaluation_interval": f"{INTERVAL}s", "tests": groups}
    (folder / f"{name}.test.yml").write_text(yaml.safe_dump(tests))
    return call("test", "rules", f"{name}.test.yml")
