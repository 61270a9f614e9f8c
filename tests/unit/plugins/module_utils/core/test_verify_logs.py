# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new in a log fails a verification, what was told before is a warning."""

from __future__ import annotations

import re

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.log_classes import SERVER_CLASSES, LogClass
from ansible_collections.corral.ollama.plugins.module_utils.core.log_count import Counter
from ansible_collections.corral.ollama.plugins.module_utils.core.log_verdict import Looked
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_logs import last_changes, log_findings
from ansible_collections.corral.ollama.tests.unit.logged import gin, stamp

MARK = stamp(1800)


def looked(lines, mark=MARK, **changes):
    counter = Counter(SERVER_CLASSES, mark=mark)
    for second, text in lines:
        counter.take((1, stamp(second), text, False))
    given = {"container": "ollama-ollama-server-3", "service": "ollama-server-3", "driver": "local"}
    read = {"since": stamp(0), "until": stamp(3600), "size": 1, "cut": 0, "problem": "", "counter": counter}
    return Looked(**{**given, **read, **changes})


@pytest.mark.parametrize(
    ("lines", "mark", "expected"),
    [
        ([], MARK, []),
        ([(10, gin(200))], MARK, []),
        ([(10, gin(404))], MARK, [("warning", "1 x http_404 since 2026-11-21T22:00:00Z")]),
        ([(1800, gin(404))], MARK, [("problem", "1 x http_404 since 2026-11-21T22:30:00Z")]),
        ([(10, gin(404)), (1900, gin(404))], MARK, [("problem", "1 x http_404 since 2026-11-21T22:30:00Z")]),
        ([(10, gin(404))], "", [("problem", "1 x http_404 since 2026-11-21T22:00:00Z")]),  # the first look
        ([(10, gin(499))] * 11 + [(1900, gin(499))], MARK, [("warning", "12 x http_499")]),
    ],
)
def test_what_is_new(lines, mark, expected):
    found = log_findings(looked(lines, mark), SERVER_CLASSES)
    assert [(one.check, one.severity, one.instance) for one in found] == [
        ("logs", severity, "ollama-server-3") for severity, _text in expected
    ]
    assert all(text in one.message for one, (_severity, text) in zip(found, expected))


def test_a_log_that_cannot_be_read_is_said_and_no_more():
    problem = "The log of c (log driver none) cannot be read: configured logging driver does not support reading."
    (one,) = log_findings(looked([], problem=problem, remedy="Give it another."), SERVER_CLASSES)
    assert (one.severity, one.message) == ("warning", f"{problem} Give it another.")


def test_counts_that_are_too_low_are_still_counts():
    found = log_findings(looked([(1900, gin(500))], problem="it broke"), SERVER_CLASSES)
    assert [one.severity for one in found] == ["warning", "problem"]


def test_a_consumer_is_no_instance():
    pattern = LogClass("timeout", re.compile("Generation timeout"), anywhere=True, reach=1000)
    counter = Counter([pattern])
    counter.take((1, stamp(5), "ERROR Generation timeout after 300 s", False))
    (one,) = log_findings(looked([], counter=counter, service="", container="reranker"), [pattern])
    assert (one.instance, one.severity) == ("", "problem")
    assert one.message.startswith("reranker has 1 x timeout since")


def test_when_a_rollout_last_wrote_about_an_instance():
    events = [
        {"at": stamp(5), "event": "changing", "instances": ["a", "b"]},
        {"at": stamp(9), "event": "done", "instances": ["a"]},
        {"at": "", "instances": ["c"]},
        {"at": stamp(9), "instances": None},
    ]
    assert last_changes(events) == {"a": stamp(9), "b": stamp(5)}
