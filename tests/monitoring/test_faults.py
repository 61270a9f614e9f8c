# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: a healthy fleet, then every fault at once; verify, a metric and an alert name each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from damage import CORRUPT, corrupt
from faults import CHAT, DEADLINE, FAULTS, MODELS, SHARED, Fault, Watch
from watched import Watched, until

ALL = (*FAULTS, CORRUPT)
HEALTHY = "ollama-server-1"


@pytest.fixture(scope="module")
def watch(watched: Watched) -> Iterator[Watch]:
    """Everything goes wrong at once, each on its own instance; nobody waits for one before the next."""
    begun = Watch(watched)
    begun.began[CORRUPT.what], begun.seen[CORRUPT.what] = corrupt(watched)
    for fault in FAULTS:
        begun.begin(fault)

    def complete() -> bool:
        begun.look(ALL)
        return not begun.missing(ALL)

    try:
        until(complete, "metrics and alerts", 90)
    except AssertionError:
        print(begun.table(ALL), begun.unexpected(ALL))
        raise AssertionError(f"not seen within 90 s: {begun.missing(ALL)}") from None
    yield begun
    print("\n" + begun.table(ALL))


@pytest.fixture(scope="module")
def verified(watched: Watched, watch: Watch) -> list[str]:
    """What it says, of which a crash that is over is a warning."""
    done = watched.run("verify", corral_verify_level="deep", verify_deadline=DEADLINE)
    assert done.rc != 0
    report = watched.report
    return [*report["problems"], *(one["message"] for one in report["findings"] if one["severity"] != "note")]


def test_no_alert_where_nothing_is_wrong(watched: Watched) -> None:
    assert watched.firing() == []
    found = {sample.labels["server"]: sample.value for sample in watched.samples() if sample.name == "corral_up"}
    assert found == dict.fromkeys(watched.names, 1.0)
    assert watched.query('corral_instances_available{project="corrallab"}')[0]["value"][1] == "8"


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.what)
def test_a_metric_and_its_alerts_name_it(watch: Watch, fault: Fault) -> None:
    seen = watch.seen[fault.what]
    assert seen.metric > 0
    assert set(seen.alerts) == set(fault.alerts)


def test_nothing_else_fires(watch: Watch) -> None:
    assert watch.unexpected(ALL) == []
    assert not [labels for labels in watch.fired.values() if labels.get("server") == HEALTHY]
    shared = [labels for labels in watch.fired.values() if labels["alertname"] in SHARED]
    assert {labels["model"] for labels in shared if "model" in labels} <= set(MODELS)


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.what)
def test_verify_names_it(verified: list[str], fault: Fault) -> None:
    told = [text for text in verified if fault.instance in text]
    assert any(all(word in text for word in fault.told) for text in told), "\n".join(verified)


def test_verify_says_nothing_of_the_healthy_one(verified: list[str]) -> None:
    assert not [text for text in verified if HEALTHY in text]


def test_all_is_quiet_again_when_the_faults_are_gone(watched: Watched, verified: list[str]) -> None:
    for fault in FAULTS:
        watched.fault(fault.instance)
        # Loaded anew, and so on the GPU; and what is in memory is asked by the exporter.
        watched.ask(fault.instance, CHAT, prompt="", keep_alive=0)
        assert watched.ask(fault.instance, CHAT, keep_alive=-1) == 200
    kept = set(CORRUPT.alerts)
    until(lambda: {one["alertname"] for one in watched.firing()} == kept, "only the damaged store is left", 90)
