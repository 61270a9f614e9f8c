# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the environment under load, killed at each step with nothing to clean up after them. Each next run says
where every instance stands and goes on, and the last one finishes; or the change is taken back. Killed are both sides,
or the controller alone, whose module then works on to its end, unseen."""

from __future__ import annotations

import os
import signal

import pytest
from damaging import expire_lease
from rolls import (
    Traffic,
    Unhurried,
    audit,
    container_gone,
    essence,
    kill,
    more_told,
    record,
    running,
    seen,
    serves,
    states,
    until,
)

ONE, TWO, THREE = NAMES = ["ollama-server-1", "ollama-server-2", "ollama-server-3"]
MODELS = {"llava:7b": "chat", "nomic-embed-text:v1.5": "embed"}
# Without a slow start the steps after it would be over before they are met.
USUAL = {"OLLAMA_NUM_PARALLEL": "8", "PRACTICE_FAULTS": '{"slow_start": 2}'}
WAITING = {"corral_lease_wait": 60}


def wish(number):
    return {"corral_environment": {**USUAL, "ROUND": str(number)}}


def rounds(lab):
    """Which environment each instance runs with."""
    found = running(lab)
    return [next((line[6:] for line in found[name]["env"] if line.startswith("ROUND=")), "") for name in NAMES]


@pytest.fixture(scope="module")
def load(lab):
    with Traffic(lab, MODELS) as traffic:
        yield traffic


@pytest.fixture(scope="module")
def story(lab):
    """What was there before the change that the tests interrupt in turn."""
    return {"before": running(lab), "rollouts": set()}


# In the order of the steps: what the record shows when the run is killed, and what the next one says of it.
STEPS = [
    ("before the drain", {"wanted": "planned"}, ""),
    ("draining", {"wanted": "draining"}, "draining"),
    ("drained", {"wanted": "drained"}, "drained"),
    ("while its container is made anew", {"wanted": "changing"}, "changing"),
    ("before it is proven", {"wanted": "admitting"}, "admitting"),
    ("while it is watched", {"wanted": "admitting", "serving": True}, "admitting"),
]


def interrupted(lab, number, wanted, orphan=False, **where):
    """Start a run, and kill it when the record shows this of the first instance; gives what the run had said. A drain
    takes as long as the streams that are begun before it, none of which the kill cuts."""
    more, gone = more_told(lab), container_gone(lab, ONE)
    process = lab.start("rolling_restart", **wish(number), **(WAITING if orphan else {}))
    streams = None
    if wanted == "draining":
        until(lab, process, more, "the rollout to begin")
        streams = Unhurried(lab, "llava:7b", seconds=6)
    if wanted == "changing":
        until(lab, process, gone, "its container to be made anew")
    else:
        seen(lab, process, wanted, name=ONE, **where)
    kill(lab, process, orphan=orphan)
    assert streams is None or streams.answers() == []
    return " ".join(lab.finish(process).output.split())


@pytest.mark.parametrize("step", range(len(STEPS)), ids=[step[0] for step in STEPS])
def test_killed_on_both_sides(lab, load, story, step):
    """Whoever is out is the first instance, and the next run begins with it and says how it was left."""
    _title, where, _told = STEPS[step]
    output = interrupted(lab, 1, **where)
    if step and STEPS[step - 1][2]:
        assert f"was {STEPS[step - 1][2]}" in output, output[-3000:]
    assert {name: state for name, state in states(lab).items() if name != ONE} == {TWO: "planned", THREE: "planned"}
    assert [running(lab)[name] for name in (TWO, THREE)] == [story["before"][name] for name in (TWO, THREE)]
    story["rollouts"].add(record(lab)["id"])
    load.fine()
    expire_lease(lab)


def test_the_next_run_finishes(lab, load, story):
    shown = lab.module("rollout_info", path="/var/lib/corral/ollama/rollout")
    assert (shown["unfinished"], [row["name"] for row in shown["in_doubt"]]) == (True, [ONE])
    assert [name for name in NAMES if not any(name in sentence for sentence in shown["sentences"])] == []
    run = lab.run("rolling_restart", **wish(1)).ok()
    assert "was admitting" in " ".join(run.output.split())
    assert rounds(lab) == ["1", "1", "1"]
    assert set(states(lab).values()) == {"done"}
    assert {record(lab)["id"]} == story["rollouts"], "each run went on with the same rollout"
    assert serves(lab, **wish(1)).changed == []
    load.fine()


def test_the_controller_alone(lab, load):
    """What was under way on the host ends by itself; the next run waits for it, and then goes on."""
    interrupted(lab, 2, "draining", orphan=True)
    interrupted(lab, 2, "changing", orphan=True)
    # Ctrl-C, on the terminal of the run.
    process = lab.start("rolling_restart", **wish(2), **WAITING)
    seen(lab, process, "admitting", name=ONE)
    os.killpg(process.pid, signal.SIGINT)
    assert lab.finish(process).rc != 0
    lab.run("rolling_restart", **wish(2), **WAITING).ok()
    assert rounds(lab) == ["2", "2", "2"]
    assert set(states(lab).values()) == {"done"}
    serves(lab, **wish(2))
    load.fine()


def test_taken_back_instead(lab, load):
    before, kept = essence(lab), running(lab)[THREE]
    gone = container_gone(lab, TWO)
    process = lab.start("rolling_restart", **wish(3))
    until(lab, process, gone, "the second container to be made anew")
    kill(lab, process)
    assert rounds(lab)[0] == "3"
    expire_lease(lab)
    lab.run("rolling_rollback").ok()
    assert essence(lab) == before
    assert running(lab)[THREE] == kept
    assert set(states(lab).values()) <= {"rolled_back", "planned"}
    serves(lab, **wish(2))
    assert lab.run("rolling_restart", **wish(2)).ok().changed == []
    load.fine()


def test_killed_while_it_takes_back_by_itself(lab, load):
    """A change that is no good, killed after the verdict: whoever deploys what was good before gets that."""
    before, others = essence(lab), [running(lab)[name] for name in (TWO, THREE)]
    bad = {"corral_environment": {**USUAL, "ROUND": "4", "PRACTICE_FAULTS": '{"hang_generate": true}'}}
    process = lab.start("rolling_restart", **bad, rolling_restart_deadline=4)
    seen(lab, process, "failed", name=ONE)
    kill(lab, process)
    expire_lease(lab)
    run = lab.run("rolling_restart", **wish(2)).ok()
    assert "was failed" in " ".join(run.output.split()), run.output[-3000:]
    assert essence(lab) == before
    assert [running(lab)[name] for name in (TWO, THREE)] == others
    assert set(states(lab).values()) <= {"done", "rolled_back", "planned"}
    serves(lab, **wish(2))
    load.fine()


def test_the_audit_log_tells_it_all(lab):
    """Every line is whole, none is there twice, and each names who did it."""
    events = audit(lab)
    assert len({(event["rollout"], event["seq"]) for event in events}) == len(events)
    assert all(event["owner"] and event["at"] for event in events)
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert int(lab.sh("wc -l </var/lib/corral/ollama/audit.jsonl")) == len(events)
    assert lab.sh("stat -c %a /var/lib/corral/ollama/audit.jsonl").strip() == "600"
