# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only shows when hosts are held against each other and the lock, and is not said already."""

from __future__ import annotations

from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_wide import fleet_wide
from ansible_collections.corral.ollama.plugins.module_utils.core.lockfile import Lock, Locked
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.tests.unit import paged

IMAGE = "ollama/ollama:0.32.15"


def stored(digest=paged.DIGEST, **changes):
    row = {"name": "mistral:7b", "state": "present", "digest": digest, "target_digest": digest, "complete": True}
    return {**row, "action": "none", "reason": "", "problem": "", **changes}


def host(row=None, declared=("mistral:7b",), version="0.32.15", digest=paged.DIGEST, **changes):
    row = row or stored(digest)
    answers = [paged.server(1, [paged.model(digest=digest, expected=digest)], version=version)]
    return {"results": answers, "drift": {"declared": list(declared), "models": [row]}, "image": IMAGE, **changes}


def found(hosts, lock=None):
    told = fleet_wide(hosts, lock or Lock(), paged.NOW)
    return [
        (name, one["check"], one["severity"], one["message"])
        for name, one_host in told.items()
        for one in (one_host or {}).get("findings", [])
    ]


def test_hosts_that_are_alike():
    assert found({"gpu-1": host(), "gpu-2": host(), "gpu-3": {}, "gpu-4": None}) == []


def test_stores_that_differ_and_nothing_is_pinned():
    rows = found({"gpu-1": host(), "gpu-2": host(digest=paged.OTHER)})
    assert [(name, check, severity) for name, check, severity, _text in rows] == [
        ("gpu-1", "drift", "warning"),
        ("gpu-2", "drift", "warning"),
    ]
    assert "mistral:7b: the hosts do not have the same: 6591e0a96591 on gpu-1; 0123abcd0123 on gpu-2" in rows[0][3]


def test_what_the_store_or_an_answer_has_told_is_not_told_again():
    declared = [{"name": "mistral:7b", "digest": paged.OTHER}]
    assert found({"gpu-1": host(declared=declared)})[0][1:3] == ("drift", "problem")
    assert found({"gpu-1": host(stored(action="pull"), declared)}) == []
    answers = [paged.server(1, [paged.bad_model()])]
    assert found({"gpu-1": host(declared=declared, results=answers)}) == []


def test_declared_absent_and_still_there():
    declared = [{"name": "mistral:7b", "state": "absent"}]
    ((_host, check, severity, text),) = found({"gpu-1": host(declared=declared)})
    assert (check, severity) == ("drift", "problem")
    assert "it is declared absent, and still in the store" in text


def test_a_lock_that_does_not_know_a_model_is_a_note():
    name = parse_name("llava:7b")
    lock = Lock({name.key: Locked(name, paged.DIGEST, 1, "registry.ollama.ai", ())})
    notes = found({"gpu-1": host()}, lock)
    assert {severity for _host, _check, severity, _text in notes} == {"note"}
    assert any("Declared and not in the lock: mistral:7b" in text for *_rest, text in notes)


def test_hosts_that_are_declared_alike_and_are_not():
    hosts = {"gpu-1": host(), "gpu-2": host(), "gpu-3": host(version="0.31.0")}
    ((name, check, severity, text),) = found(hosts)
    assert (name, check, severity) == ("gpu-3", "version_skew", "warning")
    assert text.startswith(f"{IMAGE} is version 0.31.0 here, and 0.32.15 on most hosts")
    assert found({**hosts, "gpu-3": host(version="0.31.0", image="ollama/ollama:0.31.0")}) == []


def test_findings_that_are_there_stay():
    hosts = {"gpu-1": host(findings=[paged.finding()]), "gpu-2": host(digest=paged.OTHER)}
    assert [check for _host, check, *_rest in found(hosts)] == ["gpu", "drift", "drift"]


def test_what_cannot_be_held_against_each_other_is_said():
    rows = found({"gpu-1": host(declared=[{"name": ":"}])})
    assert [(check, severity) for _host, check, severity, _text in rows] == [("drift", "warning")]
