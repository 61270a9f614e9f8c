# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story: locked, the tag moves upstream, nothing changes but the drift report, the lock is refreshed, it updates."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
import yaml
from corral_practice.front import Front
from lab import STORE, manifests, served, wait_until

MOVING, OTHER = "pinned-fleet:1b", "nomic-embed-text:v1.5"


def in_store(lab, name):
    model, tag = name.split(":")
    raw = lab.sh(f"cat {STORE}/manifests/registry.ollama.ai/library/{model}/{tag}")
    return hashlib.sha256(raw.encode()).hexdigest()


def on_instances(lab, name):
    listed = [lab.api(port, "/api/tags")["models"] for port in (11434, 11435)]
    return [entry["digest"] for models in listed for entry in models if entry["name"] == name]


def lock_of(lab):
    return yaml.safe_load((lab.ephemeral / "corral.lock.yml").read_text())["models"]


def drift(lab):
    rows = json.loads((lab.ephemeral / "artifacts" / "drift.json").read_text())["rows"]
    return {row["model"]: row for row in rows}


@pytest.fixture(scope="module")
def versions():
    registry = Front().registry
    return {name: registry.digest(f"pinned-fleet:{name}") for name in ("first", "second")}


def move(version):
    Front().registry.move_tag(MOVING, f"pinned-fleet:{version}")


def test_drift_works_without_a_lock(lab):
    run = lab.run("drift").ok()
    assert "no lock" in run.output
    assert {name: row["verdict"] for name, row in drift(lab).items()} == {MOVING: "ok", OTHER: "ok"}


def test_one_command_writes_what_the_store_has(lab, versions):
    assert lab.run("lock").ok().changed == ["corral.ollama.lock : apply | Write the lock and show what it changes"]
    lock = lock_of(lab)
    assert {name: entry["digest"] for name, entry in lock.items()} == {
        MOVING: versions["first"],
        OTHER: in_store(lab, OTHER),
    }
    stored = manifests(lab)["registry.ollama.ai/library/pinned-fleet/1b"]
    assert [f"sha256:{layer['digest']}" for layer in lock[MOVING]["layers"]] == [
        layer["digest"] for layer in (stored["config"], *stored["layers"])
    ]
    assert lab.run("lock").ok().changed == []


def test_a_tag_that_moves_changes_nothing(lab, versions):
    move("second")
    since = time.time()
    assert lab.run("site").ok().changed == []
    assert in_store(lab, MOVING) == versions["first"]
    assert on_instances(lab, MOVING) == [versions["first"]] * 2
    assert served(lab, since) == {}


def test_a_pinned_fleet_does_not_move_with_an_update_either(lab, versions):
    since = time.time()
    run = lab.run("update_models").ok()
    assert run.changed == []
    old, new = versions["first"][:12], versions["second"][:12]
    assert f"{MOVING} is held at {old} by its pin; the registry serves {new}" in " ".join(run.output.split())
    assert in_store(lab, MOVING) == versions["first"]
    assert served(lab, since) == {}


def test_drift_says_what_an_update_would_cost_and_pulls_nothing(lab, versions):
    since = time.time()
    run = lab.run("drift").ok()
    row = drift(lab)[MOVING]
    assert (row["verdict"], row["lock"], row["registry"]) == ("outdated", versions["first"], versions["second"])
    assert row["instances"]["agree"] == 2
    assert 100_000 < row["bytes_to_update"] < 400_000
    assert "outdated" in run.output
    assert served(lab, since) == {}


def test_a_refresh_is_shown_and_a_refreshed_lock_is_drift_until_it_is_deployed(lab, versions):
    (lab.ephemeral / "old.lock.yml").write_text((lab.ephemeral / "corral.lock.yml").read_text())
    run = lab.run("lock", lock_refresh=True).ok()
    assert f"~ {MOVING} {versions['first'][:12]} → {versions['second'][:12]}" in run.output
    assert lock_of(lab)[MOVING]["digest"] == versions["second"]
    assert in_store(lab, MOVING) == versions["first"]
    lab.run("drift").failed(MOVING, versions["first"][:12], versions["second"][:12], "site")
    lab.run("verify").failed(MOVING, versions["second"][:12], "is pinned")


def test_site_brings_the_fleet_to_the_lock(lab, versions):
    lab.run("site").ok()
    assert in_store(lab, MOVING) == versions["second"]
    assert on_instances(lab, MOVING) == [versions["second"]] * 2
    lab.run("drift").ok()
    assert {row["verdict"] for row in drift(lab).values()} == {"ok"}


def test_a_lock_that_the_registry_cannot_serve_any_more_names_both_digests(lab, versions):
    before = lab.snapshot()
    lab.run("site", corral_lock_file=str(lab.ephemeral / "old.lock.yml")).failed(MOVING, *versions.values())
    assert lab.snapshot() == before


def test_a_broken_lock_stops_everything(lab):
    path = lab.ephemeral / "corral.lock.yml"
    good = path.read_text()
    path.write_text(good.replace("schema: 1", "schema: 1\n<<<<<<< HEAD"))
    before = lab.snapshot()
    lab.run("site").failed("corral.lock.yml", "no YAML", "version control")
    assert lab.snapshot() == before
    path.write_text(good)


@pytest.fixture
def unpinned(lab):
    """Variables of a run that knows no lock, with the tag back at the first version."""
    move("first")
    return {"corral_lock_file": str(lab.ephemeral / "none.lock.yml")}


def test_without_a_pin_one_instance_has_to_answer_or_the_old_version_comes_back(lab, versions, unpinned):
    """The first instance is asked before anybody relies on it, and here it breaks with the version that is new."""
    fault = {"runner_killed": {"model": MOVING}}
    lab.api(11434, "/practice/faults", fault, "PUT")
    try:
        message = lab.run("update_models", **unpinned).failed(MOVING, "done: false", "Pin what serves now")
    finally:
        lab.api(11434, "/practice/faults", None, "DELETE")
    assert f"{MOVING} is {versions['second'][:12]} again, as {versions['first'][:12]} did not answer" in message
    assert on_instances(lab, MOVING) == [versions["second"]] * 2
    assert lab.sh("cat /var/lib/corral/ollama/update.json", check=False) == ""


def test_without_a_pin_it_follows_the_registry_and_then_does_nothing(lab, versions, unpinned):
    # What the deployment's own proof loaded may still be in memory, and it is the version that comes back here.
    lab.docker("restart", "ollama-ollama-server-2")
    version = "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:11435/api/version\")' && echo up"
    wait_until(lambda: "up" in lab.sh(f"{version} 2>/dev/null", check=False), 60, "the instance to answer")
    lab.api(11435, "/api/generate", {"model": MOVING, "prompt": "hello", "stream": False, "keep_alive": "30m"})
    check = lab.run("update_models", _check=True, **unpinned).ok()
    assert on_instances(lab, MOVING) == [versions["second"]] * 2
    run = lab.run("update_models", **unpinned).ok()
    assert on_instances(lab, MOVING) == [versions["first"]] * 2
    assert versions["first"] in loaded(lab, 11435)
    reload = "corral.ollama.model_update : apply | Load the new version where the old one is in memory"
    publish = "corral.ollama.models : change | Pull, hash and publish the missing models"
    assert {reload, publish} <= set(check.changed) <= set(run.changed)
    assert lab.run("update_models", **unpinned).ok().changed == []


def loaded(lab, port):
    return [entry["digest"] for entry in lab.api(port, "/api/ps")["models"] if entry["name"] == MOVING]
