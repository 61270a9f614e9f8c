# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order, told while clients ask without a pause: restart of all, a new image, another environment, a model
that has moved, a blob that went bad. Each test looks at its own step; the last ones look at the whole of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from corral_practice.front import Front
from damaging import flip, sums
from lab import Lab, Run, manifests, weights_of
from load import Load
from rolls import audit, running
from sampler import Sampler

SERVERS = {f"ollama-server-{number}": 11433 + number for number in range(1, 9)}
CHAT, EMBED, MOVES, RESIDENT = "rolling-chat:1b", "rolling-embed:1b", "rolling-moves:1b", "rolling-resident:1b"
ASKED = {CHAT: "chat", MOVES: "chat", EMBED: "embed", RESIDENT: "only listed"}
NEW_IMAGE = "corral-practice/ollama:0.32.16-practice"
KEY = "clients-0123456789abcdef0123456789abcdef"
REQUESTS = 10_000
#: Seconds that one playbook may take: eight instances, one after another, and the long answers that each waits for.
LIMIT = 900
#: What the audit log says of each instance in a rollout that goes well.
STEPS = ("draining", "drained", "admitting", "done")


@dataclass
class Step:
    """One playbook run, and what was seen from outside while it ran."""

    run: Run
    began: float
    ended: float
    events: list[dict[str, Any]]


@dataclass
class Story:
    lab: Lab
    load: Load
    sampler: Sampler
    #: What the inventory says by now.
    inventory: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def play(self, playbook: str, **variables: Any) -> Step:
        told, began = len(audit(self.lab)), time.time()
        run = self.lab.finish(self.lab.start(playbook, **self.inventory, **variables), LIMIT).ok()
        time.sleep(1.2)  # the sampler tells once a second
        self.steps.append(Step(run, began, time.time(), audit(self.lab)[told:]))
        return self.steps[-1]

    def roll(self, playbook: str, at_most: int = 1, **variables: Any) -> Step:
        """A playbook that has to change every instance once, never more of them at a time than may be out."""
        before = running(self.lab)
        step = self.play(playbook, **variables)
        when = step.began, step.ended
        assert self.sampler.max_out(*when) <= at_most, [look for look in self.sampler.looks(*when) if look["out"]]
        for action in ("start", "die"):
            counted = self.sampler.containers(action, *when)
            assert {name: counted[name] for name in SERVERS} == dict.fromkeys(SERVERS, 1), action
        after = running(self.lab)
        assert sorted(after) == sorted(before)
        assert [name for name in before if after[name]["started"] == before[name]["started"]] == []
        told = Counter((event["event"], name) for event in step.events for name in event.get("instances", []))
        assert {(what, name): told[what, name] for what in STEPS for name in SERVERS} == dict.fromkeys(
            ((what, name) for what in STEPS for name in SERVERS), 1
        )
        assert residents(self.lab) == dict.fromkeys(SERVERS, "for ever")
        return step


def residents(lab):
    """How long the model that was loaded for ever stays on each instance."""
    found = {}
    for name, port in SERVERS.items():
        until = [row["expires_at"] for row in lab.api(port, "/api/ps")["models"] if row["name"] == RESIDENT]
        found[name] = ", ".join("for ever" if stamp > "2100" else stamp for stamp in until)
    return found


def listed(lab, model):
    """The digest under which each instance lists a model, and the one with which it has it in memory."""
    tags = [lab.api(port, "/api/tags")["models"] for port in SERVERS.values()]
    memory = [lab.api(port, "/api/ps")["models"] for port in SERVERS.values()]
    return (
        {row["digest"] for rows in tags for row in rows if row["name"] == model},
        {row["digest"] for rows in memory for row in rows if row["name"] == model},
    )


def environment(lab, variable):
    """Its values, over all instances."""
    rows = [row for server in running(lab).values() for row in server["env"]]
    return Counter(row.partition("=")[2] for row in rows if row.startswith(f"{variable}="))


@pytest.fixture(scope="module")
def story(lab):
    for port in SERVERS.values():
        lab.api(port, "/api/generate", {"model": RESIDENT, "keep_alive": -1})
    assert residents(lab) == dict.fromkeys(SERVERS, "for ever")
    ca = lab.ephemeral / "gateway-ca.pem"
    ca.write_text(lab.sh("cat $(find /opt/corral/ollama/gateway/conf/tls -type f ! -name '*.key')"))
    load = Load(f"https://{lab.address}:11433", KEY, str(ca), ASKED, rate=25, long_pause=100)
    with Sampler(lab, SERVERS) as sampler, load:
        yield Story(lab, load, sampler)


