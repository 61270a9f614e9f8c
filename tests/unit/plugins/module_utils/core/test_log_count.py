# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, times, rates and samples of a log, and that none of it grows with the log."""

from __future__ import annotations

import tracemalloc

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.log_classes import SERVER_CLASSES, Limits
from ansible_collections.corral.ollama.plugins.module_utils.core.log_count import MAX_SAMPLE, Counter, Tally, sample
from ansible_collections.corral.ollama.plugins.module_utils.core.log_lines import Assembler, Frames, RawLines
from ansible_collections.corral.ollama.plugins.module_utils.core.log_patterns import consumer_classes
from ansible_collections.corral.ollama.plugins.module_utils.core.log_verdict import exceeded
from ansible_collections.corral.ollama.tests.unit.logged import STDOUT, entry, frame, gin, stamp

SYNC, HIDE, HOME, CLEAR, SHOW, DONE = "\x1b[?2026h", "\x1b[?25l", "\x1b[1G", "\x1b[K", "\x1b[?25h", "\x1b[?2026l"
SPINNER = "⠋⠙⠹⠸⠼"


def counted(data, classes=SERVER_CLASSES, samples=3):
    counter, frames, assembler = Counter(classes, samples), Frames(), Assembler()
    for stream, payload in frames.feed(data):
        for line in assembler.take(stream, payload):
            counter.take(line)
    for line in assembler.end():
        counter.take(line)
    return counter


def drawn(*rows, up=0):
    """One picture of `ollama pull`, as its progress package draws it."""
    return SYNC + HIDE + "\x1b[A" * up + HOME + "\n".join(row + CLEAR for row in rows) + SHOW + DONE


def pull(*ends):
    """All that one pull writes: the wheel turns, layers come, and it ends with ``ends``."""
    pictures = [drawn(f"pulling manifest {wheel} ") for wheel in SPINNER]
    if ends == ("success ",):
        for percent in (3, 50, 100):
            pictures.append(drawn("pulling manifest ", f"pulling 6a0746a1ec1a: {percent:3}% ▕██ ▏", up=1))
        pictures += [drawn("pulling manifest ", "pulling 6a0746a1ec1a: 100% ▕██▏", *ends, up=2)] * 2
    return "".join(pictures) + "\n" + "".join(f"{end}\n" for end in ends if end != "success ")


def as_entries(text):
    return b"".join(map(entry, text.split("\n")[:-1]))


@pytest.mark.parametrize(
    ("text", "pulls"),
    [
        (pull("success "), 1),
        (pull("Error: pull model manifest: 429: slow down"), 1),
        (pull("Error: pull model manifest: 429: slow down") * 3, 3),
        ("pulling manifest\npulling manifest\n", 2),
        ('{"status":"pulling manifest"}\n{"status":"pulling 6a07"}\n' * 2, 2),
    ],
)
def test_a_pull_counts_once_however_often_it_is_drawn(text, pulls):
    assert counted(as_entries(text)).tallies["pulling_manifest"].count == pulls


def test_first_last_and_the_busiest_minute():
    seconds = [10, 59.9, 60, 61, 62, 200, 199.9]
    data = b"".join(entry(gin(404), STDOUT, stamp(second)) for second in seconds)
    tally = counted(data).tallies["http_404"]
    assert (tally.count, tally.first, tally.last, tally.busiest) == (7, stamp(10), stamp(200), 3)


def test_both_streams_count():
    data = entry(gin(500), STDOUT) + entry('level=ERROR msg="llama runner terminated" error="exit status 2"')
    counter = counted(data)
    assert {name: tally.count for name, tally in counter.tallies.items() if tally.count} == {
        "http_500": 1,
        "runner_crash": 1,
    }
    assert counter.lines == 2


def test_a_pattern_of_a_consumer_counts_in_every_line_but_not_far_into_it():
    classes = consumer_classes("reranker", ["status=404", "Generation timeout", r"took \d+s"])
    lines = ["POST /rerank status=404", "\x1b[31mGeneration\x1b[0m timeout", gin(200, "/status=404"), "took 7s"]
    far = ["x" * 60000 + "status=404", "x" * 3155 + "took 7s", "x" * 3156 + "took 7s"]
    counter = counted(b"".join(map(entry, lines + far)), classes)
    assert {name: tally.count for name, tally in counter.tallies.items()} == {
        "status=404": 3,
        "Generation timeout": 1,
        r"took \d+s": 2,
    }


