# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls over a wire that misbehaves, and what is reported of those that succeed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.server import pull
from ansible_collections.corral.ollama.plugins.module_utils.server import stream as stream_module
from ansible_collections.corral.ollama.plugins.module_utils.server.client import OllamaClient
from ansible_collections.corral.ollama.plugins.module_utils.server.errors import PullError
from ansible_collections.corral.ollama.plugins.module_utils.server.pull import pull_model
from ansible_collections.corral.ollama.tests.unit.scripted_server import (
    Answer,
    ScriptedServer,
    error,
    recorded,
    stream,
)

BLOB = "6d92db1fe447f0764fcf09c59aaa34289df8b286aa8463d5587f017b17ac293d"
MANIFEST = {"status": "pulling manifest"}
VERIFY = {"status": "verifying sha256 digest"}
WRITE = {"status": "writing manifest"}
SUCCESS = {"status": "success"}


def layer(completed: int, total: int = 1000, digest: str = BLOB) -> dict[str, Any]:
    line = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": total}
    return {**line, "completed": completed} if completed else line


def pulled(*answers: Answer, **options: Any) -> tuple[Any, ScriptedServer]:
    with ScriptedServer() as server:
        server.on("POST", "/api/pull", *answers)
        options.setdefault("sleep", lambda _seconds: None)
        return pull_model(OllamaClient(server.url), "tiny:1b", **options), server


def failed(*answers: Answer, **options: Any) -> PullError:
    with pytest.raises(PullError) as caught:
        pulled(*answers, **{"retries": 0, **options})
    return caught.value


def test_the_recorded_pulls_succeed() -> None:
    for name in ("pull_ok", "pull_auth_challenge", "pull_uptodate", "pull_tag_moved", "v0207_pull_ok", "pull_big_slow"):
        outcome, _server = pulled(recorded(name))
        assert outcome.retries == [], name


def test_layers_that_were_there_count_as_reused() -> None:
    outcome, _server = pulled(recorded("pull_uptodate"))
    assert outcome.reused_layers == 3
    assert outcome.total == outcome.completed == 246752 + 32 + 148
    assert outcome.fetched_of(outcome.total) == 0


def test_a_layer_that_grew_was_fetched_and_a_resumed_one_partly() -> None:
    outcome, _server = pulled(stream(MANIFEST, layer(300), layer(600), layer(1000), layer(50, 50, "b" * 64), SUCCESS))
    assert outcome.reused_layers == 1
    assert outcome.layers[BLOB].completed == 1000
    assert outcome.fetched_of(1050) == 1000


def test_a_layer_that_is_whole_at_once_and_told_again_was_fetched() -> None:
    outcome, _server = pulled(recorded("v0207_pull_ok"))
    assert (outcome.reused_layers, outcome.fetched_of(outcome.total)) == (0, 246752 + 32 + 148)


def test_a_second_attempt_does_not_change_what_was_there_before_the_first() -> None:
    again = (MANIFEST, layer(1000), layer(50, 50, "b" * 64))
    first = stream(MANIFEST, layer(300), layer(1000), layer(50, 50, "b" * 64), cut=True)
    outcome, _server = pulled(first, stream(*again, SUCCESS))
    assert (outcome.reused_layers, outcome.fetched_of(1050)) == (1, 1000)


def test_events_carry_plain_digests_and_the_attempt() -> None:
    events: list[pull.PullEvent] = []
    pulled(error(500, "500: "), stream(MANIFEST, layer(1), SUCCESS), on_event=events.append)
    assert events[1] == pull.PullEvent(f"pulling {BLOB[:12]}", BLOB, 1000, 1, 2)


def test_the_request_says_what_is_wanted() -> None:
    _outcome, server = pulled(stream(SUCCESS), insecure=True)
    assert server.calls[0].body == {"model": "tiny:1b", "insecure": True, "stream": True}


def test_a_stream_that_is_cut_means_the_server_has_gone() -> None:
    failure = failed(stream(MANIFEST, layer(400), cut=True))
    assert failure.kind == "server_gone"
    assert "the connection broke after 'pulling 6d92db1fe447' (400 of 1000 bytes)" in str(failure)
    assert "docker logs" in failure.remedy


def test_a_stream_that_ends_without_success_is_incomplete() -> None:
    failure = failed(stream(MANIFEST, layer(1000), VERIFY))
    assert failure.kind == "pull_incomplete"
    assert "ended without success after 'verifying sha256 digest'" in str(failure)


def test_nothing_listens() -> None:
    with ScriptedServer() as server:
        url = server.url
    with pytest.raises(PullError) as caught:
        pull_model(OllamaClient(url), "tiny:1b", retries=0)
    assert caught.value.kind == "server_gone"
    assert f"The Ollama server {url} cannot be reached" in str(caught.value)


