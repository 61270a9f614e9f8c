# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classes of a server's log on lines as servers write them, and the thresholds that a user may set."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.log_classes import (
    SERVER_CLASSES,
    Limits,
    limits_from,
    with_thresholds,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.log_count import Counter

AT = "2026-11-21T22:00:00.000000000Z"
SLOG = "time=2026-11-21T22:00:00.000Z level=INFO source=%s msg=%s"
STALLED = "7f678f891264 part 0 stalled; retrying. If this persists, press ctrl-c to exit, then 'ollama pull' to find a"
LINES = [
    ('[GIN] 2026/11/21 - 19:50:22 | 404 |     681.459µs |       127.0.0.1 | POST     "/api/show"', ["http_404"]),
    # as the image writes it with a terminal
    (
        "[GIN] 2026/11/21 - 19:50:22 |\x1b[90;43m 404 \x1b[0m|     681.459µs |       127.0.0.1 |"
        '\x1b[97;44m GET     \x1b[0m "/nosuch"',
        ["http_404"],
    ),
    ('[GIN] 2026/11/21 - 19:50:22 | 499 |  1.180000001s |       127.0.0.1 | POST     "/api/generate"', ["http_499"]),
    ('[GIN] 2026/11/21 - 19:50:22 | 500 |          1m3s |       127.0.0.1 | POST     "/api/chat"', ["http_500"]),
    ('[GIN] 2026/11/21 - 19:50:22 | 503 |      75.195µs |       127.0.0.1 | POST     "/api/embed"', ["http_503"]),
    ('[GIN] 2026/11/21 - 19:50:22 | 200 |      75.195µs |       127.0.0.1 | POST     "/v1/404?a= 500 "', []),
    ('[GIN] 2026/11/21 - 19:50:22 | 200 |         404ns |       127.0.0.1 | POST     "/x | 404 | y"', []),
    (SLOG % ("a.go:1", '"| 404 |"'), []),
    (SLOG % ("sched.go:641", '"Load failed" error="timed out waiting for llama-server to start - "'), ["load_timeout"]),
    ("Error: timed out waiting for llama runner to start - progress 0.00 - ", ["load_timeout"]),
    # the client left: this is in the request log as a 499
    (
        SLOG % ("sched.go:641", '"Load failed" error="timed out waiting for llama-server to start: context canceled"'),
        [],
    ),
    (
        SLOG % ("sched.go:641", '"Load failed" error="llama-server process has terminated: signal: killed"'),
        ["runner_crash"],
    ),
    (SLOG % ("server.go:316", '"llama runner terminated" error="exit status 2"'), ["runner_crash"]),
    (SLOG % ("llama_server.go:316", '"llama-server terminated" error="exit status 2"'), ["runner_crash"]),
    (SLOG % ("llama_server.go:1350", '"waiting for llama-server to become available"'), []),
    ("Error: digest mismatch, file must be downloaded again: want sha256:3251, got sha256:d55b", ["digest_mismatch"]),
    (
        SLOG % ("download.go:295", '"7f678f891264 part 3 attempt 0 failed: unexpected EOF, retrying in 1s"'),
        ["pull_retry"],
    ),
    (SLOG % ("download.go:250", '"failed to get direct URL; backing off and retrying" err=EOF'), ["pull_retry"]),
    ("Error: max retries exceeded: unexpected EOF", ["pull_retry"]),
    (SLOG % ("download.go:365", f'"{STALLED} faster connection."'), ["pull_stall"]),
    ('{"status":"pulling manifest"}', ["pulling_manifest"]),
    (SLOG % ("images.go:918", '"total unused blobs removed: 0"'), ["prune"]),
    (SLOG % ("images.go:911", '"total blobs: 7"'), []),
    (
        SLOG
        % ("routes.go:1971", '"corrupt manifests detected, skipping prune operation.  Re-pull or delete to clear"'),
        ["prune"],
    ),
    # a client writes what it likes into the path, and the line is still one request
    ('[GIN] 2026/11/21 - 19:50:22 | 200 | 1s | 1.2.3.4 | GET "/llama runner terminated/digest mismatch"', []),
    ("", []),
]


@pytest.mark.parametrize(("line", "classes"), LINES)
def test_a_line_is_of_its_class_and_of_no_other(line, classes):
    counter = Counter(SERVER_CLASSES)
    counter.take((2, AT, line, False))
    assert [name for name, tally in counter.tallies.items() if tally.count] == classes
    assert all(tally.count <= 1 for tally in counter.tallies.values())


def test_every_class_has_a_line_and_a_needle_of_its_own():
    assert {name for _line, classes in LINES for name in classes} == {one.name for one in SERVER_CLASSES}
    assert all(one.needles and one.remedy for one in SERVER_CLASSES)


def test_what_is_allowed_without_a_word():
    assert {one.name: str(one.limits) for one in SERVER_CLASSES if one.limits != Limits(count=0)} == {
        "http_499": "1 a minute on average, 10 within one minute",
        "pull_retry": "5 within one minute",
        "pull_stall": "5 within one minute",
        "pulling_manifest": "5 within one minute",
    }


def test_thresholds_replace_those_of_their_class_only():
    chosen = {one.name: one.limits for one in with_thresholds({"http_404": 7, "http_499": {"per_minute": 0.5}})}
    assert chosen["http_404"] == Limits(count=7)
    assert chosen["http_499"] == Limits(per_minute=0.5)
    assert chosen["http_500"] == Limits(count=0)
    assert str(limits_from("x", {"count": None})) == "any number"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"http_405": 1}, "thresholds names 'http_405', which is no class. Use http_404, http_499,"),
        ({"http_404": "many"}, "thresholds.http_404 is 'many', not a number from 0."),
        ({"http_404": -1}, "thresholds.http_404 is -1, not a number from 0."),
        ({"http_404": True}, "thresholds.http_404 is True, not a number from 0."),
        ({"http_404": 0.5}, "thresholds.http_404 is 0.5, not a whole number."),
        ({"http_404": "nan"}, "thresholds.http_404 is 'nan', not a number from 0."),
        ({"http_404": None}, "thresholds.http_404 is None, not a number from 0."),
        ({"http_404": {"per_hour": 1}}, "thresholds.http_404 has per_hour. It takes count, per_minute, in_a_minute."),
        ({"http_404": {"per_minute": []}}, "thresholds.http_404.per_minute is [], not a number from 0."),
    ],
)
def test_thresholds_that_cannot_be_meant(given, message):
    with pytest.raises(BadInput) as caught:
        with_thresholds(given)
    assert str(caught.value).startswith(message)
