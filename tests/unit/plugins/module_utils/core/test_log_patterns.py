# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which patterns of a user are taken, and that those which are taken do not hold anything up."""

from __future__ import annotations

import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.log_classes import Limits
from ansible_collections.corral.ollama.plugins.module_utils.core.log_patterns import consumer_classes


def only(pattern):
    return consumer_classes("reranker", [pattern])[0]


def test_text_and_dictionaries():
    found = consumer_classes(
        "reranker", ["status=404", {"pattern": "Generation timeout", "name": "timeout", "per_minute": 0.1}]
    )
    assert [(one.name, one.pattern.pattern, one.limits) for one in found] == [
        ("status=404", "status=404", Limits(count=0)),
        ("timeout", "Generation timeout", Limits(per_minute=0.1)),
    ]
    assert all(one.anywhere and one.remedy == "Look at docker logs reranker." for one in found)


@pytest.mark.parametrize(
    "pattern",
    [
        "status=404",
        r"status=(?:404|5\d\d)",
        r"^\[(?P<level>ERROR|FATAL)\] .*failed in \d+",
        r"time(?:d )?out",
        "(?i)timeout",
        r"a{3}b{2,20}",
        r"[a-z+*]{1,9} \(\)+",
        r"[]a]+x{y",
        r"\d{4}-\d\d",
        r"\bx\b|\by\b",
        r"^(?i:x)(?P<x>y)(?=x)(?:x|#)\(?x",
        "Zeitüberschreitung",
    ],
)
def test_patterns_as_people_write_them(pattern):
    assert only(pattern).pattern.pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("status=(404", "The pattern 'status=(404' of reranker is no regular expression (missing ), unterminated"),
        ("*", "The pattern '*' of reranker is no regular expression (nothing to repeat"),
        ("x" * 201, f"The pattern {'x' * 200!r} of reranker has 201 characters; 200 are the most."),
        ("", "The pattern '' of reranker has no text to look for."),
        ("x*", "The pattern 'x*' of reranker matches an empty line"),
        (7, "The pattern '7' of reranker is neither text nor a dictionary. Put it into quotes."),
        ({"name": "x"}, "The pattern \"{'name': 'x'}\" of reranker has no text to look for."),
        ({"pattern": "x", "rate": 1}, "The pattern \"{'pattern': 'x', 'rate': 1}\" of reranker has rate. It takes"),
        ({"pattern": "x", "count": -1}, "The pattern \"{'pattern': 'x', 'count': -1}\" of reranker.count is -1"),
    ],
)
def test_patterns_that_cannot_be_meant(pattern, message):
    with pytest.raises(BadInput) as caught:
        only(pattern)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a*)*b",
        "(?:a|a)+b",
        "(?:a|aa)*b",
        "((a+))+b",
        "(a?){30}a",
        "(a{1,9}){1,9}b",
        "(?:(?:x)*y)*z",
        "(a+)+?b",
        r"(.)\1+x",
        "(?P<x>.)(?P=x)y",
        ".*a.*b",
        "^.*a.*b.*c",
        "^a.*b.*c|d",
        r"\w+\w+!",
        "x.{0,500}.{0,500}y",
        "x.{9,}.{1,99}y",
        "a?" * 22 + "a" * 22,
        "(a|a)" * 22 + "b",
        "^" + "(a|a)" * 24 + "b",
        "^(?x:(a+) +b)",
        "^(?sx-i:(a+)#)\n+b)",
        "^(?#()x|.*a.*b",
    ],
)
def test_patterns_that_could_take_hours(pattern):
    with pytest.raises(BadInput) as caught:
        only(pattern)
    assert "could take hours on a line made for it: " in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "reach"),
    [
        ("status=404", 65536),
        ("^status=404", 65536),
        (r"status=(?:404|5\d\d)", 65536),
        (r"took \d+s", 3162),
        (r"took \d+?s", 3162),
        (r"(?:a|b) took \d{1,2}s .*", 1581),
        (r"^\S+ failed in \d+", 3162),
        (r"x{1,200}", 50000),
    ],
)
def test_how_far_into_a_line_it_is_looked_for(pattern, reach):
    assert only(pattern).reach == reach


@pytest.mark.parametrize(
    "pattern", [".*b", r"\w+!", "^.*a.*b", "^[^y]+y[^z]+z", "a?" * 10 + "a" * 10 + "b", "a{1,60}a{1,60}b"]
)
def test_the_slowest_that_is_taken_takes_a_moment(pattern):
    found = only(pattern)
    lines = [text * (65536 // len(text)) for text in ("a", "xy", "ax")]
    begun = time.monotonic()
    for line in lines:
        found.pattern.search(line, 0, found.reach)
    assert time.monotonic() - begun < 5


def test_a_consumer_without_patterns_with_too_many_or_with_two_of_one_name():
    for given, message in (
        ([], "The consumer reranker has no patterns."),
        (["x"] * 51, "The consumer reranker has 51 patterns; 50 are the most."),
        (["x", {"pattern": "y", "name": "x"}], "Two patterns of reranker are called 'x'."),
    ):
        with pytest.raises(BadInput) as caught:
            consumer_classes("reranker", given)
        assert str(caught.value).startswith(message)
