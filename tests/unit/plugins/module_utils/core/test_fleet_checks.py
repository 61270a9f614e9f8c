# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report has besides the answers: findings count by their severity, and nothing else gets in."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report, stats_of
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_finding import (
    MAX_MESSAGE,
    VerifyFinding,
    finding_from,
)
from ansible_collections.corral.ollama.tests.unit import paged

NOW = paged.NOW


def report(*findings, **more):
    return fleet_report({"gpu-1": paged.host(2, findings=list(findings), **more)}, NOW)


def test_a_problem_fails_the_fleet_and_its_instance():
    found = report(paged.finding("oom", message="ollama-server-2 was ended for want of memory."))
    assert found["problems"] == ["gpu-1: ollama-server-2 was ended for want of memory."]
    assert (found["ok"], found["hosts"][0]["ok"]) == (False, False)
    assert [entry["ok"] for entry in found["instances"]] == [True, False]
    assert found["findings"][0]["host"] == "gpu-1"


@pytest.mark.parametrize("severity", ["warning", "note"])
def test_what_is_less_fails_nothing(severity):
    found = report(paged.finding("store", severity, instance=""))
    assert (found["ok"], found["problems"], len(found["findings"])) == (True, [], 1)
    assert found["summary"]["warnings"] == (severity == "warning")
    assert all(entry["ok"] for entry in found["instances"])


def test_workflows_get_counts_by_check():
    findings = [paged.finding("gpu"), paged.finding("gpu", "warning"), paged.finding("lease", "note")]
    stats = stats_of(report(*findings, problems_of_host=["no engine."]))
    assert stats["checks"] == {"serving": {"problem": 1, "warning": 0}, "gpu": {"problem": 1, "warning": 1}}
    assert (stats["problems"], stats["warnings"]) == (2, 1)


def test_problems_come_first_and_what_is_no_finding_is_left_out():
    rows = [paged.finding("lease", "note"), paged.finding("oom"), "text", {"check": "oom"}, None]
    found = report(*rows, paged.finding("unknown"), paged.finding(severity="fatal"))
    assert [(one["check"], one["severity"]) for one in found["findings"]] == [("oom", "problem"), ("lease", "note")]
    assert report(gpus="none", residents=[], logs={})["findings"] == []


def test_only_what_was_seen_in_a_log_is_kept():
    logs = [paged.log(1), paged.log(2, 12, secret="x")]
    kept = report(logs=logs)["logs"]["gpu-1"]
    assert [list(row["classes"]) for row in kept] == [[], ["http_404"]]
    assert "secret" not in kept[1]
    assert "logs" not in report(logs=[])


@pytest.mark.parametrize("row", [None, [], {}, {"check": "gpu", "severity": "problem"}, {"check": ["gpu"]}])
def test_what_is_no_finding(row):
    assert finding_from(row) is None


def test_a_finding_survives_its_way():
    one = VerifyFinding("gpu", "warning", "ollama-server-1 …", "ollama-server-1", "mistral:7b")
    assert finding_from(one.as_dict()) == one
    assert len(finding_from({**one.as_dict(), "message": "x" * 9999}).message) == MAX_MESSAGE
