# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_info on a fake engine: who is asked, who is refused, and that nothing of it stays."""

from __future__ import annotations

import json

import docker
import pytest
import requests
from ansible_collections.corral.ollama.plugins.module_utils.glue import image_info as glue
from ansible_collections.corral.ollama.plugins.modules import image_info
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.image_engine import (
    ImageEngine,
    instance,
    number,
    refusal,
    say,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module

OLD, NEW = "ollama/ollama:0.32.15", "ollama/ollama:0.32.16"


@pytest.fixture
def look(monkeypatch):
    def at(engine, image=NEW, check=False, **more):
        monkeypatch.setattr(glue, "connect", lambda timeout: engine)
        outcome = run_module(image_info, {"image": image, **more}, check=check)
        assert engine.left == {}, "a throw-away container was left behind"
        return outcome

    return at


def engine(*instances, says=None):
    said = {"1": say("0.32.15"), "2": say("0.32.16"), **(says or {})}
    made = ImageEngine(*instances, says=said)
    return made.add("1", OLD).add("2", NEW, digests=[f"ollama/ollama@sha256:{'d' * 64}"])


@pytest.mark.parametrize("check", [False, True])
def test_a_new_image_is_asked_for_its_version(look, check):
    fleet = engine(instance(1), instance(2))
    outcome = look(fleet, check=check)
    assert (outcome.failed, outcome.changed, outcome["differs"]) == (False, False, True)
    found = outcome["image"]
    assert (found["id"], found["version"], found["present"]) == (number("2"), "0.32.16", True)
    assert found["repo_digests"] == [f"ollama/ollama@sha256:{'d' * 64}"]
    assert outcome["running"] == [
        {
            "id": number("1"),
            "references": [OLD],
            "instances": ["ollama-server-1", "ollama-server-2"],
            "version": "0.32.15",
        }
    ]
    assert outcome["warnings"] == outcome["problems"] == []
    assert outcome["sentence"] == (
        f"{NEW} is the image 222222222222 (sha256:{'d' * 64}), Ollama 0.32.16;"
        f" of the instances 2 run {OLD} (111111111111, 0.32.15)"
    )


def test_the_container_that_is_asked_has_nothing(look):
    fleet = engine()
    look(fleet, project="shop")
    (asked,) = fleet.made
    assert (asked["image"], asked["entrypoint"], asked["command"]) == (number("2"), ["ollama"], ["--version"])
    host = asked["host_config"]
    assert (host["network_mode"], host["read_only"], host["cap_drop"]) == ("none", True, ["ALL"])
    assert set(host) == {
        "network_mode", "read_only", "tmpfs", "cap_drop", "security_opt", "pids_limit", "log_config"
    }  # fmt: skip
    assert asked["environment"]["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert (asked["labels"]["corral.project"], asked["name"][:15]) == ("shop", "shop-throwaway-")


def test_an_image_that_runs_already_is_asked_nothing(look):
    fleet = engine(instance(1), instance(2), says={"1": say("0.18.0")})
    outcome = look(fleet, OLD)
    assert (outcome.failed, outcome["differs"], outcome["image"]["version"]) == (False, False, "")
    assert fleet.made == []


def test_half_a_rollout_is_still_a_difference(look):
    fleet = engine(instance(1), instance(2, "2", NEW), instance(3))
    outcome = look(fleet)
    assert outcome["differs"] is True
    assert [(one["id"][0], len(one["instances"])) for one in outcome["running"]] == [("1", 2), ("2", 1)]
    assert "2 run ollama/ollama:0.32.15" in outcome["sentence"]
    assert "1 runs ollama/ollama:0.32.16" in outcome["sentence"]


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (say("0.18.3"), "version_skew", ["0.18.3", "0.32.15 serves on this store", "0.19.0", "lists_other_digests"]),
        (say("0.3.14"), "version_skew", ["wedges_on_bad_manifest", "ignores_noprune", "lists_other_digests", "(3)"]),
        (say("0.0.0"), "unknown_version", ["0.0.0", "corral_image_version"]),
        ("usage: something else", "unknown_version", ["it printed 'usage: something else'"]),
        (refusal("exec: ollama: not found", 400), "unknown_version", ["could not run it: exec: ollama: not found"]),
        (docker.errors.NotFound("gone"), "unknown_version", ["could not run it"]),
        (requests.ReadTimeout("slow"), "unknown_version", ["did not end within 7 s"]),
    ],
)
def test_an_image_that_is_refused(look, said, kind, words):
    fleet = engine(instance(1), says={"2": said})
    outcome = look(fleet, timeout=7)
    assert (outcome.failed, outcome.kind) == (True, kind)
    assert [word for word in [NEW, "Host ", *words] if word not in outcome.msg] == [], outcome.msg
    told = look(fleet, on_refused="report")
    assert not told.failed
    assert told["problems"]