@pytest.mark.parametrize("samples", [0, 2])
def test_so_many_samples_and_each_of_them_short(samples):
    data = b"".join(entry(f"digest mismatch {number} " + "y" * 900) for number in range(5))
    found = counted(data, samples=samples).tallies["digest_mismatch"].samples
    assert [text[:17] for text in found] == [f"digest mismatch {number}" for number in range(samples)]
    assert all(len(text) == MAX_SAMPLE and text.endswith("…") for text in found)


@pytest.mark.parametrize(
    "line",
    [
        "GET /x Authorization: Bearer S3CRET",
        "authorization=Basic S3CRET",
        '{"Authorization":"Bearer S3CRET","a":1}',
        '{\\"Authorization\\": \\"S3CRET\\"}',
        'Authorization: Digest username="bob", response="S3CRET"',
        "Proxy-Authorization : Token S3CRET",
        "using bearer S3CRET, twice Bearer\tS3CRET",
        "Bea\x1b[31mrer\x1b[0m S3CRET",
        "x-api-key: S3CRET",
        "/v1/x?api_key=S3CRET&b=1",
        "token='S3CRET'",
        "PASSWORD=S3CRET",
        "https://bob:S3CRET@registry.example/v2",
        "Set-Cookie: S3CRET; Path=/",
    ],
)
def test_a_secret_is_not_shown(line):
    assert "S3CRET" not in sample(f"digest mismatch {line}")
    assert sample(f"digest mismatch {line}").startswith("digest mismatch ")
    assert "S3CRET" not in str(counted(entry(f"digest mismatch {line}")).tallies)


def test_what_is_no_secret_is_shown():
    text = '[GIN] 2026/11/21 - 22:30:00 | 404 | 1s | 10.0.0.7 | POST "/api/show" max_tokens=5'
    assert sample(text) == text


def test_a_sample_has_no_control_characters():
    assert sample("a\x1b]0;title\x07b\x1b[2Jc\x00d\u202ee\x9bf\x1b") == "abc?d?e?f?"


@pytest.mark.parametrize(
    ("limits", "minutes", "over"),
    [
        (Limits(), 1, ()),
        (Limits(count=6), 1, ()),
        (Limits(count=5), 1, ("count",)),
        (Limits(per_minute=2.0), 3, ()),
        (Limits(per_minute=1.9), 3, ("per_minute",)),
        (Limits(in_a_minute=4), 3, ()),
        (Limits(0, 0.1, 3), 3, ("count", "per_minute", "in_a_minute")),
    ],
)
def test_more_than_is_allowed(limits, minutes, over):
    assert exceeded(Tally(count=6, busiest=4), minutes, limits) == over


def test_memory_does_not_grow_with_the_log():
    piece = entry(gin(404), STDOUT) * 2000 + entry("digest mismatch " + "z" * 3000) * 20 + frame("endless " * 2000)
    counter, frames, assembler = Counter(SERVER_CLASSES), Frames(), Assembler()

    def feed(times):
        for _time in range(times):
            for at in range(0, len(piece), 65536):
                for stream, payload in frames.feed(piece[at : at + 65536]):
                    for line in assembler.take(stream, payload):
                        counter.take(line)

    feed(1)
    tracemalloc.start()
    try:
        feed(16)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counter.tallies["http_404"].count == 17 * 2000
    assert len(piece) * 16 > 5_000_000
    assert peak < 1_000_000, f"{peak} bytes for {len(piece) * 16} bytes of log"


@pytest.mark.parametrize(("frames", "piece"), [(Frames(), frame("x" * 16000)), (RawLines(), b"x" * 16000)])
def test_memory_does_not_grow_with_a_line_without_an_end(frames, piece):
    assembler, found = Assembler(), []
    tracemalloc.start()
    try:
        for _time in range(500):
            for stream, payload in frames.feed(piece):
                found += assembler.take(stream, payload)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == []
    assert peak < 1_000_000, f"{peak} bytes for {len(piece) * 500} bytes of one line"
