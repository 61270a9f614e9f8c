# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_prune: what is of nobody's use goes, and nothing else."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import image_history as glue
from ansible_collections.corral.ollama.plugins.modules import image_prune
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.image_engine import (
    ImageEngine,
    instance,
    number,
    refusal,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module

NAMES = {of: f"ollama/ollama:0.32.1{of}" for of in "12345"}


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Five images, the newest is the fifth, and the instances run it; remembered in that order."""

    class Host:
        path = tmp_path / "images.json"
        record = tmp_path / "rollout" / "rollout.json"
        engine = ImageEngine(*(instance(index, "5", NAMES["5"]) for index in (1, 2)))

    Host.record.parent.mkdir()
    for of, name in NAMES.items():
        Host.engine.add(of, name)
    rows = [{"id": number(of), "references": [NAMES[of]], "version": "", "at": float(of)} for of in "54321"]
    Host.path.write_text(json.dumps({"schema": 1, "images": rows}))
    Host.args = {"path": str(Host.path), "image": NAMES["5"], "rollout_path": str(Host.record)}
    monkeypatch.setattr(glue, "connect", lambda timeout: Host.engine)
    return Host


def removed(outcome):
    return [one["id"][0] for one in outcome["images"] if one["action"] == "remove"]


def left(host):
    return sorted(found["Id"][-1] for found in host.engine.images.values())


def test_all_but_the_last_two_go(host):
    check, real, _again, _check = four_runs(image_prune, host.args)
    assert removed(check) == removed(real) == ["2", "1"]
    assert check["bytes_freed"] == real["bytes_freed"] == 2000
    assert check["steps"] == real["steps"]
    assert real["steps"][0]["detail"] == f"{NAMES['2']}, 1.0 kB"
    assert left(host) == ["3", "4", "5"]
    assert [entry["id"][0] for entry in json.loads(host.path.read_text())["images"]] == ["5", "4", "3"]


def test_check_mode_removes_nothing(host):
    run_module(image_prune, host.args, check=True)
    assert left(host) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(("keep", "goes"), [(0, ["4", "3", "2", "1"]), (1, ["3", "2", "1"]), (4, []), (99, [])])
def test_how_many_stay(host, keep, goes):
    assert removed(run_module(image_prune, {**host.args, "keep": keep})) == goes


def test_what_is_needed_stays_whatever_the_number(host):
    host.engine.all.append({**instance(1, "2", NAMES["2"], state="exited", project="backup"), "Id": "x", "Name": "/b"})
    host.record.write_text(json.dumps({"instances": {"ollama-server-1": {"before": {"image_id": number("1")}}}}))
    outcome = run_module(image_prune, {**host.args, "image": NAMES["3"], "keep": 0})
    reasons = {one["id"][0]: one["reason"] for one in outcome["images"]}
    assert reasons["5"] == "the container ollama-ollama-server-1 and 1 more was made from it"
    assert reasons["3"] == f"{NAMES['3']} is declared"
    assert reasons["2"] == "the container b was made from it"
    assert reasons["1"] == "a rollout may go back to it"
    assert removed(outcome) == ["4"]


def test_a_record_that_cannot_be_read_keeps_all(host):
    host.record.mkdir()
    outcome = run_module(image_prune, host.args)
    assert outcome.kind == "bad_rollout_record"
    assert str(host.record) in outcome.msg
    assert left(host) == ["1", "2", "3", "4", "5"]


def test_an_image_of_nobody_we_remember_is_not_looked_at(host):
    host.engine.add("9", "busybox:1").add("8")
    host.engine.images[f"sha256:{number('1')}"]["RepoTags"].append("mine:1")
    assert removed(run_module(image_prune, host.args)) == ["2"]
    assert left(host) == ["1", "3", "4", "5", "8", "9"]


def test_several_names_that_are_all_ours(host):
    rows = json.loads(host.path.read_text())
    rows["images"][4]["references"].append("mirror.example/ollama:1")
    host.path.write_text(json.dumps(rows))
    host.engine.images[f"sha256:{number('1')}"]["RepoTags"].append("mirror.example/ollama:1")
    host.engine.images[f"sha256:{number('2')}"]["RepoTags"] = []
    assert removed(run_module(image_prune, host.args)) == ["2", "1"]
    assert left(host) == ["3", "4", "5"]


def test_what_the_engine_keeps_is_told(host):
    host.engine.images[f"sha256:{number('2')}"]["refuse"] = refusal("image has dependent child images")
    outcome = run_module(image_prune, host.args)
    assert outcome.changed
    assert removed(outcome) == ["1"]
    assert outcome["images"][3]["reason"] == "the engine keeps it: image has dependent child images"
    assert outcome["bytes_freed"] == 1000
    assert [entry["id"][0] for entry in json.loads(host.path.read_text())["images"]] == ["5", "4", "3", "2"]


def test_one_that_is_taken_into_use_meanwhile_stays(host, monkeypatch):
    looks = []

    def users(api, plain=glue.images.users):
        looks.append(1)
        return {**plain(api), **({number("2"): ["late"]} if len(looks) > 1 else {})}

    monkeypatch.setattr(glue.images, "users", users)
    outcome = run_module(image_prune, host.args)
    assert removed(outcome) == ["1"]
    assert outcome["images"][3]["reason"] == "the container late was made from it"


def test_an_engine_that_fails_is_an_error(host):
    host.engine.images[f"sha256:{number('2')}"]["refuse"] = refusal("disk on fire", 500)
    outcome = run_module(image_prune, host.args)
    assert outcome.kind == "engine_error"
    assert "disk on fire" in outcome.msg


def test_without_a_memory_nothing_goes(host):
    host.path.unlink()
    outcome = run_module(image_prune, host.args)
    assert (outcome.changed, outcome["images"]) == (False, [])
