# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a request: by status, by exception, by what the body says."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core import load_outcome as outcome


class Named(Exception):
    """An exception of a library that is not here."""


def named(name, *args):
    return type(name, (Named,), {})(*args)


def within(inner):
    """Wrapped as requests and urllib3 do it: in the arguments."""
    return named("ConnectionError", named("MaxRetryError", inner))


@pytest.mark.parametrize(
    ("status", "wanted"), [(200, ""), (404, "http_404"), (503, "http_503"), (302, "http_302"), (206, "http_206")]
)
def test_a_status(status, wanted):
    assert outcome.of_status(status) == wanted


@pytest.mark.parametrize(
    ("error", "status", "wanted"),
    [
        (ConnectionRefusedError(111, "refused"), 0, "connection_refused"),
        (within(ConnectionRefusedError()), 0, "connection_refused"),
        (within(ConnectionResetError()), 0, "connection_reset"),
        (within(BrokenPipeError()), 0, "connection_reset"),
        (named("ConnectionError", named("ProtocolError", named("RemoteDisconnected"))), 0, "connection_reset"),
        (within(ConnectionResetError()), 200, "unfinished"),
        (named("ChunkedEncodingError", named("ProtocolError", named("IncompleteRead"))), 200, "unfinished"),
        (named("ChunkedEncodingError"), 0, "connection_reset"),
        (within(OSError("no route to host")), 0, "connection_failed"),
        (named("SSLError"), 0, "connection_failed"),
        (within(TimeoutError()), 0, "timeout"),
        (named("ReadTimeout"), 0, "timeout"),
        (named("ConnectTimeout"), 200, "timeout"),
        (OSError("the answer is longer than 1 bytes"), 200, "unfinished"),
    ],
)
def test_an_exception(error, status, wanted):
    assert outcome.of_exception(error, status) == wanted


def test_the_cause_counts_too_and_a_circle_ends():
    error = named("ConnectionError")
    error.__cause__ = ConnectionRefusedError()
    error.__cause__.__context__ = error
    assert outcome.of_exception(error) == "connection_refused"


@pytest.mark.parametrize(
    ("last", "tokens", "wanted"),
    [
        ({"done": True}, 3, "ok"),
        ({"done": True}, 0, "empty"),
        ({"done": False}, 3, "unfinished"),
        ({"done": "yes"}, 3, "unfinished"),
        ({}, 0, "unfinished"),
        ({"error": "an error was encountered while running the model: unexpected EOF"}, 3, "error_line"),
        ({"error": "", "done": True}, 3, "error_line"),
    ],
)
def test_a_generated_answer(last, tokens, wanted):
    assert outcome.of_generation(last, tokens) == wanted


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ({"embeddings": [[0.1, 0.2]]}, "ok"),
        ({"embeddings": [[0.0, 0.0]]}, "empty"),
        ({"embeddings": [[]]}, "empty"),
        ({"embeddings": []}, "empty"),
        ({"embeddings": "x"}, "empty"),
        ({}, "empty"),
        ({"embeddings": [[float("nan"), 1.0]]}, "bad_answer"),
        ({"embeddings": [["x"]]}, "bad_answer"),
        ({"error": "no"}, "error_line"),
    ],
)
def test_an_embedding(answer, wanted):
    assert outcome.of_embedding(answer) == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ({"response": "a"}, "a"),
        ({"message": {"content": "b"}}, "b"),
        ({"message": {"thinking": "hm"}}, "hm"),
        ({"message": "text", "response": ""}, ""),
        ({"done": True}, ""),
    ],
)
def test_the_piece_that_a_line_brings(line, wanted):
    assert outcome.piece_of(line) == wanted


@pytest.mark.parametrize(
    ("value", "raw", "wanted"),
    [
        ({"error": "model not found"}, "x", "model not found"),
        ({"error": {"message": "busy"}}, "x", "busy"),
        ({"error": {}}, "raw", "raw"),
        (None, "<html>", "<html>"),
        ([], "y" * 999, "y" * 300),
    ],
)
def test_the_words_of_an_error(value, raw, wanted):
    assert outcome.error_text(value, raw) == wanted


def test_every_class_that_has_a_name_has_a_meaning():
    names = {value for key, value in vars(outcome).items() if key.isupper() and isinstance(value, str)}
    assert names - {"ok"} == set(outcome.MEANINGS)


def test_it_imports_nothing_of_the_collection():
    """The generator gets this file alone."""
    with open(outcome.__file__, encoding="utf-8") as file:
        lines = [line.split()[1] for line in file if line.startswith(("import ", "from "))]
    assert set(lines) == {"__future__", "math", "collections.abc", "typing"}
