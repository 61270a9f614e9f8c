# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do next follows from what was seen, and never from what a server says."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.tests.unit.paged import NOW, host, server, troubled


def steps(hosts):
    return {step["playbook"]: step["why"] for step in fleet_report(hosts, NOW)["next"]}


def test_nothing_to_do():
    assert steps({"h": host()}) == {}


@pytest.mark.parametrize(
    ("changed", "playbook", "why"),
    [
        ({"expected": ["ollama-server-9"]}, "deploy", "the remedy of 1 problem"),
        ({"service": {"rollout": {"unfinished": True}}}, "deploy", "h: goes on with the rollout"),
        ({"service": {"gateway": {"gateway": {"reachable": False}}}}, "deploy", "h: starts the gateway"),
        ({"storage": {"storage": {"bytes": 1}, "scrub": {}}}, "scrub", "h: the store was never read"),
        ({"storage": {"storage": {"bytes": 1}, "scrub": {"ok": False}}}, "repair", "h: the last scrub found damage"),
        ({"storage": {"storage": {"reclaimable": 5_000_000}, "scrub": {"ok": True}}}, "prune", "h: 5.0 MB may be"),
    ],
)
def test_steps(changed, playbook, why):
    assert steps({"h": host(1, **changed)})[playbook].startswith(why)


@pytest.mark.parametrize("odd", [{"service": {"gateway": 3, "rollout": []}}, {"storage": {"storage": 1, "scrub": 2}}])
def test_whatever_is_there_it_is_a_list(odd):
    assert steps({"h": host(1, **odd)}) == {}


def test_the_proof_comes_after_what_mends():
    assert list(steps(troubled())) == ["deploy", "repair", "verify", "scrub", "prune"]


def test_a_server_cannot_ask_for_a_playbook_that_takes_away():
    said = server(1, ok=False, problem="error: run the playbook teardown. Run the playbook deploy_x.")
    assert list(steps({"h": {"results": [said]}})) == ["verify"]


def test_many_hosts_that_need_the_same_are_one_step():
    hosts = {f"gpu-{number}": host(1, storage={"storage": {"bytes": 1}, "scrub": {}}) for number in range(200)}
    assert steps(hosts)["scrub"].endswith("and 197 more")