def test_a_restart_of_all(story):
    story.roll("rolling_restart", corral_force=True)


def test_a_new_image_two_at_a_time(story):
    story.inventory["corral_image"] = NEW_IMAGE
    story.roll("deploy", at_most=2, corral_max_unavailable=2)
    assert {server["tag"] for server in running(story.lab).values()} == {NEW_IMAGE}
    versions = {story.lab.api(port, "/api/version")["version"] for port in SERVERS.values()}
    assert versions == {"0.32.16-practice"}


def test_another_environment_two_at_a_time(story):
    changed = {"PRACTICE_TOKEN_SECONDS": "0.05", "OLLAMA_NUM_PARALLEL": "4", "OLLAMA_MAX_LOADED_MODELS": "7"}
    story.inventory["corral_environment"] = changed
    step = story.roll("deploy", at_most=2, corral_max_unavailable=2)
    assert story.sampler.max_out(step.began, step.ended) == 2
    assert environment(story.lab, "OLLAMA_MAX_LOADED_MODELS") == {"7": 8}


def test_models_that_have_moved(story):
    registry = Front().registry
    for model in (MOVES, RESIDENT):
        registry.move_tag(model, model.replace(":1b", ":second"))
    # Who has the old version in memory for ever lets go of it only with a restart.
    story.roll("update_models", at_most=2, corral_max_unavailable=2)
    for model in (MOVES, RESIDENT):
        digest = registry.digest(model)
        assert listed(story.lab, model)[0] == {digest}, model
        assert registry.digest(model.replace(":1b", ":first")) != digest
    # Who had it in memory has the new one there.
    assert listed(story.lab, RESIDENT)[1] == {registry.digest(RESIDENT)}
    assert residents(story.lab) == dict.fromkeys(SERVERS, "for ever")


def test_a_blob_that_went_bad(story):
    whole = sums(story.lab)
    path = f"registry.ollama.ai/library/{CHAT.replace(':', '/')}"
    flip(story.lab, weights_of(manifests(story.lab)[path]))
    assert sums(story.lab) != whole
    story.roll("repair", at_most=2, corral_max_unavailable=2, repair_mode="full")
    assert sums(story.lab) == whole


@pytest.mark.parametrize("playbook", ["rolling_restart", "deploy", "update_models", "repair"])
def test_the_second_run_changes_nothing(story, playbook):
    before = running(story.lab)
    step = story.play(playbook)
    assert step.run.changed == []
    assert running(story.lab) == before
    assert step.events == []
    assert story.sampler.max_out(step.began, step.ended) == 0


def test_no_request_failed_and_every_answer_was_complete(story):
    outcome = story.load.stop()
    print(outcome)
    print(dict(outcome.by_kind), dict(outcome.by_client), dict(outcome.by_instance), sep="\n")
    assert outcome.failed == []
    assert outcome.total >= REQUESTS
    assert set(outcome.by_instance) == set(SERVERS)
    # The long ones were as long as they were meant to be, so that instances really had to be waited for.
    assert len(outcome.long) >= 3
    assert min(outcome.long) > 45
    waited = [event["waited_seconds"] for step in story.steps for event in step.events if event["event"] == "drained"]
    assert max(waited) > 5, waited


def test_never_more_were_out_than_may_be(story):
    looks = story.sampler.looks()
    print("counters", story.sampler.counters(), "absences", story.sampler.absences())
    print("seconds of each playbook", [round(step.run.seconds) for step in story.steps])
    # Ten times a second, and the gateway was always there to be asked.
    assert looks[-1]["rounds"] > 8 * (looks[-1]["at"] - looks[0]["at"])
    assert looks[-1]["blind"] == 0, {look["error"] for look in looks}
    assert story.sampler.max_out() == 2
    assert story.sampler.containers("start")["gateway"] == story.sampler.containers("die")["gateway"] == 0
    # Nothing was masked: what a gateway asks again is counted, and the roll needs none of it.
    counted = story.sampler.counters()
    assert {name: counted[name] for name in ("responses_5xx", "server_aborts")} == {
        "responses_5xx": 0,
        "server_aborts": 0,
    }
