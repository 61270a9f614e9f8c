# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``rollout`` where it refuses: too many out, what is not done, a lease of another, files that are none."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import parse_rollout
from ansible_collections.corral.ollama.plugins.modules import rollout
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.rolled import SECRET, Host, change, instance, order


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_no_further_one_goes_when_too_many_are_out(host):
    down = [instance("s-1"), instance("s-2"), instance("s-3", "exited")]
    for check in (True, False):
        outcome = run_module(rollout, host.begin("s-1", "s-2", instances=down), check=check)
        assert outcome.kind == "too_many_out"
    assert not host.path.exists()
    assert order(host.begun("s-1", "s-3", instances=down)) == "s-3 s-1"


def test_a_share_is_of_all_instances(host):
    many = [instance(f"s-{number}") for number in range(1, 9)]
    outcome = host.begun("s-1", "s-2", "s-3", "s-4", instances=many, max_unavailable="25%", canary=0)
    assert (order(outcome), outcome["rollout"]["max_unavailable"]) == ("s-1,s-2 s-3,s-4", 2)


def test_not_done_is_not_done(host):
    host.begun("s-1")
    host.mark("drained", "s-1")
    outcome = run_module(rollout, host.end())
    assert outcome.kind == "rollout_unfinished"
    assert "s-1 was drained and not changed yet" in outcome.msg
    assert run_module(rollout, host.end(verdict="paused", why="lunch")).changed
    assert host.file.read().unfinished


def test_who_lost_the_lease_closes_nothing(host):
    host.begun("s-1")
    host.expire()
    host.begun("s-1", token="other", owner="bob")
    outcome = run_module(rollout, host.end(verdict="failed"))
    assert (outcome.failed, outcome.changed) == (False, False)
    assert "left open" in outcome["warnings"][0]
    assert host.file.read().ended_at == ""
    assert host.file.lease.read().owner == "bob"


def test_without_a_token_a_new_one_is_made(host):
    first = host.begun("s-1", token="")
    assert len(first["token"]) == 32
    assert run_module(rollout, host.begin("s-1", token="")).kind == "lease_held"


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 1}', b"\xff", b"[" * 100_000])
def test_a_record_that_is_none_is_not_guessed_at(host, content):
    host.begun("s-1")
    (host.path / "rollout.json").write_bytes(content)
    for given in (host.begin("s-1"), host.end()):
        outcome = run_module(rollout, given)
        assert outcome.kind == "bad_rollout"
        assert str(host.path / "rollout.json") in outcome.msg


@pytest.mark.parametrize("name", ["rollout.json", ".corral", ".corral/tmp"])
def test_links_are_not_followed(host, tmp_path, name):
    host.begun("s-1")
    (host.path / name).rename(tmp_path / "elsewhere")
    (host.path / name).symlink_to(tmp_path / "elsewhere")
    assert run_module(rollout, host.begin("s-1", "s-2")).kind in ("not_a_file", "not_a_directory")


def test_a_log_that_is_no_file_is_not_written_to(host):
    host.begun("s-1")
    host.audit.unlink()
    os.mkfifo(host.audit)
    assert run_module(rollout, host.end(verdict="failed")).failed
    assert parse_rollout((host.path / "rollout.json").read_bytes()) is not None


def test_a_project_file_that_is_none_ends_it_before_anything_is_drained(host):
    host.project.write_text(f"services: [{SECRET}")
    outcome = run_module(rollout, host.begin("s-1"))
    assert outcome.kind == "bad_project_file"
    assert SECRET not in json.dumps(outcome.result["error"]) + outcome.msg
    assert not host.path.exists()


BAD = [
    {"max_unavailable": "0"},
    {"max_unavailable": "many"},
    {"max_failure_ratio": 1.5},
    {"max_failure_ratio": -0.5},
    {"batch": -1},
    {"canary": -1},
    {"ttl": 5},
    {"wait": -1},
    {"owner": ""},
    {"job": "a\nb"},
    {"path": "rel"},
    {"audit_path": "rel"},
    {"changes": [change("s-1; disable server x")]},
    {"changes": [change("s-1"), change("s-1")]},
    {"instances": [{"name": "s-1", "state": "running", "image_digest": "latest"}]},
]


@pytest.mark.parametrize("more", BAD, ids=str)
def test_bad_input(host, more):
    outcome = run_module(rollout, {**host.begin("s-1"), **more})
    assert outcome.failed
    assert outcome.kind in ("bad_input", "bad_digest")
