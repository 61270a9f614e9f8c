# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bad image after another, under load: the roll stops at the canary, takes it back by itself, and says so."""

from __future__ import annotations

import pytest
from rolls import COMPOSE, Traffic, audit, essence, faulty, gateway, image, record, running, serves, states

CANARY = "ollama-server-1"
MODEL, EMBEDS = "llava:7b", "nomic-embed-text:v1.5"
REPOSITORY = "corral-practice/ollama"

# By the tag of the image: what is wrong with it, and what of that the message has to say.
BAD = {
    "0.32.21-exits": (['ENTRYPOINT ["/bin/false"]'], ["restart"]),
    "0.32.22-never-answers": ([faulty(slow_start=100_000)], ["did not answer"]),
    "0.32.23-generates-nothing": ([faulty(hang_generate=True)], [MODEL, "did not answer"]),
    "0.32.24-starts-on-cpu": ([faulty(cpu_fallback=MODEL)], [MODEL, "GPU"]),
    "0.32.25-crashes-after-20s": (['ENTRYPOINT ["timeout", "-s", "KILL", "20", "/bin/ollama", "serve"]'], ["restart"]),
}
STEPS = ["draining", "drained", "changing", "admitting", "failed", "changing", "admitting", "rolled_back"]
STANDS = [f"serving: {CANARY}", "not touched: ollama-server-2, ollama-server-3"]
# Long enough for a crash after 20 s to happen in front of somebody.
WATCH = {"0.32.25-crashes-after-20s": {"corral_canary_healthy_time": 25}}


@pytest.fixture(scope="module")
def load(lab):
    with Traffic(lab, {MODEL: "chat", EMBEDS: "embed"}) as traffic:
        yield traffic


def resident(lab):
    """What the canary has in memory, and how much of it on the GPU."""
    return {model["name"]: (model["size"], model["size_vram"]) for model in lab.api(11434, "/api/ps")["models"]}


@pytest.mark.parametrize("tag", BAD)
def test_the_canary_goes_back(lab, load, tag):
    changes, words = BAD[tag]
    bad = image(lab, f"{REPOSITORY}:{tag}", *changes)
    before, file, meant, said = running(lab), lab.sh(f"cat {COMPOSE}"), essence(lab), len(audit(lab))
    memory = resident(lab)
    assert memory[MODEL][1] > 0
    message = lab.run("deploy", corral_image=bad, **WATCH.get(tag, {})).failed(CANARY, *words, *STANDS)
    after = running(lab)
    assert [name for name in before if after[name] != before[name]] == [CANARY], message
    assert essence(lab) == meant
    assert lab.sh(f"cat {COMPOSE}") == file
    assert states(lab) == {CANARY: "rolled_back", "ollama-server-2": "planned", "ollama-server-3": "planned"}
    events = audit(lab)[said:]
    assert [event["event"] for event in events] == ["begun", *STEPS, "ended"]
    assert {name for event in events[1:-1] for name in event["instances"]} == {CANARY}
    assert words[-1].lower() in next(event["why"] for event in events if event["event"] == "failed").lower()
    assert record(lab)["verdict"] == "failed"
    assert resident(lab) == memory
    assert set(gateway(lab).values()) == {"UP"}
    load.fine()


def test_a_good_image_is_deployed_afterwards(lab, load):
    good = image(lab, f"{REPOSITORY}:0.32.29-practice")
    lab.run("deploy", corral_image=good).ok()
    assert {row["tag"] for row in running(lab).values()} == {good}
    assert lab.run("deploy", corral_image=good).ok().changed == []
    serves(lab, corral_image=good)
    load.fine()
