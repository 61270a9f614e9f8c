# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens next is the choice of the operator: leave the canary for inspection, or go on with the others. The image
here is bad on one instance only, by what that has in its data volume."""

from __future__ import annotations

import pytest
from rolls import Traffic, audit, essence, faulty, gateway, image, record, running, serves, states

ONE, TWO, THREE = "ollama-server-1", "ollama-server-2", "ollama-server-3"
MODELS = {"llava:7b": "chat", "nomic-embed-text:v1.5": "embed"}
REPOSITORY = "corral-practice/ollama"
BACK = [f"changed and serving: {ONE}, {THREE}", f"back to what they were, and serving: {TWO}"]
PICKY = 'ENTRYPOINT ["sh", "-c", "test -e /root/.ollama/picky && exit 1; exec /bin/ollama serve"]'


@pytest.fixture(scope="module")
def load(lab):
    with Traffic(lab, MODELS) as traffic:
        yield traffic


@pytest.fixture(scope="module")
def before(lab):
    return running(lab)


@pytest.fixture(scope="module")
def picky(lab):
    """Bad on the second instance."""
    lab.sh("touch /var/lib/docker/volumes/ollama_data_2/_data/picky")
    return image(lab, f"{REPOSITORY}:0.32.31-picky", PICKY)


def test_pause_leaves_the_canary_out_for_inspection(lab, load, before):
    bad = image(lab, f"{REPOSITORY}:0.32.30-silent", faulty(hang_generate=True))
    message = lab.run("deploy", corral_image=bad, corral_failure_action="pause").failed(ONE, "out of service")
    after = running(lab)
    assert [name for name in before if after[name] != before[name]] == [ONE], message
    assert after[ONE]["tag"] == bad
    assert after[ONE]["status"] == "running"
    servers = gateway(lab)
    assert (servers[ONE], servers[TWO], servers[THREE]) == ("DRAIN", "UP", "UP")
    assert states(lab) == {ONE: "failed", TWO: "planned", THREE: "planned"}
    assert audit(lab)[-1]["verdict"] in ("failed", "paused")
    load.fine()


def test_what_was_paused_goes_back_with_the_next_deploy(lab, load, before):
    run = lab.run("deploy").ok()
    assert "was failed" in " ".join(run.output.split()), run.output[-3000:]
    after = running(lab)
    assert [name for name in before if after[name] != before[name]] == [ONE]
    assert after[ONE]["image"] == before[ONE]["image"]
    serves(lab)
    load.fine()


def test_more_may_not_fail(lab, load, before, picky):
    """The canary is fine, the second is not: nothing more is changed, and the canary is not taken back."""
    was = essence(lab)
    lab.run("deploy", corral_image=picky).failed(
        f"{TWO}: its container was restarted",
        f"changed and serving: {ONE}",
        f"back to what they were, and serving: {TWO}",
        f"not touched: {THREE}",
    )
    assert states(lab) == {ONE: "done", TWO: "rolled_back", THREE: "planned"}
    now = running(lab)
    assert [now[name]["tag"] == picky for name in (ONE, TWO, THREE)] == [True, False, False]
    assert {name: essence(lab)[name] for name in (TWO, THREE)} == {name: was[name] for name in (TWO, THREE)}
    load.fine()


def test_the_last_rollout_is_taken_back(lab, load, before):
    lab.run("rolling_rollback").ok()
    assert {row["image"] for row in running(lab).values()} == {before[ONE]["image"]}
    serves(lab)
    load.fine()


def test_the_others_go_on(lab, load, before, picky):
    """And the run says at its end who was left behind."""
    lab.run("deploy", corral_image=picky, corral_max_failure_ratio=0.34).failed(TWO, *BACK)
    assert states(lab) == {ONE: "done", TWO: "rolled_back", THREE: "done"}
    now = running(lab)
    assert [now[name]["tag"] == picky for name in (ONE, TWO, THREE)] == [True, False, True]
    assert set(gateway(lab).values()) == {"UP"}
    assert record(lab)["ended_at"]
    lab.run("rolling_rollback").ok()
    assert {row["image"] for row in running(lab).values()} == {before[ONE]["image"]}
    load.fine()
