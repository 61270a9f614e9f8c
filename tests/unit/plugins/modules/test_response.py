# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``response``: twelve steps, many at once, and what outlives whoever asked."""

from __future__ import annotations

import json
import stat
import threading
import time

import pytest
from ansible_collections.corral.ollama.plugins.modules import response
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module

DOWN = {"alert": "CorralInstanceDown", "server": "s-1"}


@pytest.fixture
def ask(tmp_path):
    """The options for a host with two instances."""

    def asked(*alerts, **more):
        path = tmp_path / "state" / "ollama" / "responses.json"
        return {
            "path": str(path),
            "alerts": list(alerts),
            "instances": ["s-1", "s-2"],
            "dry_run": False,
            "owner": "ann",
            **more,
        }

    asked.path = tmp_path / "state" / "ollama" / "responses.json"
    return asked


def rows(ask):
    return json.loads(ask.path.read_text())["responses"]


def test_begin_and_end(ask):
    check, real, again = four_runs(response, ask(DOWN, {"alert": "CorralDrift"}))[:3]
    assert (check["action"], check["subject"], check["token"]) == ("restart", "s-1", "")
    assert (real["action"], real["subject"], real["alerts"]) == ("restart", "s-1", ["CorralInstanceDown"])
    assert real["sentences"] == check["sentences"]
    assert again["action"] == ""
    assert "restart of s-1 is at work since" in again["refused"][1]["why"]
    assert [one["id"] for one in again["last_hour"]] == [real["token"]]

    end = ask(state="ended", token=real["token"], outcome="failed", why="it\nburnt")
    four_runs(response, end)
    assert [(one["outcome"], one["why"], one["owner"]) for one in rows(ask)] == [("failed", "it burnt", "ann")]
    later = run_module(response, ask(DOWN))
    assert "(failed), and the cooldown is 1800 s" in later["refused"][0]["why"]


def test_a_dry_run_leaves_no_trace(ask):
    for _unused in range(2):
        outcome = run_module(response, ask(DOWN, dry_run=True))
        assert (outcome.changed, outcome["action"], outcome["token"]) == (False, "restart", "")
        assert outcome["sentences"] == ["would restart s-1, because of CorralInstanceDown"]
    assert not ask.path.parent.exists()


def test_nothing_to_do_leaves_no_trace(ask):
    outcome = run_module(response, ask({"alert": "CorralDrift"}))
    assert (outcome.changed, outcome["action"], outcome["refused"][0]["alert"]) == (False, "", "CorralDrift")
    assert not ask.path.parent.exists()


def test_the_default_is_dry(ask):
    options = ask(DOWN)
    del options["dry_run"]
    assert run_module(response, options)["dry_run"]


def test_of_a_storm_one_begins(ask):
    start, outcomes = threading.Barrier(8), []

    def storm():
        start.wait()
        outcomes.append(response.prepare_response({**DEFAULTS, **ask(DOWN)}))

    # What each of them decided before any of them wrote.
    threads = [threading.Thread(target=storm) for _unused in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    applied = [work.apply() for work in outcomes]
    assert len([one for one in applied if one["token"]]) == 1
    assert [one["changed"] for one in applied if not one["token"]] == [False] * 7
    assert len(rows(ask)) == 1


DEFAULTS = {name: option.get("default") for name, option in response.SPEC.items()}


def test_the_cap_holds_for_all_that_is_asked(ask):
    options = {"cooldown": 0, "max_per_hour": 2}
    tokens = []
    for _unused in range(4):
        outcome = run_module(response, ask(DOWN, **options))
        tokens.append(outcome["token"])
        if outcome["token"]:
            run_module(response, ask(state="ended", token=outcome["token"]))
    assert [bool(token) for token in tokens] == [True, True, False, False]
    assert outcome["refused"][0]["why"] == "2 within the last hour, and the cap is 2"


def test_one_that_was_killed_is_given_up(ask):
    first = run_module(response, ask(DOWN, ttl=10))["token"]
    record = json.loads(ask.path.read_text())
    record["responses"][0].update(at=time.time() - 2000, until=time.time() - 1990)
    ask.path.write_text(json.dumps(record))
    assert run_module(response, ask(DOWN))["action"] == "restart"
    assert (rows(ask)[0]["id"], rows(ask)[0]["outcome"]) == (first, "interrupted")


def test_it_is_for_root_alone(ask):
    run_module(response, ask(DOWN))
    assert stat.S_IMODE(ask.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ask.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["", "{}", "x" * (4 * 1024 * 1024 + 1)])
def test_a_record_that_cannot_be_read_is_no_empty_one(ask, content):
    ask.path.parent.mkdir(parents=True)
    ask.path.write_text(content)
    outcome = run_module(response, ask(DOWN))
    assert (outcome.kind, outcome.failed) == ("bad_response", True)
    assert "nobody knows what was done" in outcome.msg
    assert ask.path.read_text() == content


def test_a_link_is_not_followed(ask, tmp_path):
    ask.path.parent.mkdir(parents=True)
    ask.path.symlink_to(tmp_path / "elsewhere")
    assert run_module(response, ask(DOWN)).failed
    assert not (tmp_path / "elsewhere").exists()


def test_an_end_without_a_beginning(ask):
    outcome = run_module(response, ask(state="ended", token="nobody"))
    assert outcome.kind == "response_unknown"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "relative"}, "not an absolute path"),
        ({"ttl": 9}, "ttl is 9 s"),
        ({"owner": "a\nb"}, "owner is longer"),
        ({"job": "x" * 201}, "job is longer"),
        ({"state": "ended"}, "token is empty"),
        ({"actions": {"CorralDrift": "reboot"}}, "'reboot'"),
        ({"alerts": [{"alert": "{{ x }}"}]}, "no alert's name"),
        ({"max_per_hour": -1}, "less than 0"),
    ],
)
def test_what_cannot_be_meant(ask, options, said):
    outcome = run_module(response, {**ask(DOWN), **options})
    assert (outcome.failed, outcome.kind) == (True, "bad_input")
    assert said in outcome.msg
