# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the engine's bytes to lines: pieces of any size, entries, both streams, lines without an end."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core import log_lines
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.log_lines import Assembler, Frames, RawLines
from ansible_collections.corral.ollama.tests.unit.logged import STAMP, STDERR, STDOUT, entry, frame, stamp


def lines(data, frames=None, since="", size=0):
    frames, found, joined = frames or Frames(), Assembler(since), []
    for at in range(0, len(data), size or len(data) or 1):
        for stream, payload in frames.feed(data[at : at + (size or len(data))]):
            joined += found.take(stream, payload)
    return [*joined, *found.end()], found


def texts(data, frames=None, since="", size=0):
    return [text for _stream, _stamp, text, _drawn in lines(data, frames, since, size)[0]]


@pytest.mark.parametrize("size", [1, 3, 7, 8, 64, 0])
def test_pieces_of_any_size_give_the_same_lines(size):
    data = entry("one", STDOUT) + entry("zwei ½", STDERR) + entry("", STDOUT) + frame("no end", STDERR)
    found, _assembler = lines(data, size=size)
    assert found == [
        (STDOUT, STAMP, "one", False),
        (STDERR, STAMP, "zwei ½", False),
        (STDOUT, STAMP, "", False),
        (STDERR, STAMP, "no end", False),
    ]


def test_a_long_line_comes_in_entries_and_the_other_stream_in_between():
    first, last = stamp(1), stamp(2)
    data = frame("a" * 16000, STDERR, first) + entry("other", STDOUT) + frame("b" * 16000, STDERR, last)
    found, _assembler = lines(data + entry("c", STDERR, last))
    assert found == [(STDOUT, STAMP, "other", False), (STDERR, first, "a" * 16000 + "b" * 16000 + "c", False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\r\n", [("one", False)]),
        ("one\rtwo\rthree\n", [("one", False), ("two", True), ("three", True)]),
        ("\x1b[1Gone\x1b[1Gtwo\n", [("one", True), ("two", True)]),
        ("\x1b[Gone\n", [("one", True)]),
        ("one\ntwo\n", [("one", False), ("two", False)]),
        ("\r\n", []),
    ],
)
def test_what_is_drawn_over_is_a_line_of_its_own(text, expected):
    whole = [(text, drawn) for _stream, _stamp, text, drawn in lines(frame(text))[0]]
    parts = [(text, drawn) for _stream, _stamp, text, drawn in lines(b"".join(map(frame, text)))[0]]
    assert (whole, parts) == (expected, expected)


def test_bytes_that_are_no_text():
    assert texts(entry(b"\xff\xfe caf\xc3 \x00 ok")) == ["�� caf� \x00 ok"]


@pytest.mark.parametrize("raw", [False, True])
def test_a_line_without_an_end_is_cut(monkeypatch, raw):
    monkeypatch.setattr(log_lines, "MAX_LINE", 1000)
    part = (b"" if raw else STAMP.encode() + b" ") + b"x" * 400
    data = b"".join([STAMP.encode() + b" "] * raw + [part if raw else frame("x" * 400)] * 50)
    data += b"\n" + STAMP.encode() + b" next\n" if raw else entry("") + entry("next")
    found, assembler = lines(data, RawLines() if raw else None, size=37)
    assert [text for _stream, _stamp, text, _drawn in found] == ["x" * 1000, "next"]
    assert assembler.cut == 1


def test_a_line_of_exactly_the_limit_is_not_cut(monkeypatch):
    monkeypatch.setattr(log_lines, "MAX_LINE", 1000)
    found, assembler = lines(entry("x" * 1000) + entry("y" * 1001))
    assert [len(text) for _stream, _stamp, text, _drawn in found] == [1000, 1000]
    assert assembler.cut == 1


def test_a_terminal_has_one_stream_without_headers():
    data = b"".join(f"{STAMP} line {number}\r\n".encode() for number in range(3))
    assert texts(data, RawLines(), size=5) == ["line 0", "line 1", "line 2"]


def test_what_is_older_is_left_out_to_the_nanosecond():
    times = ["2026-11-21T22:00:00.249999999Z", "2026-11-21T22:00:00.250000000Z", "2026-11-21T22:00:01.000000000Z"]
    data = b"".join(entry(f"line {number}", at=at) for number, at in enumerate(times))
    assert texts(data, since=times[1]) == ["line 1", "line 2"]


def test_an_entry_without_a_time_has_that_of_the_one_before():
    data = entry("one") + b"\x01\0\0\0\0\0\0\x06hello\n"
    assert lines(data)[0][1] == (STDOUT, STAMP, "hello", False)


def test_the_engine_says_that_it_could_not_read_on():
    said = b"Error grabbing logs: invalid character '\\x00' looking for beginning of value\n"
    found, assembler = lines(entry("one") + b"\x03\0\0\0\0\0\0" + bytes([len(said)]) + said)
    assert [text for _stream, _stamp, text, _drawn in found] == ["one"]
    assert assembler.problem == said.decode().strip()


@pytest.mark.parametrize("data", [b"\x04\0\0\0\0\0\0\x01x", b"\x01\0\0\0\xff\xff\xff\xffx", b"<html>not a log</html>"])
def test_an_answer_that_is_no_log(data):
    with pytest.raises(CorralError) as caught:
        list(Frames().feed(data))
    assert caught.value.kind == "log_garbled"


def test_an_answer_that_ends_within_an_entry_is_not_whole():
    frames = Frames()
    list(frames.feed(entry("one")[:-1]))
    assert not frames.whole
    list(frames.feed(b"\n"))
    assert frames.whole
