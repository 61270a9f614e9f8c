# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order, told while eight instances answer: read, damage, find, repair, repair again, no good source."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from damaging import cut, flip, started, sums
from lab import blob_names, manifests, wait_until, weights_of

LIBRARY = "registry.ollama.ai/library"
FLIPPED, CUT, CONTROL, EMBEDS = "llava:7b", "codellama:7b", "llama3.2:3b", "nomic-embed-text:v1.5"
HURT = (FLIPPED, CUT)
WORK = (f"{CONTROL}=stream", f"{EMBEDS}=embed", f"{CONTROL}=whole", f"{FLIPPED}=stream", f"{CUT}=whole")
PORTS = range(11434, 11442)
OUT, STOP = "/tmp/load.json", "/tmp/load.stop"


class Load:
    def __init__(self, lab):
        self.lab, self.began = lab, time.time()
        script = Path(__file__).parents[1] / "load.py"
        subprocess.run(["docker", "cp", str(script), f"{lab.container}:/opt/load.py"], check=True, capture_output=True)
        ports = " ".join(map(str, PORTS))
        command = f"python3 /opt/load.py {OUT} {STOP} {ports} -- {' '.join(WORK)}"
        lab.sh(f"rm -f {OUT} {STOP}; setsid {command} </dev/null >/tmp/load.log 2>&1 &")
        wait_until(lambda: self.so_far().get("rounds", 0) > 5, 60, "the load to begin")

    def so_far(self):
        return json.loads(self.lab.sh(f"cat {OUT} 2>/dev/null || echo '{{}}'"))

    def end(self):
        self.lab.sh(f"touch {STOP}")
        wait_until(lambda: self.so_far().get("ended"), 90, f"the load to end: {self.lab.sh('cat /tmp/load.log')}")
        return self.so_far()


@pytest.fixture(scope="module")
def original(lab):
    return sums(lab)


@pytest.fixture(scope="module")
def digest(lab):
    return weights_of(manifests(lab)[f"{LIBRARY}/{FLIPPED.replace(':', '/')}"])


@pytest.fixture(scope="module")
def load(lab, original, digest):
    """Begun before everything, ended by the test of the repair."""
    load = Load(lab)
    yield load
    lab.sh(f"touch {STOP}")


@pytest.fixture(scope="module")
def story(lab, load, digest):
    """What the steps leave for those that look at them."""
    return {}


def test_a_full_scrub_costs_no_request(lab, load):
    before = load.so_far()["answered"]
    lab.run("scrub", scrub_mode="full").ok()
    wait_until(
        lambda: all(load.so_far()["answered"][model] > count for model, count in before.items()), 60, "more answers"
    )
    found = load.so_far()
    assert (found["failed"], found["interrupted"]) == ([], [])


def test_the_scrub_finds_both_damages_and_names_the_models(lab, load, digest):
    flip(lab, digest)
    cut(lab, f"{LIBRARY}/codellama/7b")
    message = lab.run("scrub").failed(*HURT)
    assert (CONTROL in message, EMBEDS in message) == (False, False)


def test_the_repair_brings_back_every_byte(lab, load, original, story):
    story["began"], before = time.time(), started(lab)
    run = lab.run("repair").ok()
    story["ended"] = time.time()
    assert any("restart" in task.lower() for task in run.changed), run.changed
    assert sums(lab) == original
    assert [name for name, when in started(lab).items() if when == before[name]] == []
    answered = load.so_far()["answered"]
    wait_until(
        lambda: all(load.so_far()["answered"].get(model, 0) > answered.get(model, 0) + 8 for model in HURT),
        60,
        "answers of the models that were repaired",
    )
    story["load"] = load.end()


def windows(lab, story):
    """From when each instance was told to stop to when it ran again, and ten seconds to listen; by port."""
    window = ["--since", f"{story['began']:.3f}", "--until", f"{story['ended']:.3f}", "--filter", "type=container"]
    form = "{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}"
    found = {}
    for line in lab.docker("events", *window, "--format", form).splitlines():
        nanos, action, name = line.split()[0], line.split()[1], line.split()[-1]
        number = name.rpartition("-")[2]
        if number.isdigit() and action in ("kill", "die", "start"):
            found.setdefault(PORTS[int(number) - 1], []).append((action, int(nanos) / 1e9))
    return found


def test_no_request_failed_but_those_to_the_damaged_models(lab, story):
    """Requests that lost their instance in its restart were answered by another one; all of them are accounted for."""
    load, events = story["load"], windows(lab, story)
    assert [row for row in load["failed"] if row["model"] not in HURT] == []
    for model in (CONTROL, EMBEDS):
        assert load["answered"][model] == load["asked"][model] > 100
    for row in load["interrupted"]:
        begin, end = min(at for _action, at in events[row["port"]]), max(at for _action, at in events[row["port"]])
        assert row["ended"] > begin - 1, row
        assert row["began"] < end + 10, row


def test_each_instance_restarted_once_and_one_at_a_time(lab, story):
    events = windows(lab, story)
    assert sorted(events) == list(PORTS)
    for port, seen in events.items():
        assert [action for action, _at in seen].count("start") == 1, (port, seen)
        assert [action for action, _at in seen].count("die") == 1, (port, seen)
    spans = sorted((min(at for _action, at in seen), max(at for _action, at in seen)) for seen in events.values())
    assert all(before[1] < after[0] for before, after in zip(spans, spans[1:], strict=False)), spans
    assert story["load"]["rounds"] > 100
    assert max((len(row["ports"]) for row in story["load"]["out"]), default=0) <= 1


def test_the_models_were_served_again_after_the_repair(story):
    failed = [row["began"] for row in story["load"]["failed"]]
    assert max(failed, default=0.0) < story["ended"]


def test_a_second_repair_changes_nothing(lab, original):
    before = started(lab)
    assert lab.run("repair").ok().changed == []
    assert started(lab) == before
    assert sums(lab) == original


def test_without_a_good_source_it_fails_and_loses_nothing(lab, original, digest):
    flip(lab, digest)
    before, names, hurt = started(lab), blob_names(lab), sums(lab)
    nowhere = {"corral_registry_endpoints": {"registry.ollama.ai": "https://127.0.0.1:9"}, "repair_retries": 0}
    message = lab.run("repair", **nowhere).failed(FLIPPED, digest[:12])
    assert [model for model in (CUT, CONTROL, EMBEDS) if model in message] == []
    assert blob_names(lab) == names
    assert sums(lab) == hurt
    assert {path for path in original if hurt[path] != original[path]} == {f"blobs/sha256-{digest}"}
    assert started(lab) == before
