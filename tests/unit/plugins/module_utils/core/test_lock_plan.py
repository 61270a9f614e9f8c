# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lock becomes: pins stay, stores have to agree, the registry is asked for the rest."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.lock_plan import plan_lock
from ansible_collections.corral.ollama.plugins.module_utils.core.lockfile import Lock
from ansible_collections.corral.ollama.tests.unit.locks import lock, locked, row

M = "mistral:7b"


def host(*rows, declared=(M,)):
    return {"declared": list(declared), "models": list(rows)}


def pins(plan):
    return {entry.name.display: entry.digest[0] for entry in plan.lock.models.values()}


@pytest.mark.parametrize(
    ("current", "hosts", "answers", "options", "expected"),
    [
        # nothing pinned: the stores count
        ([], {"a": host(row(M, "1")), "b": host(row(M, "1"))}, [], {}, {M: "1"}),
        ([], {"a": host(row(M, "1")), "b": host(row(M))}, [], {}, {M: "1"}),
        # no store has it: the registry counts
        ([], {"a": host(row(M))}, [row(M, remote="2", served="ab")], {}, {M: "2"}),
        # a declared digest that a store has, and one that the registry has
        ([], {"a": host(row(M, "1"), declared=[{"name": M, "digest": "1" * 64}])}, [], {}, {M: "1"}),
        (
            [],
            {"a": host(row(M, "1"), declared=[{"name": M, "digest": "2" * 64}])},
            [row(M, "1", remote="2", served="ab")],
            {},
            {M: "2"},
        ),
        # a pin that is there stays, whatever stores say
        ([locked(M, "1")], {"a": host(row(M, "2"))}, [], {}, {M: "1"}),
        ([locked(M, "1")], {"a": host(row(M, "2")), "b": host(row(M, "3"))}, [], {}, {M: "1"}),
        # on purpose
        ([locked(M, "1")], {"a": host(row(M, "1"))}, [row(M, remote="2", served="ab")], {"refresh": True}, {M: "2"}),
        ([locked(M, "1")], {"a": {"declared": [M]}}, [row(M, remote="2", served="ab")], {"refresh": True}, {M: "2"}),
        # on purpose, but declared with the digest that is pinned
        (
            [locked(M, "1")],
            {"a": host(row(M, "1"), declared=[{"name": M, "digest": "1" * 64}])},
            [],
            {"refresh": True},
            {M: "1"},
        ),
        # what nobody declares stays, unless it is asked away; what is declared absent goes
        ([locked("old:1", "5")], {"a": host(row(M, "1"))}, [], {}, {"old:1": "5", M: "1"}),
        ([locked("old:1", "5")], {"a": host(row(M, "1"))}, [], {"prune": True}, {M: "1"}),
        (
            [locked("old:1", "5")],
            {"a": host(row(M, "1"), declared=[M, {"name": "old:1", "state": "absent"}])},
            [],
            {},
            {M: "1"},
        ),
        # absent on one host and wanted on another
        (
            [locked(M, "1")],
            {"a": host(declared=[{"name": M, "state": "absent"}]), "b": host(row(M, "1"))},
            [],
            {},
            {M: "1"},
        ),
        # the same model in other letters
        ([locked("Mistral:7B", "1")], {"a": host(row(M, "1"))}, [], {}, {"Mistral:7B": "1"}),
        # latest, like any other
        ([], {"a": host(row(M, "1"), declared=[{"name": M, "state": "latest"}])}, [], {}, {M: "1"}),
    ],
)
def test_pins(current, hosts, answers, options, expected):
    plan = plan_lock(lock(*current), hosts, answers, now="now", **options)
    assert pins(plan) == expected
    assert plan.ask == ()


def test_the_whole_pin():
    plan = plan_lock(Lock(), {"a": host(row(M, "1", "abc"))}, [], now="now")
    assert plan.lock.models == {locked(M, "1").name.key: locked(M, "1", "abc")}
    assert plan.lock.generated_at == "now"


def test_the_time_is_that_of_the_last_change():
    before = lock(locked(M, "1"), generated_at="then")
    assert plan_lock(before, {"a": host(row(M, "1"))}, [], now="now").lock.generated_at == "then"
    after = plan_lock(before, {"a": host(row(M, "1"), row("x:1", "2"), declared=[M, "x:1"])}, [], now="now")
    assert after.lock.generated_at == "now"