def test_an_error_after_success_is_a_failure() -> None:
    assert failed(stream(MANIFEST, SUCCESS, {"error": "digest mismatch"})).kind == "digest_mismatch"


def test_a_line_after_success_that_is_not_success_is_no_success() -> None:
    assert failed(stream(SUCCESS, WRITE)).kind == "pull_incomplete"


def test_a_cut_after_success_is_a_success() -> None:
    outcome, _server = pulled(stream(MANIFEST, SUCCESS, cut=True), retries=0)
    assert outcome.retries == []


def test_a_transfer_that_repeats_its_line_is_stalled() -> None:
    failure = failed(stream(MANIFEST, layer(400), repeat_last=True, line_delay=0.02), stall_timeout=0.3)
    assert failure.kind == "stalled"
    assert "no new byte arrived for 0.3" in str(failure)
    assert "(400 of 1000 bytes)" in str(failure)


def test_a_transfer_that_sends_no_line_is_stalled() -> None:
    failure = failed(stream(MANIFEST, layer(400), hang=5.0), stall_timeout=0.3)
    assert failure.kind == "stalled"
    assert "nothing was received for 0.3 s" in str(failure)


def test_a_server_that_never_answers_is_stalled() -> None:
    failure = failed(stream(SUCCESS, delay=5.0), stall_timeout=0.3)
    assert failure.kind == "stalled"
    assert "did not answer within 0.3 s" in str(failure)


def test_a_slow_transfer_is_not_stalled() -> None:
    lines = [layer(done) for done in range(50, 1001, 50)]
    outcome, _server = pulled(stream(MANIFEST, *lines, SUCCESS, line_delay=0.15), stall_timeout=2.0, retries=0)
    assert outcome.seconds > 2.0


def test_silence_while_verifying_is_allowed_by_the_size_of_the_model() -> None:
    size = 2 * pull.VERIFY_BYTES_PER_SECOND
    lines = (MANIFEST, layer(size, size), VERIFY)
    assert failed(stream(*lines, hang=1.0), stall_timeout=0.2).kind == "pull_incomplete"
    assert failed(stream(MANIFEST, layer(900), VERIFY, hang=1.0), stall_timeout=0.2).kind == "stalled"


def test_junk_and_endless_lines_are_survived_and_told() -> None:
    junk = (b"<html>nonsense\n", b"[1, 2]\n", b"\n", b'{"status":"pulling\n', b"x" * 3_000_000 + b"\n", b"\xff\xfe\n")
    outcome, _server = pulled(stream(MANIFEST, *junk, SUCCESS), retries=0)
    assert outcome.retries == []
    failure = failed(stream(MANIFEST, b"<html>nonsense\n"))
    assert "1 lines were no JSON, the last began '<html>nonsense'" in str(failure)


def test_an_endless_line_is_not_collected_in_memory() -> None:
    chunks = [b"x" * stream_module.LINE_LIMIT] * 5
    response = SimpleNamespace(headers={"Transfer-Encoding": "chunked"}, iter_content=lambda chunk_size: chunks)
    lines = stream_module.JsonLines(response)
    assert list(lines) == []
    assert lines.junk >= 2


def test_lines_may_come_in_pieces_and_several_at_once() -> None:
    outcome, _server = pulled(stream(b'{"status":"pulling man', b'ifest"}\n{"status":"success"}'), retries=0)
    assert outcome.retries == []


def test_odd_fields_do_no_harm() -> None:
    odd = {"status": None, "digest": 7, "total": "many", "completed": {}}
    outcome, _server = pulled(stream(odd, {"error": None}, SUCCESS), retries=0)
    assert outcome.total == 0


def test_retries_wait_longer_each_time_and_are_reported() -> None:
    waits: list[float] = []
    told: list[pull.Retry] = []
    answers = (error(500, "500: "), stream(MANIFEST, cut=True), recorded("pull_digest_mismatch"), recorded("pull_ok"))
    outcome, server = pulled(*answers, retries=3, backoff=0.5, sleep=waits.append, on_retry=told.append)
    assert waits == [0.5, 1.0, 2.0]
    assert [retry.kind for retry in outcome.retries] == ["registry_error", "server_gone", "digest_mismatch"]
    assert told == outcome.retries
    assert [retry.attempt for retry in told] == [1, 2, 3]
    assert len(server.calls) == 4


def test_cancel_stops_the_pull_and_closes_the_connection() -> None:
    class LostError(Exception):
        pass

    def cancel() -> None:
        if len(seen) > 1:
            raise LostError

    seen: list[pull.PullEvent] = []
    with pytest.raises(LostError):
        pulled(stream(MANIFEST, layer(1), layer(2), hang=5.0), on_event=seen.append, cancel=cancel)
    assert len(seen) == 2
