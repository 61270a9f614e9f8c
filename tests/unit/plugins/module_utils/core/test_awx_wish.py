# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared for AWX and cannot be meant so, before AWX takes it or answers with the text of a KeyError."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.awx_nodes import node_problems
from ansible_collections.corral.ollama.plugins.module_utils.core.awx_rrule import rrule_problems
from ansible_collections.corral.ollama.plugins.module_utils.core.awx_survey import survey_problems
from ansible_collections.corral.ollama.plugins.module_utils.core.awx_wish import wish_problems


def survey(**item):
    return {"name": "", "description": "", "spec": [{"question_name": "?", "variable": "a", "required": False, **item}]}


GOOD_ITEMS = [
    {"type": "text", "default": "abc", "min": 2, "max": 20},
    {"type": "textarea"},
    {"type": "password", "min": 0, "max": 64},
    {"type": "integer", "default": 3, "min": 1, "max": 10},
    {"type": "float", "default": 1, "min": 0, "max": 1},
    {"type": "multiplechoice", "choices": ["true", "false"], "default": "true"},
    {"type": "multiselect", "choices": ["x", "y"]},
]
# AWX keeps those marked "kept", and then drops the default or refuses the launch; the others it refuses.
BAD_ITEMS = [
    ({"type": "integer", "default": "3"}, "no whole number"),
    ({"type": "integer", "default": True}, "no whole number"),  # kept
    ({"type": "integer", "default": 30, "max": 10}, "outside"),  # kept
    ({"type": "integer", "min": 5, "max": 1}, "more than max"),  # kept
    ({"type": "float", "default": 0.5, "min": 0.5}, "whole numbers"),
    ({"type": "text", "default": 3}, "no text"),
    ({"type": "text", "default": None}, "no text"),
    ({"type": "text", "default": ""}, "leave it out"),  # kept
    ({"type": "text", "default": "a", "min": 2}, "outside"),  # kept
    ({"type": "password", "default": "x"}, "no default"),  # kept
    ({"type": "multiselect", "choices": ["x"], "default": "x"}, "never reaches"),  # kept
    ({"type": "multiplechoice", "choices": [True, False]}, "need quotes"),  # kept
    ({"type": "multiplechoice", "choices": "a\nb"}, "has to be a list"),  # kept
    ({"type": "multiplechoice", "choices": []}, "has to be a list"),  # kept
    ({"type": "multiplechoice"}, "has to be a list"),
    ({"type": "multiplechoice", "choices": ["apple"], "default": "app"}, "none of the choices"),
    ({"type": "string"}, "has the type 'string'"),
    ({"type": "text", "required": "yes"}, "not true or false"),
    ({"type": "text", "variable": "my var-x"}, "no name"),  # kept
    ({"type": "text", "variable": ""}, "no name"),  # kept
    ({"type": "text", "variable": "vars"}, "no name"),  # kept
    ({"type": "text", "question_name": " "}, "no text"),
]


@pytest.mark.parametrize("item", GOOD_ITEMS, ids=lambda item: item["type"])
def test_a_good_question(item):
    assert survey_problems(survey(**item)) == []


@pytest.mark.parametrize(("item", "says"), BAD_ITEMS, ids=lambda value: str(value)[:60])
def test_a_question_that_awx_would_take_or_refuse(item, says):
    (problem,) = survey_problems(survey(**item))
    assert says in problem


def test_a_survey_as_a_whole():
    assert "has the texts" in survey_problems({"name": None, "description": "", "spec": []})[0]
    assert "at least one" in survey_problems({"name": "", "description": "", "spec": []})[0]
    assert "A question has" in survey_problems({"name": "", "description": "", "spec": [{"variable": "a"}]})[0]
    twice = survey(type="text")
    assert survey_problems({**twice, "spec": twice["spec"] * 2}) == ["Two questions are for a."]


