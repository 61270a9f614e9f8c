# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who differs from whom: every kind of drift, what is a failure and what is only worth knowing."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.drift import drift_report, stats_of
from ansible_collections.corral.ollama.plugins.module_utils.core.drift_table import drift_table
from ansible_collections.corral.ollama.plugins.module_utils.core.lockfile import Lock
from ansible_collections.corral.ollama.tests.unit.locks import lock, locked, row, server

M = "mistral:7b"
PINNED = lock(locked(M, "1"))
SAME = {"remote": "1", "served": "ab"}
NEWER = {"remote": "2", "served": "acd"}


def host(*rows, servers=("1", "1"), declared=(M,)):
    """``servers``: the digest that each lists of the model, "" for none, ``None`` for one that does not answer."""
    listing = [
        server(f"s{number}", digest is not None, **({"mistral_7b": digest} if digest else {}))
        for number, digest in enumerate(servers, 1)
    ]
    return {"declared": list(declared), "models": list(rows), "servers": listing}


def report_of(hosts, pins=PINNED):
    return drift_report(hosts, pins, "now")


@pytest.mark.parametrize(
    ("pins", "found", "verdict", "words"),
    [
        (PINNED, host(row(M, "1", **SAME)), "ok", []),
        (Lock(), host(row(M, "1", **SAME)), "ok", []),
        (PINNED, host(row(M, "1", **NEWER)), "outdated", ["now serves 222222222222"]),
        (Lock(), host(row(M, "1", **NEWER)), "outdated", ["now serves 222222222222"]),
        # the same content, written anew by an Ollama before 0.19
        (PINNED, host(row(M, "1", remote="9", served="ab")), "ok", []),
        (PINNED, host(row(M, "1")), "ok", []),
        (PINNED, host(row(M), servers=("", "")), "missing", ["not in the store", "corral.ollama.site"]),
        (PINNED, host(row(M, "1", complete=False)), "missing", ["blobs", "digest_check"]),
        (PINNED, host(row(M, "1"), servers=("1", "")), "missing", ["s2 does not list it"]),
        (
            PINNED,
            host(row(M, "2"), servers=("2", "2")),
            "differs",
            ["222222222222", "the lock pins it to 111111111111"],
        ),
        (PINNED, host(row(M, "1"), servers=("1", "2")), "differs", ["s2: 222222222222", "Restart"]),
        (PINNED, host(row(M, "1", "ac")), "differs", ["the lock's layers are not those of its manifest"]),
        (
            Lock(),
            host(row(M, "2"), servers=("2",), declared=[{"name": M, "digest": "1" * 64}]),
            "differs",
            ["it is declared with 111111111111"],
        ),
        (PINNED, host(declared=[M], servers=()), "missing", ["not in the store"]),
        (Lock(), host(row(M), servers=(), declared=[{"name": M, "state": "absent"}]), "ok", []),
        (
            Lock(),
            host(row(M, "1"), servers=(), declared=[{"name": M, "state": "absent"}]),
            "differs",
            ["declared absent, and still in the store"],
        ),
        (
            Lock(),
            host(row(M), servers=("1",), declared=[{"name": M, "state": "absent"}]),
            "differs",
            ["declared absent, and still in 1 instance"],
        ),
    ],
)
def test_the_verdict_on_one_model_of_one_host(pins, found, verdict, words):
    report = report_of({"gpu1": found}, pins)
    (one,) = report["rows"]
    assert one["verdict"] == verdict
    assert [word for word in words if word not in one["reason"]] == []
    assert bool(one["reason"]) == (verdict != "ok")
    # Outdated is no failure.
    assert report["ok"] == (verdict in ("ok", "outdated"))
    assert report["problems"] == ([] if report["ok"] else [f"gpu1: {M}: {one['reason']}"])
    assert report["summary"]["rows_ok" if verdict == "ok" else verdict] == 1


def test_what_an_update_would_download_on_all_hosts():
    hosts = {name: host(row(M, "1", **NEWER)) for name in ("gpu1", "gpu2")}
    report = report_of(hosts)
    assert report["summary"]["bytes_to_update"] == 400
    assert stats_of(report) == {
        "ok": True,
        "checked_at": "now",
        "locked": True,
        "hosts": 2,
        "models": 1,
        "rows": 2,
        "rows_ok": 0,
        "outdated": 2,
        "differs": 0,
        "missing": 0,
        "bytes_to_update": 400,
        "problems": 0,
        "outdated_models": [M],
    }


