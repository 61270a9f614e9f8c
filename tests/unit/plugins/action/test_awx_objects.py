# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action awx_objects against the stand-in AWX: what it asks for, what it says, and what it hands to awx.awx."""

from __future__ import annotations

import copy
import json
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.action import awx_objects as plugin
from ansible_collections.corral.ollama.tests.unit.fake_awx import PASSWORD, TOKEN, USER, FakeAwx

KEY = "planted-ssh-key"
RULE = "DTSTART:20270101T030000Z RRULE:FREQ=DAILY;INTERVAL=1"
NODES = [
    {
        "identifier": "first",
        "unified_job_template": {"name": "t", "type": "job_template"},
        "related": {"success_nodes": [{"identifier": "wait"}]},
    },
    {"identifier": "wait", "unified_job_template": {"name": "Go on?", "type": "workflow_approval", "timeout": 9}},
]
OBJECTS = {
    "organizations": [{"name": "o", "galaxy_credentials": ["Ansible Galaxy"]}],
    "credentials": [{"name": "c", "credential_type": "Machine", "inputs": {"username": "u", "ssh_key_data": KEY}}],
    "projects": [{"name": "p", "organization": "o", "scm_url": "u", "wait": True}],
    "inventories": [{"name": "i", "organization": "o", "variables": {"a": 1}}],
    "templates": [
        dict(name="t", project="p", inventory="i", playbook="a.yml", extra_vars={"b": 1}, credentials=["c"]),
    ],
    "workflows": [{"name": "w", "organization": "o", "workflow_nodes": NODES}],
    "schedules": [{"name": "s", "unified_job_template": "t", "rrule": RULE}],
}


@pytest.fixture
def awx():
    with FakeAwx(["a.yml"]) as server:
        store = server.store
        store.change("POST", ["organizations"], {"name": "o"})
        number = {one["name"]: one["id"] for kind in store.objects.values() for one in kind.values()}
        galaxy, machine = number["Ansible Galaxy"], number["Machine"]
        org = number["o"]
        store.change("POST", ["organizations", str(org), "galaxy_credentials"], {"id": galaxy})

        def make(endpoint, **fields):
            return store.change("POST", [endpoint], fields)[1]["id"]

        inputs = OBJECTS["credentials"][0]["inputs"]
        credential = make("credentials", name="c", credential_type=machine, inputs=inputs)
        project = make("projects", name="p", organization=org, scm_url="u")
        inventory = make("inventories", name="i", organization=org, variables="a: 1\n")
        template = make(
            "job_templates", name="t", project=project, inventory=inventory, playbook="a.yml", extra_vars='{"b": 1}'
        )
        store.change("POST", ["job_templates", str(template), "credentials"], {"id": credential})
        flow = make("workflow_job_templates", name="w", organization=org)
        nodes = "workflow_job_template_nodes"
        first = make(nodes, identifier="first", workflow_job_template=flow, unified_job_template=template)
        wait = make(nodes, identifier="wait", workflow_job_template=flow)
        store.change("POST", [nodes, str(wait), "create_approval_template"], {"name": "Go on?", "timeout": 9})
        store.change("POST", [nodes, str(first), "success_nodes"], {"id": wait})
        make("schedules", name="s", unified_job_template=template, rrule=RULE)
        yield server


@pytest.fixture
def run(awx, monkeypatch):
    """Run the action; returns its result. ``run.called``: what it called of awx.awx; ``run.said``: what it printed."""
    monkeypatch.setattr(plugin.importlib.util, "find_spec", lambda name: name)

    def run_action(objects=None, check=False, login=None, answer=None, **options):
        connection = {"hostname": awx.url, "token": TOKEN} if login is None else login
        args = {"controller": connection, "objects": OBJECTS if objects is None else objects, **options}
        task = mock.MagicMock(args=args, no_log=False, check_mode=check, async_val=0, diff=False)
        action = plugin.ActionModule(
            task=task,
            connection=mock.MagicMock(),
            play_context=mock.MagicMock(check_mode=check),
            loader=mock.MagicMock(),
            templar=mock.MagicMock(),
            shared_loader_obj=mock.MagicMock(),
        )
        run_action.called, run_action.said = [], []

        def execute(module_name, module_args, task_vars):
            assert task.no_log is True
            run_action.called.append((module_name, module_args))
            return answer or {"changed": True}

        action._execute_module = execute
        monkeypatch.setattr(plugin.display, "display", lambda text, *_more, **_options: run_action.said.append(text))
        result = action.run(task_vars={})
        assert task.no_log is False
        return result

    return run_action


def but(option, **fields):
    objects = copy.deepcopy(OBJECTS)
    objects[option][0].update(fields)
    return objects


