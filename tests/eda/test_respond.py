# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an alert to the repair, with the real ansible-rulebook. Each test goes on from the one before."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.tests.practice.eda_guide import settings
from lab import HOST, MODEL, PORT, PROJECT, TOKEN, Lab, alert, lab, until
from watched import Watched

DAMAGED = alert("CorralStoreDamaged", kind="wrong_hash")
DRIFT = alert("CorralDrift", kind="model_extra")
DOWN = alert("CorralInstanceDown", server="ollama-server-1")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("eda")) as found:
        yield found


@pytest.fixture(scope="module")
def watched(fleet: Lab) -> Iterator[Watched]:
    """Exporter, rules and Alertmanager as they are, at a test's pace; Alertmanager calls the listener."""
    fast = {"scrape": 1, "evaluation": 1, "hold": 2, "group_wait": 0, "group_interval": 1}
    rules = {**{f"monitoring_{name}_seconds": value for name, value in fast.items()}, **settings(fleet.port, TOKEN)}
    times = {"cache": 0.5, "store": 1.0, "probe": 1.0}
    found = Watched(
        fleet.folder, PROJECT, PORT - 1, [MODEL], instances=1, times=times, rules=rules,
        fleet={"corral_gateway": False}, inventory=str(fleet.inventory),
    )  # fmt: skip
    try:
        found.expose()
        found.monitor()
        yield found
    finally:
        found.leave()


def rot(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"rot")
    assert f"sha256-{digest(path)}" != path.name


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def container() -> str:
    shown = ["docker", "inspect", "-f", "{{.Id}} {{.State.StartedAt}}", f"{PROJECT}-ollama-server-1"]
    return subprocess.run(shown, check=True, capture_output=True, text=True).stdout


def test_without_the_token_and_with_hostile_names_nothing_runs(fleet: Lab, tmp_path: Path):
    trap = tmp_path / "trap"
    template = "{{ lookup('ansible.builtin.pipe', 'touch " + str(trap) + "') }}"
    assert fleet.post(DAMAGED, token="another") == 401
    for hostile in (
        alert("Corral" + template),
        alert("CorralStoreDamaged", host=template),
        alert("X", server=template),
    ):
        assert fleet.post(hostile) == 200
    # What comes after them is answered first: they made no run.
    said = fleet.after(alert("CorralDrift", server=template, model=template))
    assert "gpu1: nothing about CorralDrift: it is not on the allow-list" in said
    assert (fleet.runs(), trap.exists(), fleet.record()) == (1, False, [])


def test_by_default_it_only_says_what_it_would_do(fleet: Lab):
    path = fleet.weights()
    rot(path)
    said = fleet.after(DAMAGED, DRIFT)
    assert "gpu1: would repair the store, because of CorralStoreDamaged" in said
    assert f"sha256-{digest(path)}" != path.name
    assert fleet.record() == []


def test_a_storm_of_alerts_is_one_repair(fleet: Lab):
    fleet.policy(corral_response_dry_run=False)
    path, before, runs = fleet.weights(), container(), fleet.runs()
    for _unused in range(20):
        assert fleet.post(*[DAMAGED] * 20, alert("CorralScrubOverdue", status="resolved")) == 200
    # It comes after all of them, and is answered next.
    said = fleet.after(alert("CorralDiskLow"), runs=2)
    assert "gpu1: repair the store, because of CorralStoreDamaged" in said
    assert f"sha256-{digest(path)}" == path.name, said[-3000:]
    assert [(one["action"], one["outcome"]) for one in fleet.record()] == [("repair", "done")]
    # It ran while the store was damaged, and could remember it.
    assert container() != before
    assert "gpu1: nothing about CorralDiskLow" in said
    assert fleet.runs() == runs + 2


def test_what_was_done_outlives_the_listener_and_the_cap_holds(fleet: Lab):
    fleet.policy(corral_response_dry_run=False, corral_response_cooldown=0, corral_response_max_per_hour=1)
    fleet.listen()
    before = container()
    said = fleet.after(DAMAGED, DOWN)
    assert "gpu1: nothing about CorralStoreDamaged: 1 within the last hour, and the cap is 1" in said
    assert "gpu1: nothing about CorralInstanceDown of ollama-server-1: 1 within the last hour" in said
    assert (container(), len(fleet.record())) == (before, 1)


def test_one_instance_is_restarted_and_proven(fleet: Lab):
    fleet.policy(corral_response_dry_run=False)
    # One that hangs would be waited for until its grace period is over; the way is the same.
    subprocess.run(["docker", "kill", f"{PROJECT}-ollama-server-1"], check=True, capture_output=True)
    before = container()
    said = fleet.after(DOWN, DAMAGED, alert("CorralModelSilent", server="ollama-server-1", kind="no_answer"))
    assert "gpu1: restart ollama-server-1, because of CorralInstanceDown, CorralModelSilent" in said
    assert "nothing about CorralStoreDamaged: repair of store was begun at" in said
    assert [(one["action"], one["outcome"]) for one in fleet.record()][1:] == [("restart", "done")], said[-3000:]
    assert container() != before
    until(lambda: fleet.record()[-1]["ended_at"], lambda: str(fleet.record()))


def test_a_blob_rots_and_nobody_is_needed(fleet: Lab, watched: Watched):
    """The exporter's metric, the rule, Alertmanager's message, the listener, the playbook: nothing is sent by the test.
    The store's last scrub is long ago, so it is scrubbed; that finds the damage, so it is repaired."""
    fleet.policy(corral_response_dry_run=False, corral_response_cooldown=0, corral_response_max_per_hour=20)
    fleet.play("scrub")
    until(lambda: watched.firing() == [], lambda: str(watched.firing()))
    path, before, known = fleet.weights(), container(), len(fleet.record())
    rot(path)
    scrubbed = fleet.store / ".corral/scrub.json"
    result = json.loads(scrubbed.read_text())
    long_ago = {name: result[name] - 9 * 86400 for name in ("started_at", "ended_at", "last_full_at")}
    scrubbed.write_text(json.dumps({**result, **long_ago}))

    def done() -> list[tuple[str, str]]:
        return [(one["action"], one["outcome"]) for one in fleet.record()[known:]]

    until(lambda: ("repair", "done") in done(), lambda: f"{done()} {watched.firing()} {fleet.log[-3000:]}")
    assert done() == [("scrub", "done"), ("repair", "done")]
    said = " ".join(fleet.log.split())
    assert f"{HOST}: scrub the store, because of CorralScrubOverdue" in said
    assert f"sha256-{digest(path)}" == path.name
    # It served what was damaged, and could remember it.
    assert container() != before
    until(lambda: watched.firing() == [], lambda: str(watched.firing()))
    assert len(done()) == 2


def test_for_others_it_listens_with_tls(fleet: Lab):
    fleet.listen(tls=True)
    assert fleet.url.startswith("https://")
    assert fleet.post(DAMAGED, token="another") == 401
    assert fleet.post(alert("NodeDown")) == 200
