# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``project_file``: twelve steps, the way back, and that nothing of the file's values gets out."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.project_file import image_of
from ansible_collections.corral.ollama.plugins.module_utils.core.project_yaml import parse_project
from ansible_collections.corral.ollama.plugins.module_utils.glue import project_file as glue
from ansible_collections.corral.ollama.plugins.modules import project_file, rollout
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.rolled import PROJECT, SECRET, TOKEN, WANTED, Host

OLD_ID, NEW_ID = "a" * 64, "b" * 64


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def images(monkeypatch):
    """The images of the host: what each reference means now."""
    known = {"a:1": {"Id": f"sha256:{OLD_ID}"}, f"sha256:{OLD_ID}": {"Id": f"sha256:{OLD_ID}"}}
    monkeypatch.setattr(glue, "connect", lambda: FakeEngine(images=known))
    return known


def given(host, *services, **more):
    rollout_path = str(host.path) if host.path.exists() else None
    return {
        "path": str(host.project),
        "definition": WANTED,
        "services": list(services),
        "rollout_path": rollout_path,
        "token": TOKEN,
        **more,
    }


def silent(outcome):
    """Nothing of the values in the file is in what others see."""
    assert SECRET not in json.dumps(outcome.result)
    return outcome


def test_create_change_delete(host):
    host.project.unlink()
    check, real = four_runs(project_file, given(host, "s-1", "s-2", "s-3"))[:2]
    assert silent(check)["taken"] == silent(real)["taken"] == ["s-1", "s-2", "s-3"]
    assert host.project.read_text() == WANTED
    assert stat.S_IMODE(host.project.stat().st_mode) == 0o600

    other = WANTED.replace('LEVEL: "2"', 'LEVEL: "3"')
    real = silent(four_runs(project_file, given(host, "s-2", definition=other))[1])
    assert (real["taken"], real["differ"], real["services"]) == (["s-2"], ["s-1", "s-3"], ["s-1", "s-2", "s-3"])
    assert real["diff"] == {"before": {"differ": ["s-1", "s-2", "s-3"]}, "after": {"differ": ["s-1", "s-3"]}}

    fewer = other[: other.index("  s-3:")]
    real = silent(four_runs(project_file, given(host, "s-3", definition=fewer))[1])
    assert (real["dropped"], real["services"]) == (["s-3"], ["s-1", "s-2"])
    silent(four_runs(project_file, given(host, "s-1", definition=fewer))[1])
    assert host.project.read_text() == fewer


def test_check_mode_writes_nothing(host):
    host.begun("s-1")
    before = host.project.read_bytes(), (host.path / "rollout.json").read_bytes()
    assert run_module(project_file, given(host, "s-1", token=""), check=True).changed
    assert (host.project.read_bytes(), (host.path / "rollout.json").read_bytes()) == before


def test_the_record_says_it_before_the_file_does(host, monkeypatch):
    host.begun("s-1", "s-2")
    states = []
    monkeypatch.setattr(glue, "write_beside", lambda *_args: states.append(host.states()))
    assert not run_module(project_file, given(host, "s-1")).failed
    assert states == [{"s-1": "changing", "s-2": "planned"}]
    assert host.file.read().member("s-1").source == "desired"


def test_a_second_run_says_again_what_is_going_on(host):
    host.begun("s-1")
    assert silent(run_module(project_file, given(host, "s-1"))).changed
    host.mark("drained", "s-1")
    again = four_runs(project_file, given(host, "s-1"))[1]
    assert again["steps"] == [{"action": "mark", "target": "s-1", "detail": "changing"}]
    assert host.states() == {"s-1": "changing"}


def test_services_that_are_no_instances_are_taken_too(host):
    host.begun("s-1")
    more = WANTED + "  gateway: {image: g}\n"
    assert run_module(project_file, given(host, "gateway", definition=more))["taken"] == ["gateway"]
    assert host.states() == {"s-1": "planned"}


def test_there_and_back(host, images):
    host.begun("s-1", "s-2")
    run_module(project_file, given(host, "s-1", "s-2"))
    assert host.project.read_text() != PROJECT
    back = silent(four_runs(project_file, given(host, "s-1", "s-2", source="before", definition=""))[1])
    assert (back["taken"], back["pinned"], back["differ"]) == (["s-1", "s-2"], [], [])
    assert host.project.read_text() == PROJECT
    assert host.file.read().member("s-1").source == "before"