def test_the_release_of_a_build_of_ones_own_can_be_stated(look):
    fleet = engine(instance(1), says={"2": say("0.0.0")})
    assert look(fleet, version="0.32.15")["image"]["version"] == "0.32.15"
    assert look(fleet, version="0.18.0").kind == "version_skew"


def test_what_the_image_says_counts_more_than_what_was_stated_once(look):
    fleet = engine(instance(1), says={"2": say("0.18.3")})
    assert look(fleet, version="0.32.15").kind == "version_skew"


def test_a_downgrade_is_a_warning(look):
    fleet = engine(instance(1), says={"2": say("0.20.7")})
    outcome = look(fleet)
    assert not outcome.failed
    assert "0.20.7, and 0.32.15 runs: a downgrade" in outcome["warnings"][0]
    assert "0.21.0" in outcome["warnings"][0]


def test_a_version_that_is_remembered_is_not_asked_again(look, tmp_path):
    path = tmp_path / "images.json"
    known = (("1", "0.32.15"), ("2", "0.20.7"))
    rows = [{"id": number(of), "references": ["x"], "version": version, "at": 1.0} for of, version in known]
    path.write_text(json.dumps({"schema": 1, "images": rows}))
    fleet = engine(instance(1))
    outcome = look(fleet, memory_path=str(path))
    assert (fleet.made, outcome["image"]["version"]) == ([], "0.20.7")
    assert "downgrade" in outcome["warnings"][0]


def test_a_damaged_memory_is_a_warning(look, tmp_path):
    (tmp_path / "images.json").write_text('{"schema": 1, "images": [{"id": "x"}]}')
    outcome = look(engine(), memory_path=str(tmp_path / "images.json"))
    assert outcome["image"]["version"] == "0.32.16"
    assert "begins anew" in outcome["warnings"][0]


def test_an_image_that_is_not_there_yet(look):
    fleet = engine(instance(1))
    outcome = look(fleet, "ollama/ollama:9.9.9")
    assert (outcome.failed, outcome["differs"], outcome["image"]["present"]) == (False, False, False)
    assert outcome["sentence"].startswith("ollama/ollama:9.9.9 is not on this host; of the instances 1 runs")
    assert look(engine())["sentence"].endswith("no instance runs yet")


def test_what_a_killed_run_left_is_removed_once_it_is_old(look):
    fleet = engine()
    for name, created in (("old", 1), ("young", 9e9)):
        found = instance(1, project="none")
        found.update(Id=name, Name=f"/{name}")
        found["Config"]["Labels"] = {"corral.project": "ollama", "corral.throwaway": "version"}
        fleet.all.append(found)
        fleet.listed = {**getattr(fleet, "listed", {}), name: created}
    plain = fleet._listed
    fleet._listed = lambda found: {**plain(found), "Created": fleet.listed.get(found["Id"], 0)}
    look(fleet)
    assert [one["Id"] for one in fleet.all] == ["young"]
