# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was seen to samples: what is available, what is told of faults, and what is left unsaid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_metrics import BY_NAME
from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_samples import All, label, number, samples
from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_seen import (
    Ask,
    Container,
    Engine,
    Logs,
    Probe,
    Seen,
    Servers,
    Store,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.leases import Lease
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.residents import Resident
from ansible_collections.corral.ollama.tests.unit.exported import SERVERS, config

NAME = parse_name("mistral:7b")
KEY, OTHER = NAME.key, parse_name("other:1b").key
ONE, TWO = SERVERS
DIGEST = "d" * 64
CONFIG = config(["http://a", "http://b"], residents=[{"name": "mistral:7b", "instances": [ONE]}])
SEEN = Seen("0.32.15", {KEY: DIGEST})
CONTAINER = Container("id", True, "ollama/ollama:0.32.15", "i" * 64, 0, False, 1000.0)
GOOD = All(
    2000.0,
    Engine({ONE: CONTAINER, TWO: CONTAINER}, "i" * 64),
    Servers({ONE: SEEN, TWO: SEEN}),
    Store({KEY: DIGEST}),
    Logs({}),
    Probe({(ONE, KEY): Ask(DIGEST, 1500.0, "", 0.25)}),
)


def told(found, settings=CONFIG):
    every = list(samples(settings, found))
    for name, labels, _value in every:
        assert len(labels) == len(BY_NAME[f"corral_{name}"].labels), name
    by_name = {(name, *labels): value for name, labels, value in every}
    assert len(by_name) == len(every), "a sample is there twice"
    return by_name


def with_two(**changed):
    return replace(GOOD, servers=Servers({ONE: SEEN, TWO: replace(SEEN, **changed)}))


def test_a_healthy_fleet():
    found = told(GOOD)
    assert found["up", ONE] == found["model_listed", ONE, "mistral:7b"] == 1
    assert found["instances_available",] == found["model_instances_available", "mistral:7b"] == 2
    assert found["model_answered", ONE, "mistral:7b"] == 1
    assert found["model_answer_seconds", ONE, "mistral:7b"] == 0.25
    assert ("model_answered", TWO, "mistral:7b") not in found, "it was never asked"
    assert found["model_resident_expected", ONE, "mistral:7b"] == 1
    assert found["model_resident", ONE, "mistral:7b"] == 0
    assert found["instance_info", ONE, "0.32.15", "ollama/ollama:0.32.15", "i" * 64] == 1
    assert {value for key, value in found.items() if key[0] == "drift"} == {0}


@pytest.mark.parametrize(
    ("found", "drift", "available"),
    [
        (with_two(problem="it does not answer"), {}, 1),
        (with_two(listed={}), {}, 1),
        (with_two(listed={KEY: "e" * 64}), {"model_digest": 1}, 1),
        (with_two(listed={KEY: DIGEST, OTHER: "f" * 64}), {"model_extra": 1}, 2),
        (with_two(version="0.31.0"), {"version": 1}, 2),
        (replace(GOOD, probe=Probe({(TWO, KEY): Ask(DIGEST, 1.0, "no_answer")})), {}, 1),
        (replace(GOOD, probe=Probe({(TWO, KEY): Ask("e" * 64, 1.0, "no_answer")})), {}, 2),
        (replace(GOOD, engine=Engine({ONE: CONTAINER}, "i" * 64)), {"instance_missing": 1}, 2),
        (replace(GOOD, engine=Engine({ONE: CONTAINER, TWO: CONTAINER, "x": CONTAINER})), {"instance_extra": 1}, 2),
        (replace(GOOD, engine=Engine({ONE: CONTAINER, TWO: CONTAINER}, "j" * 64)), {"image": 2}, 2),
        (replace(GOOD, engine=Engine({ONE: CONTAINER, TWO: replace(CONTAINER, image="x")})), {"image": 1}, 2),
        (replace(GOOD, engine=Engine(problem="it does not answer")), {}, 2),
    ],
)
def test_what_is_not_available_and_what_is_not_as_declared(found, drift, available):
    values = told(found)
    assert values["instances_available",] == values["model_instances_available", "mistral:7b"] == available
    assert {key[1]: value for key, value in values.items() if key[0] == "drift" and value} == drift


def test_a_pin_counts_and_not_what_the_store_has():
    pinned = config(["http://a", "http://b"], models=[{"name": "mistral:7b", "digest": "e" * 64}])
    assert told(GOOD, pinned)["model_digest_ok", ONE, "mistral:7b"] == 0
    assert told(replace(GOOD, store=Store()))["model_digest_ok", ONE, "mistral:7b"] == 1, "nobody knows better"


def test_of_a_server_that_is_down_nothing_is_told_that_it_would_have_to_say():
    found = told(with_two(problem="gone"))
    assert found["up", TWO] == 0
    assert not [
        key for key in found if key[0] in ("model_listed", "model_digest_ok", "model_resident") and key[1] == TWO
    ]


def test_the_kind_of_a_failure_is_told_while_it_lasts():
    failed = told(replace(GOOD, probe=Probe({(TWO, KEY): Ask(DIGEST, 1.0, "no_answer", 9.0)})))
    assert failed["model_problem", TWO, "mistral:7b", "no_answer"] == 1
    assert failed["model_answered", TWO, "mistral:7b"] == 0
    assert ("model_answer_seconds", TWO, "mistral:7b") not in failed
    assert told(with_two(listed={}))["model_problem", TWO, "mistral:7b", "not_listed"] == 1


def test_nothing_is_counted_before_everybody_was_looked_at():
    found = told(replace(GOOD, servers=Servers({ONE: SEEN})))
    assert ("instances_available",) not in found
    assert ("up", TWO) not in found
    assert found["instances_expected",] == 2


def test_residents_of_all_kinds():
    one = Resident(NAME, DIGEST, 1000, 500)
    other = replace(one, name=parse_name("other:1b"), size=0, size_vram=0)
    found = told(with_two(residents=(replace(one, size=900), one, other)))
    assert found["model_resident", TWO, "mistral:7b"] == found["model_resident", TWO, "other:1b"] == 1
    assert found["model_vram_ratio", TWO, "mistral:7b"] == 0.5
    assert ("model_vram_ratio", TWO, "other:1b") not in found


@pytest.mark.parametrize(("now", "held"), [(150.0, 1), (250.0, 0)])
def test_a_lease_is_held_until_it_expires(now, held):
    lease = Lease("t", "me", "", "h", 1, 100.0, 100.0, 200.0)
    store = Store(leases={"store": lease, "rollout": None}, unfinished=True)
    found = told(replace(GOOD, now=now, store=store))
    assert (found["lease_held", "store"], found["lease_held", "rollout"]) == (held, 0)
    assert found["lease_expires_timestamp_seconds", "store"] == 200
    assert ("lease_expires_timestamp_seconds", "rollout") not in found
    assert found["rollout_unfinished",] == 1


def test_scrub_and_space():
    scrub = {"findings_by_kind": {"short": 2}, "ended_at": 900.0, "last_full_at": 0.0}
    store = Store(storage={"bytes": 5, "model_bytes": 4, "reclaimable": 1}, scrub=scrub, space={"free_bytes": 7})
    found = told(replace(GOOD, store=store))
    assert (found["store_findings", "short"], found["store_findings", "wrong_hash"]) == (2, 0)
    assert found["store_last_scrub_timestamp_seconds",] == 900
    assert ("store_last_full_verification_timestamp_seconds",) not in found, "never"
    assert (found["store_unique_bytes",], found["store_filesystem_avail_bytes",]) == (4, 7)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.32.15", "0.32.15"),
        ("a\nb\x1b[31m\u202e", "a?b?[31m?"),
        ("\ud800", "?"),
        ("x" * 999, "x" * 159 + "…"),
        (None, "None"),
    ],
)
def test_labels_can_be_shown(value, shown):
    assert label(value) == shown
    label(value).encode()


@pytest.mark.parametrize("value", [None, "5", float("nan"), float("inf"), 10**400, [], {}])
def test_what_is_no_number_is_zero(value):
    assert number(value) == 0
