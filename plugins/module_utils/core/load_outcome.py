# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of one request of a load test. The generator has this file beside its locustfile, so it imports nothing
of the collection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

OK = "ok"
TIMEOUT = "timeout"
REFUSED = "connection_refused"
RESET = "connection_reset"
CONNECTION = "connection_failed"
UNFINISHED = "unfinished"
ERROR_LINE = "error_line"
EMPTY = "empty"
BAD_ANSWER = "bad_answer"
NOT_SENT = "not_sent"

MEANINGS = {
    TIMEOUT: "no complete answer within the timeout",
    REFUSED: "nobody listens there",
    RESET: "the connection was closed before an answer",
    CONNECTION: "no connection could be made",
    UNFINISHED: "the answer ended in the middle",
    ERROR_LINE: "an error inside an answer that had begun with 200",
    EMPTY: "200 with nothing in it",
    BAD_ANSWER: "200 with something that is not Ollama's",
    NOT_SENT: "no free user within the timeout",
}

_LATE = ("ReadTimeout", "ConnectTimeout", "ReadTimeoutError", "ConnectTimeoutError", "Timeout", "TimeoutError")
_CUT = ("ChunkedEncodingError", "IncompleteRead", "InvalidChunkLength")
_CLOSED = ("RemoteDisconnected", "ProtocolError", "BadStatusLine")


def of_status(status: int) -> str:
    """The class of an answer with an HTTP status, "" where the body decides."""
    return "" if status == 200 else f"http_{status}"


def of_exception(error: BaseException, status: int = 0) -> str:
    """The class of what was raised. ``status``: that of the answer, where one had begun."""
    kinds = list(_causes(error))
    names = {type(one).__name__ for one in kinds}
    if names & set(_LATE):
        return TIMEOUT
    if status:
        return UNFINISHED
    if any(isinstance(one, ConnectionRefusedError) for one in kinds):
        return REFUSED
    if any(isinstance(one, (ConnectionResetError, BrokenPipeError)) for one in kinds) or names & {*_CUT, *_CLOSED}:
        return RESET
    return CONNECTION


def of_generation(last: Mapping[str, Any], tokens: int) -> str:
    """The class of a generated answer or chat, from its last object and the tokens that came."""
    if "error" in last:
        return ERROR_LINE
    if last.get("done") is not True:
        return UNFINISHED
    return OK if tokens > 0 else EMPTY


def of_embedding(answer: Mapping[str, Any]) -> str:
    if "error" in answer:
        return ERROR_LINE
    vectors = answer.get("embeddings")
    if not isinstance(vectors, list) or not vectors or not isinstance(vectors[0], list) or not vectors[0]:
        return EMPTY
    sound = all(isinstance(value, (int, float)) and math.isfinite(value) for value in vectors[0])
    return (OK if any(vectors[0]) else EMPTY) if sound else BAD_ANSWER


def piece_of(line: Mapping[str, Any]) -> str:
    """The text that one object of an answer brings, thoughts included."""
    message = line.get("message")
    places = (line, message if isinstance(message, Mapping) else {})
    return "".join(str(place[key]) for place in places for key in ("response", "content", "thinking") if place.get(key))


def error_text(value: Any, raw: str = "") -> str:
    """What an answer says went wrong: Ollama's text, OpenAI's object, or its beginning."""
    found = value.get("error", "") if isinstance(value, Mapping) else ""
    if isinstance(found, Mapping):
        found = found.get("message", "")
    return (str(found) or raw)[:300]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything inside it: requests and urllib3 hide the OSError in args as often as in causes."""
    todo, seen = [error], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (*one.args, one.__cause__, one.__context__, getattr(one, "reason", None))
        todo += [item for item in inner if isinstance(item, BaseException)]