@pytest.mark.parametrize(
    ("current", "hosts", "options", "ask"),
    [
        ([], {"a": host(row(M))}, {}, [M]),
        ([], {"a": host(row(M, "1"))}, {}, []),
        ([], {"a": host(row(M, "1"))}, {"refresh": True}, [M]),
        ([locked(M, "1")], {"a": host(row(M))}, {}, []),
        ([], {"a": host(row(M, "1"), declared=[{"name": M, "digest": "2" * 64}])}, {}, [M]),
    ],
)
def test_only_what_no_store_can_tell_is_asked_of_the_registry(current, hosts, options, ask):
    plan = plan_lock(lock(*current), hosts, [], **options)
    assert [entry["name"].rpartition("/")[2] for entry in plan.ask] == ask


def test_a_plain_registry_is_asked_as_it_was_declared():
    hosts = {"a": host(declared=[{"name": "reg:5000/x/y:1", "insecure": True}])}
    assert plan_lock(Lock(), hosts, []).ask == ({"name": "reg:5000/x/y:1", "insecure": True},)


@pytest.mark.parametrize(
    ("current", "hosts", "answers", "options", "kind", "words"),
    [
        (
            [],
            {"gpu1": host(row(M, "1")), "gpu2": host(row(M, "1")), "gpu3": host(row(M, "2"))},
            [],
            {},
            "hosts_disagree",
            ["1" * 12 + " on gpu1, gpu2", "2" * 12 + " on gpu3", "lock_refresh"],
        ),
        (
            [],
            {
                "gpu1": host(declared=[{"name": M, "digest": "1" * 64}]),
                "gpu2": host(declared=[{"name": M, "digest": "2" * 64}]),
            },
            [],
            {},
            "hosts_disagree",
            ["declared with different digests", "gpu1", "gpu2"],
        ),
        ([], {"gpu1": host(row(M, "1")), "gpu2": {}}, [], {}, "host_not_read", ["gpu2", "--limit"]),
        ([], {"gpu1": {"declared": [M]}}, [], {}, "host_not_read", ["gpu1"]),
        ([], {"gpu1": {}}, [], {"refresh": True}, "host_not_read", ["gpu1"]),
        ([], {}, [], {}, "no_hosts", ["inventory"]),
        (
            [locked(M, "1")],
            {"a": host(row(M, "1"), declared=[{"name": M, "digest": "2" * 64}])},
            [],
            {},
            "lock_contradiction",
            ["1" * 64, "2" * 64],
        ),
        (
            [],
            {"a": host(row(M, "1"), declared=[{"name": M, "digest": "3" * 64}])},
            [row(M, "1", remote="2", served="ab")],
            {},
            "digest_unavailable",
            ["3" * 64, "2" * 64],
        ),
        ([], {"a": host(row(M))}, [row(M, problem="The registry is away.")], {}, "model_not_locked", ["is away"]),
        (
            [locked(M, "1")],
            {"a": host(row(M, "1"))},
            [row(M, "1", problem="It has no such tag.")],
            {"refresh": True},
            "model_not_locked",
            ["no such tag"],
        ),
        ([], {"a": host(declared=["bad name!"])}, [], {}, "bad_input", ["bad name!"]),
    ],
)
def test_what_is_in_the_way(current, hosts, answers, options, kind, words):
    with pytest.raises(CorralError) as caught:
        plan_lock(lock(*current), hosts, answers, **options)
    assert caught.value.kind == kind
    assert [word for word in words if word not in str(caught.value)] == []


def test_all_that_is_in_the_way_is_one_error():
    two = ["x:1", "y:1"]
    hosts = {
        "a": host(row("x:1", "1"), row("y:1", "1"), declared=two),
        "b": host(row("x:1", "2"), row("y:1", "2"), declared=two),
    }
    with pytest.raises(CorralError) as caught:
        plan_lock(Lock(), hosts, [])
    assert [problem["model"] for problem in caught.value.facts["problems"]] == two


def test_stores_that_do_not_follow_their_pin_are_said():
    plan = plan_lock(lock(locked(M, "1")), {"gpu1": host(row(M, "2")), "gpu2": host(row(M, "1"))}, [])
    (note,) = plan.notes
    assert "stays pinned to 111111111111" in note
    assert "222222222222 on gpu1" in note
    assert "gpu2" not in note


def test_what_a_host_says_is_not_trusted():
    evil = row(M, "1")
    evil["layers"][0]["digest"] = "../../etc/passwd"
    with pytest.raises(CorralError, match="is not a sha256 digest"):
        plan_lock(Lock(), {"a": host(evil)}, [])