def test_hosts_that_differ_where_nothing_says_who_is_right():
    hosts = {
        "gpu1": host(row(M, "1")),
        "gpu2": host(row(M, "2"), servers=("2", "2")),
        "gpu3": host(row(M, "1")),
        "gpu4": host(row(M), servers=("", "")),
    }
    report = report_of(hosts, Lock())
    assert [one["verdict"] for one in report["rows"]] == ["differs", "differs", "differs", "missing"]
    assert "111111111111 on gpu1, gpu3; 222222222222 on gpu2" in report["rows"][0]["reason"]
    # With a pin it is clear who is wrong.
    assert [one["verdict"] for one in report_of(hosts)["rows"]] == ["ok", "differs", "ok", "missing"]


def test_a_silent_registry_is_said_once_and_is_no_failure():
    hosts = {}
    for name in ("gpu1", "gpu2"):
        rows = [
            row(model, "1", problem=f"Nothing listens there, says {name}.", problem_kind="registry_unreachable")
            for model in (M, "x:1")
        ]
        hosts[name] = host(*rows, servers=(), declared=[M, "x:1"])
    report = report_of(hosts, Lock())
    assert report["ok"] is True
    assert report["notes"] == [
        f"The registry tells nothing about {M}, x:1 (asked from gpu1, gpu2). Nothing listens there, says gpu1."
    ]
    assert report["rows"][0]["registry"] == ""
    assert "  ?  " in drift_table(report)


def test_who_could_not_be_asked_is_a_problem():
    report = report_of({"gpu1": {}, "gpu2": host(row(M, "1"), servers=("1", None))})
    assert report["problems"] == [
        "gpu1: it was not read, because it failed or could not be reached before.",
        "gpu2: s2 does not say what it lists: refused",
    ]
    assert report["rows"][0]["instances"] == {"asked": 1, "agree": 1, "listed": {"s1": "1" * 64}}
    assert report_of({})["ok"] is False


def test_what_lock_and_declaration_do_not_share_is_noted():
    found = host(row(M, "1"), row("new:1", "3"), servers=(), declared=[M, "new:1"])
    report = report_of({"gpu1": found}, lock(locked(M, "1"), locked("old:1", "2")))
    assert report["ok"] is True
    assert [note.split(":")[0] for note in report["notes"]] == [
        "Declared and not in the lock",
        "In the lock and declared nowhere here",
    ]
    assert "new:1" in report["notes"][0]
    assert "old:1" in report["notes"][1]


def test_a_declared_digest_that_contradicts_the_lock():
    report = report_of({"gpu1": host(row(M, "1"), declared=[{"name": M, "digest": "2" * 64}])})
    (problem,) = report["problems"]
    assert problem.startswith(f"gpu1: {M} is declared with the digest {'2' * 64}, and the lock pins it to {'1' * 64}")


def test_what_servers_list_is_not_trusted():
    found = host(row(M, "1"), servers=("1",))
    found["servers"][0]["models"].insert(0, {"name": "../../x y", "digest": None})
    assert report_of({"gpu1": found})["ok"] is True


HOSTS = {
    "gpu1": host(row(M, "1", **NEWER)),
    "gpu2": host(row(M, "1", **NEWER)),
    "a-host-with-a-very-long-name-indeed.example.com": host(row(M, "2", **NEWER), servers=("2", "1")),
}


def test_the_table_merges_hosts_that_are_the_same():
    lines = drift_table(report_of(HOSTS)).splitlines()
    assert lines[0] == "Drift of 3 hosts, 1 model: 1 problem, 2 outdated (600 B to download). now"
    assert lines[2].split() == ["model", "hosts", "pin", "store", "instances", "registry", "update", "verdict"]
    assert lines[3].split() == [M, "gpu1", "+1", "1111111", "1111111", "2/2", "2222222", "200", "B", "outdated"]
    assert lines[4].split()[2:] == ["1111111", "2222222", "1/2", "2222222", "200", "B", "differs"]
    assert lines[-1].startswith("  ") or lines[-1].startswith("✗")


@pytest.mark.parametrize("width", [80, 100])
def test_no_line_is_longer_than_it_may_be(width):
    long = "registry.example.com:5000/a-very-long-namespace/a-very-long-model-name-that-nobody-can-remember:70b-q4_K_M"
    hosts = {name: {**found, "declared": [M, long]} for name, found in HOSTS.items()}
    text = drift_table(report_of(hosts), width)
    assert max(map(len, text.splitlines())) <= width
    assert [line for line in text.splitlines() if line.startswith("reg") and "K_M  " in line]


def test_an_empty_fleet_is_said():
    text = drift_table(report_of({}, Lock()))
    assert text.startswith("Drift of 0 hosts, 0 models, no lock: 1 problem. now")
    assert "the fleet is empty" in text
