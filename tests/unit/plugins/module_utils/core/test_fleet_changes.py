# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different between two reports."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_changes import fleet_changes
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.tests.unit.paged import (
    DIGEST,
    EARLIER,
    NOW,
    OTHER,
    container,
    host,
    model,
    server,
    troubled,
)


def changes(before, now):
    return fleet_changes(fleet_report(before, EARLIER), fleet_report(now, NOW))


def items(before, now):
    found = changes({"h": before}, {"h": now})["items"]
    return [(one["kind"], one["model"], one["before"], one["after"], one["where"]) for one in found]


def one(*models, engine=(), **changed):
    instances = [container(1, **dict(engine))]
    return {"results": [server(1, list(models) or [model()], **changed)], "instances": instances}


HERE = {"h": ["ollama-server-1"]}


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (one(), one(), []),
        (one(), one(model(asked=False, from_proof=True)), []),
        (one(), one(version="0.33.0"), [("version", "", "0.32.15", "0.33.0", HERE)]),
        (one(), one(engine={"gpus": ["0", "1"]}), [("gpus", "", "0", "0, 1", HERE)]),
        (one(), one(engine={"restarts": 2}), [("restarts", "", "0", "2", HERE)]),
        (one(), one(model(digest=OTHER, expected=OTHER)), [("digest", "mistral:7b", DIGEST, OTHER, HERE)]),
        (
            one(),
            one(model(answered=False, problem="silent.")),
            [("well", "", "well", "not well", HERE), ("answers", "mistral:7b", "answered", "silent", HERE)],
        ),
        (one(), one(model(), model("new:1")), [("model_new", "new:1", "", "", HERE)]),
        (one(model(), model("old:1")), one(), [("model_gone", "old:1", "", "", HERE)]),
        (host(1), host(2), [("instance_new", "", "", "", {"h": ["ollama-server-2"]})]),
        (host(2), host(1), [("instance_gone", "", "", "", {"h": ["ollama-server-2"]})]),
    ],
)
def test_what_changed(before, now, found):
    assert items(before, now) == found


def test_the_same_everywhere_is_told_once():
    before = {f"gpu-{number}": host(8) for number in range(50)}
    now = copy.deepcopy(before)
    for found in now.values():
        for result in found["results"]:
            result["version"] = "0.33.0"
    (item,) = changes(before, now)["items"]
    assert (item["kind"], len(item["where"]), len(item["where"]["gpu-7"])) == ("version", 50, 8)


def test_problems_that_came_and_went():
    found = changes({"a": {}, "b": host(1)}, {"a": host(1), "b": {}})
    assert found["since"] == EARLIER
    assert [text[:2] for text in found["problems_new"] + found["problems_gone"]] == ["b:", "a:"]


@pytest.mark.parametrize("before", [None, [], "text", {}, {"schema": 0, "instances": []}])
def test_without_a_report_to_compare_with_there_is_nothing(before):
    assert fleet_changes(before, fleet_report({"h": host(1)}, NOW)) == {}
    assert "changes" not in fleet_report({"h": host(1)}, NOW, before)


@pytest.mark.parametrize("odd", [{"instances": 3, "problems": 4}, {"instances": [3, {}, {"models": [1, {}]}]}])
def test_whatever_lies_there_it_is_compared(odd):
    assert fleet_changes({"schema": 1, **odd}, fleet_report(troubled(), NOW))["items"]