@pytest.mark.parametrize(
    "rule",
    [
        "DTSTART;TZID=Europe/Vienna:20270101T030000 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART:20270101T030000Z RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,FR\nEXRULE:FREQ=DAILY;INTERVAL=5",
        "DTSTART:20270101T030000Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=SU;BYSETPOS=-1;COUNT=999",
    ],
)
def test_a_good_rule(rule):
    assert rrule_problems(rule) == []


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("0 3 * * *", "no RRULE"),
        (None, "no RRULE"),
        ("RRULE:FREQ=DAILY;INTERVAL=1", "one DTSTART"),
        ("DTSTART:20270101T030000 RRULE:FREQ=DAILY;INTERVAL=1", "needs a time zone"),
        ("DTSTART;TZID=UTC:20270101T030000Z RRULE:FREQ=DAILY;INTERVAL=1", "leave one"),
        ("DTSTART:20270101T030000Z RRULE:FREQ=DAILY", "FREQ and INTERVAL"),
        ("DTSTART:20270101T030000Z RRULE:FREQ=SECONDLY;INTERVAL=1", "every second"),
        ("DTSTART:20270101T030000Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1SU", "without numbers"),
        ("DTSTART:20270101T030000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1000", "from 1 to 999"),
        ("DTSTART:20270101T030000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=2;UNTIL=20270201T000000Z", "exclude"),
        ("DTSTART:20270101T030000Z RRULE:FREQ=DAILY;INTERVAL=1 RDATE:20270101T030000Z", "knows no RDATE"),
    ],
)
def test_a_rule_that_awx_refuses(rule, says):
    (problem,) = rrule_problems(rule)
    assert says in problem


def node(name, kind="job_template", **edges):
    related = {f"{edge}_nodes": [{"identifier": one} for one in ones] for edge, ones in edges.items()}
    return {"identifier": name, "unified_job_template": {"name": "JT", "type": kind}, "related": related}


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ("x", "list of nodes"),
        ([{"unified_job_template": {}}], "needs an identifier"),
        ([{"identifier": "a"}], "needs unified_job_template"),
        ([node("a", kind=None)], "needs unified_job_template"),
        ([{**node("a"), "related": {"success_nodes": ["b"]}}], "entries like"),
        ([node("a", success=["b"])], "which is no node"),
        ([node("a"), node("a")], "Two nodes"),
        ([node("a", success=["b"]), node("b", failure=["c"]), node("c", always=["a"])], "a, b, c lead in a circle"),
    ],
)
def test_nodes_that_cannot_be(nodes, says):
    (problem,) = node_problems(nodes)
    assert says in problem


def test_nodes_that_can():
    assert node_problems([node("a", success=["b", "c"]), node("b", always=["c"]), node("c", "workflow_approval")]) == []


@pytest.mark.parametrize(
    ("option", "item", "says"),
    [
        ("labels", {"organization": "o"}, "has no name"),
        ("labels", "corral", "has no name"),
        ("labels", {"name": "l", "state": "gone"}, "state is 'gone'"),
        ("hosts", {"name": "h"}, "inventory is missing"),
        ("templates", {"name": "t", "playbook": "a.yml", "labels": "corral"}, "list of names"),
        ("templates", {"name": "t"}, "playbook is missing"),
        ("templates", {"name": "t", "playbook": "a.yml", "job_tags": ["a", "b"]}, "has to be text"),
        ("templates", {"name": "t", "playbook": "a.yml", "survey_enabled": True}, "no survey_spec"),
        ("templates", {"name": "t", "playbook": "playbooks/deploy.yml", "job_slice_count": 2}, "cannot be sliced"),
        ("templates", {"name": "t", "playbook": "corral.ollama.lock", "ask_job_slice_count_on_launch": True}, "lock"),
        ("templates", {"name": "t", "playbook": "a.yml", "survey_spec": {}}, "name and description"),
        ("schedules", {"name": "s", "rrule": "0 3 * * *"}, "The schedule s: It has no RRULE"),
        ("workflows", {"name": "w", "workflow_nodes": [node("a", success=["b"])]}, "The workflow w: The node a"),
        ("credential_types", {"name": "c", "kind": "ssh"}, "cloud and net"),
        ("credential_types", {"name": "c", "kind": "net", "injectors": {"env": {"ANSIBLE_X": "1"}}}, "ANSIBLE_X"),
    ],
)
def test_an_object_that_cannot_be_meant(option, item, says):
    (problem,) = wish_problems({option: [item]})
    assert says in problem


def test_what_is_not_shared_between_hosts_may_be_sliced():
    assert wish_problems({"templates": [{"name": "t", "playbook": "playbooks/scrub.yml", "job_slice_count": 4}]}) == []


def test_names_count_within_an_inventory():
    hosts = [{"name": "h", "inventory": "a"}, {"name": "h", "inventory": "b"}]
    assert wish_problems({"hosts": hosts}) == []
    assert wish_problems({"hosts": hosts[:1] * 2}) == ["Two entries of hosts are called h."]
