# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's log over a real wire: the SDK's client, urllib3, chunks, and what breaks there."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.log_lines import MAX_LINE
from ansible_collections.corral.ollama.plugins.module_utils.engine.client import EngineError
from ansible_collections.corral.ollama.plugins.module_utils.engine.log_stream import LogStream
from ansible_collections.corral.ollama.tests.unit.logged import STAMP, STDERR, STDOUT, Engine, entry, logging
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer

UNREADABLE = b'{"message":"configured logging driver does not support reading"}'


def read(log, timeout=5.0, **how):
    container = logging("c", **how)
    with Engine(container, logs={"c": log}) as engine:
        stream = LogStream(engine.api(timeout), container, "", 1795298400)
        return [(where, text) for where, _stamp, text, _drawn in stream], stream, engine.asked


def test_both_streams_in_chunks_of_any_size():
    whole = entry("out", STDOUT) + entry("err", STDERR) + entry("x" * 200_000, STDOUT)
    for size in (7, 1000, len(whole)):
        found, stream, asked = read([whole[at : at + size] for at in range(0, len(whole), size)])
        assert found == [(1, "out"), (2, "err"), (1, "x" * MAX_LINE)]
        assert (stream.size, stream.cut, stream.problem) == (len(whole), 1, "")
    assert asked == [
        {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "0", "tail": "all", "since": "1795298400"}
    ]


def test_a_terminal():
    found, _stream, _asked = read([f"{STAMP} one\r\n{STAMP} t".encode(), b"wo\r\n"], tty=True)
    assert found == [(1, "one"), (1, "two")]
    found, _stream, _asked = read([f"{STAMP} one\r\n{STAMP} out of mem".encode(), b"ory"], tty=True)
    assert found == [(1, "one"), (1, "out of memory")]


def test_nothing_was_logged():
    assert read([])[0] == []


@pytest.mark.parametrize("driver", ["none", "syslog"])
@pytest.mark.parametrize("status", [500, 501])
def test_a_driver_that_cannot_be_read(driver, status):
    with pytest.raises(EngineError) as caught:
        read(Answer(status, UNREADABLE), driver=driver)
    assert str(caught.value) == (
        f"The log of c (log driver {driver}) cannot be read: configured logging driver does not support reading. "
        "Give the container the log driver local, json-file or journald, or leave it out of the check."
    )
    assert (caught.value.kind, caught.value.facts["log_driver"]) == ("log_unreadable", driver)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Answer(404, b'{"message":"No such container: c"}'), "container_missing", "The container c was removed while"),
        (
            Answer(500, b"<html>oops</html>"),
            "log_unreadable",
            "The log of c (log driver json-file) cannot be read: <",
        ),
        (Answer(500, b'["x"]'), "log_unreadable", 'The log of c (log driver json-file) cannot be read: ["x"].'),
        (Answer(lines=(entry("one"),), cut=True), "log_broken", "The engine's answer with the log of c broke off: "),
        (Answer(lines=(entry("one")[:-2],)), "engine_error", "The engine's answer with the log of c ended too early."),
        (Answer(lines=(entry("one"),), hang=9), "log_broken", "The engine's answer with the log of c broke off: "),
        (Answer(delay=9), "log_broken", "The engine's answer with the log of c broke off: "),
    ],
)
def test_what_breaks(answer, kind, message):
    with pytest.raises(EngineError) as caught:
        read(answer, timeout=0.5)
    assert caught.value.kind == kind
    assert str(caught.value).startswith(message)


def test_an_engine_that_says_in_the_midst_that_it_cannot_read_on():
    said = b"Error grabbing logs: unexpected EOF\n"
    found, stream, _asked = read([entry("one"), b"\x02\0\0\0\0\0\0" + bytes([len(said)]) + said])
    assert (found, stream.problem) == ([(2, "one")], "Error grabbing logs: unexpected EOF")