def test_an_image_whose_tag_has_moved_is_pinned_to_what_ran(host, images):
    host.begun("s-1", "s-2")
    run_module(project_file, given(host, "s-1", "s-2"))
    images["a:1"] = {"Id": f"sha256:{NEW_ID}"}
    back = silent(four_runs(project_file, given(host, "s-1", source="before", definition=""))[1])
    assert (back["taken"], back["pinned"]) == (["s-1"], ["s-1"])
    found = parse_project(host.project.read_text(), "it")
    assert image_of(found, "s-1") == f"sha256:{OLD_ID}"
    assert image_of(found, "s-2") == "a:1"


def test_an_image_that_is_gone_is_said_before_anything_is_written(host, images):
    host.begun("s-1")
    run_module(project_file, given(host, "s-1"))
    images.clear()
    before = host.project.read_bytes()
    outcome = run_module(project_file, given(host, "s-1", source="before", definition=""))
    assert outcome.kind == "image_gone"
    assert f"s-1 (sha256:{OLD_ID})" in outcome.msg
    assert host.project.read_bytes() == before


def test_what_the_rollout_made_new_is_dropped_on_the_way_back(host, images):
    more = WANTED + "  s-4: {image: a:1}\n"
    host.begun("s-1", "s-4")
    run_module(project_file, given(host, "s-1", "s-4", definition=more))
    back = run_module(project_file, given(host, "s-4", source="before", definition=""))
    assert (back["dropped"], back["services"]) == (["s-4"], ["s-1", "s-2", "s-3"])


@pytest.mark.parametrize("source", ["desired", "before"])
def test_who_has_no_lease_writes_nothing(host, images, source):
    host.begun("s-1")
    before = host.project.read_bytes()
    for token in ("", "other"):
        outcome = run_module(project_file, given(host, "s-1", token=token, source=source))
        assert outcome.kind == "lease_lost"
        assert "The lease of the rollout" in outcome.msg
    host.expire()
    assert not run_module(rollout, host.begin("s-1", token="other")).failed
    assert run_module(project_file, given(host, "s-1", source=source)).kind == "lease_lost"
    assert host.project.read_bytes() == before


def test_there_is_no_older_one(host, tmp_path):
    assert run_module(project_file, given(host, "s-1", source="before")).kind == "no_before"
    host.begun("s-1", project_path=str(tmp_path / "none"))
    assert run_module(project_file, given(host, "s-1", source="before")).kind == "no_before"


def test_one_that_others_can_read_is_closed_to_them(host):
    host.project.write_text(WANTED)
    os.chmod(host.project, 0o644)
    assert four_runs(project_file, given(host, "s-1"))[1]["steps"][0]["detail"] == "for root alone"
    assert stat.S_IMODE(host.project.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("there", "kind"),
    [
        (f"services: [{SECRET}".encode(), "bad_project_file"),
        (f"name: other\nservices: {{s-1: {{image: {SECRET}}}}}".encode(), "another_project"),
        (SECRET.encode() + b"\xff", "bad_project_file"),
        (SECRET.encode() * 100_000, "bad_project_file"),
        (b"", "bad_project_file"),
    ],
)
def test_a_foreign_file_is_left_as_it_is(host, there, kind):
    host.project.write_bytes(there)
    outcome = run_module(project_file, given(host, "s-1"))
    assert outcome.kind == kind
    assert SECRET not in json.dumps(outcome.result["error"]) + outcome.msg
    assert host.project.read_bytes() == there


def test_a_link_is_not_followed(host, tmp_path):
    host.project.rename(tmp_path / "elsewhere")
    host.project.symlink_to(tmp_path / "elsewhere")
    assert run_module(project_file, given(host, "s-1")).kind == "not_a_file"


@pytest.mark.parametrize(
    "more",
    [{"definition": ""}, {"definition": "services: ["}, {"services": ["s-1\n"]}, {"services": ["../s"]}],
)
def test_bad_input(host, more):
    assert run_module(project_file, given(host, "s-1", **more)).kind in ("bad_input", "bad_project_file")