def test_what_is_as_declared_is_left_alone(run, awx):
    result = run()
    assert (result["changed"], result["steps"], run.called) == (False, [], [])
    assert awx.changes == []


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("organizations", "galaxy_credentials", []),
        ("credentials", "inputs", {"username": "other", "ssh_key_data": KEY}),
        ("projects", "scm_url", "v"),
        ("inventories", "variables", {"a": 2}),
        ("templates", "extra_vars", {}),
        ("templates", "credentials", []),
        ("templates", "verbosity", 1),
        ("templates", "survey_spec", {"name": "", "description": "", "spec": [
            {"question_name": "?", "variable": "a", "type": "text", "required": False}]}),
        ("workflows", "workflow_nodes", NODES[1:]),
        ("schedules", "enabled", False),
    ],
)  # fmt: skip
def test_a_field_that_differs_is_predicted_and_done(run, awx, option, field, value):
    predicted = run(but(option, **{field: value}), check=True)
    assert run.called == []
    result = run(but(option, **{field: value}))
    assert result == predicted
    assert result["changed"] is True
    assert [(step["action"], step["detail"]) for step in result["steps"]] == [("update", field)]
    ((_module, arguments),) = run.called
    assert arguments[field] == value
    assert arguments["controller_oauthtoken"] == TOKEN
    assert arguments.get("destroy_current_nodes", False) is (field == "workflow_nodes")
    assert run.said == [f"AWX: update {result['steps'][0]['target']}: {field}"]
    assert KEY not in json.dumps(result)


def test_what_is_missing_is_made_and_what_is_absent_removed_in_the_order_of_need(run):
    objects = {
        **{option: [{**item, "state": "absent"} for item in items] for option, items in OBJECTS.items()},
        "labels": [{"name": "l", "organization": "x"}],
    }
    objects["organizations"].append({"name": "x"})
    result = run(objects, check=True)
    assert [f"{step['action']} {step['target']}" for step in result["steps"]] == [
        "create organization x",
        "create label l",
        "remove schedule s",
        "remove workflow w",
        "remove job template t",
        "remove inventory i",
        "remove project p",
        "remove credential c",
        "remove organization o",
    ]


def test_secrets_are_written_when_asked_and_never_shown(run):
    result = run(update_secrets=True)
    assert result["steps"] == [{"action": "update", "target": "credential c", "detail": "inputs"}]
    assert KEY in json.dumps(run.called)
    assert KEY not in json.dumps(result) + "".join(run.said)


def test_plan_only_and_check_only_change_nothing(run, awx):
    result = run(but("projects", scm_url="v"), plan_only=True)
    assert (result["changed"], len(result["steps"]), run.called) == (False, 1, [])
    del awx.calls[:]
    assert run(but("projects", scm_url="v"), check_only=True)["steps"] == []
    assert awx.calls == []


def test_a_refusal_says_what_awx_said_and_how_far_it_came(run):
    answer = {"failed": True, "msg": "Unable to update, see response", "response": {"json": {"limit": ["Not text."]}}}
    result = run(but("projects", scm_url="v"), answer=answer)
    assert result["failed"] is True
    assert result["error"]["kind"] == "awx_refused"
    for part in (
        "The project p",
        "see response {'limit': ['Not text.']}",
        "0 of 1 steps are done",
        "run the playbook again",
    ):
        assert part in result["msg"]


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        (but("projects", organization="gone"), "The project p names gone in organizations"),
        (but("templates", labels=["gone"]), "The job template t names gone in labels"),
        (but("schedules", unified_job_template="gone"), "names gone in unified_job_templates"),
        (but("templates", ask_limit=True), "AWX has no field ask_limit there"),
        (but("schedules", rrule="0 3 * * *"), "It has no RRULE"),
    ],
)
def test_what_leads_nowhere_stops_everything(run, objects, says):
    result = run(objects)
    assert (result["failed"], run.called) == (True, [])
    assert says in result["msg"]


def test_a_name_that_two_organizations_have(run, awx):
    awx.store.change("POST", ["organizations"], {"name": "x"})
    other = awx.store.named("organizations", "x")["id"]
    awx.store.change("POST", ["projects"], {"name": "p", "organization": other})
    result = run()
    assert result["error"]["kind"] == "awx_ambiguous_name"
    assert "more than one object p in projects" in result["msg"]


def test_it_reads_page_by_page_and_with_a_password(run, awx):
    awx.page = 1
    assert run(login={"hostname": awx.url, "username": USER, "password": PASSWORD})["steps"] == []


@pytest.mark.parametrize(
    ("login", "kind", "says"),
    [
        ({"token": "wrong"}, "controller_error", "does not accept the credentials"),
        ({"hostname": ""}, "awx_no_address", "No controller is named"),
        ({"hostname": "http://127.0.0.1:9"}, "controller_gone", "cannot be reached"),
        ({"hostname": "file:///etc"}, "controller_error", "is no address"),
    ],
)
def test_a_controller_that_is_not_to_be_had(run, awx, login, kind, says):
    result = run(login={"hostname": awx.url, "token": TOKEN, **login})
    assert (result["failed"], result["error"]["kind"]) == (True, kind)
    assert says in result["msg"]
    assert "wrong" not in result["msg"]


def test_what_is_no_awx(run, awx, monkeypatch):
    monkeypatch.setattr(awx, "answer", lambda *_request: (200, ["hello"]))
    assert "not AWX's JSON" in run()["msg"]


def test_without_awx_awx_it_says_where_that_comes_from(run, monkeypatch):
    monkeypatch.setattr(plugin.importlib.util, "find_spec", lambda name: None)
    result = run(check_only=True)
    assert result["error"]["kind"] == "awx_collection_missing"
    assert "ansible 12" in result["msg"]
