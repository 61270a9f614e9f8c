# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What log_check refuses, and the words with which it does."""

from __future__ import annotations

import docker
import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.glue import log_check as glue
from ansible_collections.corral.ollama.plugins.modules import log_check
from ansible_collections.corral.ollama.tests.unit.logged import STDOUT, Engine, checking, entry, gin, logging
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer

PATTERN = {"container": "c", "patterns": ["(a+)+b"]}


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"since": "noon"}, "bad_input", "since is 'noon', which is no time, or one without a zone. Give a number of"),
        ({"samples": 21}, "bad_input", "samples is 21, not 0 to 20. Use 0 for none."),
        ({"thresholds": {"404": 1}}, "bad_input", "thresholds names '404', which is no class. Use http_404, "),
        ({"consumers": [PATTERN]}, "bad_input", "The pattern '(a+)+b' of c could take hours on a line made for it: "),
        ({"consumers": [{"container": "c", "patterns": []}]}, "bad_input", "The consumer c has no patterns."),
        ({"instances": False}, "bad_input", "There is no log to look at. Set instances: true, or name containers or"),
        ({"project": "g"}, "no_instances", "The project g has no instance on this host, so there is no log that could"),
        ({"containers": ["c", "d"]}, "container_missing", "There is no container 'd' on this host. Correct its name"),
        ({"containers": [" "]}, "container_missing", "There is no container ' ' on this host."),
        (
            {"consumers": [{"container": "d", "patterns": ["x"]}]},
            "container_missing",
            "There is no container 'd' on this host. Correct its name (docker ps -a lists all), or leave it out.",
        ),
    ],
)
def test_bad_input(options, kind, message):
    with checking(Engine(logging("c"), logging("s", project="f", service="ollama-server-1"))) as module:
        outcome = module(**{"project": "f", **options})
    assert (outcome.failed, outcome.kind) == (True, kind)
    assert outcome.msg.startswith(message)


def test_a_driver_that_cannot_be_read_is_named():
    refused = Answer(501, b'{"message":"configured logging driver does not support reading"}')
    engine = Engine(logging("c", driver="syslog"), logging("d"), logs={"c": refused, "d": [entry(gin(404), STDOUT)]})
    with checking(engine) as module:
        outcome = module(instances=False, containers=["c", "d"])
        reported = module(instances=False, containers=["c", "d"], on_failure="report")
    assert [problem["kind"] for problem in outcome["error"]["problems"]] == ["log_unreadable", "log_threshold"]
    text = (
        "The log of c (log driver syslog) cannot be read: configured logging driver does not support reading. Give the"
    )
    assert reported["problems"][0].startswith(text)
    rows = reported["containers"]
    assert [(row["log_driver"], row["ok"], bool(row["problem"])) for row in rows] == [
        ("syslog", False, True),
        ("json-file", False, False),
    ]


def test_without_an_engine(monkeypatch):
    def refuse(timeout):
        raise CorralError("This host has no Docker engine.", kind="engine_missing", remedy="Install one.")

    monkeypatch.setattr(glue, "connect", refuse)
    outcome = run_module(log_check, {})
    assert (outcome.kind, outcome.msg) == ("engine_missing", "This host has no Docker engine. Install one.")


def test_an_engine_that_fails(monkeypatch):
    def fail(*_options, **_more):
        raise docker.errors.APIError("boom")

    engine = Engine(logging("c"))
    with checking(engine) as module:
        monkeypatch.setattr(engine.fake, "containers", fail)
        monkeypatch.setattr(docker.APIClient, "containers", fail)
        assert module().kind == "engine_error"


def test_an_answer_that_breaks_off_is_no_report():
    """An engine that fails is not the log's fault: what was counted so far would be taken for all."""
    engine = Engine(logging("c"), logs={"c": Answer(lines=(entry(gin(200)),), cut=True)})
    with checking(engine) as module:
        outcome = module(instances=False, containers=["c"], on_failure="report")
    assert (outcome.failed, outcome.kind) == (True, "log_broken")
