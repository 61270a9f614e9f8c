# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a load test is asked to be: what is taken, what is refused and in which words."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.load_wish import Entry, wish_from

GIVEN = {
    "duration": 60.0,
    "rate": 2.0,
    "ramp": 0.0,
    "arrivals": "constant",
    "concurrency": 4,
    "timeout": 300.0,
    "abort_error_ratio": 0.5,
    "abort_min_requests": 50,
    "memory_mb": 1024,
    "mix": [],
    "models": ["mistral:7b"],
    "targets": [{"name": "gateway", "url": "http://127.0.0.1:11433/"}],
}


def test_the_defaults_ask_every_declared_model():
    models = ["mistral:7b", {"name": "llava:7b", "digest": "sha256:" + "a" * 64}, {"name": "old:1b", "state": "absent"}]
    wish = wish_from({**GIVEN, "models": models})
    assert [(one.model, one.kind, one.weight) for one in wish.mix] == [
        ("mistral:7b", "auto", 1),
        ("llava:7b", "auto", 1),
    ]
    assert (wish.requests, wish.hard_limit, wish.targets[0].url) == (120, 690.0, "http://127.0.0.1:11433")


def test_a_mix_of_ones_own():
    mix = ["mistral", {"model": "llava:7b", "kind": "chat", "stream": False, "weight": "3", "num_predict": 8}]
    wish = wish_from({**GIVEN, "mix": mix})
    assert wish.mix == (Entry("mistral:latest"), Entry("llava:7b", "chat", False, 3.0, 32, 8))
    assert wish.as_dict()["mix"][1]["prompt_words"] == 32


def test_without_a_timeout_it_ends_all_the_same():
    assert wish_from({**GIVEN, "timeout": 0.0}).hard_limit == 60 + 3600 + 30
    assert wish_from({**GIVEN, "duration": 86400.0, "rate": 1.0, "timeout": 86400.0}).hard_limit == 259_230.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duration": 0.5}, "duration is 0.5. Set it to 1 to 86400."),
        ({"duration": float("nan")}, "duration is nan."),
        ({"rate": 0.0}, "rate is 0.0."),
        ({"rate": float("inf")}, "rate is inf."),
        ({"concurrency": 0}, "concurrency is 0. Set it to 1 to 2000."),
        ({"timeout": -1.0}, "timeout is -1.0. Set it to 0 to 86400."),
        ({"abort_error_ratio": 1.5}, "abort_error_ratio is 1.5."),
        ({"arrivals": "bursts"}, "arrivals is 'bursts'. Use constant or poisson."),
        ({"rate": 1000.0, "duration": 3600.0}, "1000 requests a second over 3600 s are about 3600000 requests."),
        ({"models": []}, "There is no model to ask. Declare corral_models"),
        ({"models": [3]}, "models entry 1: 3 is neither a name nor a mapping."),
        ({"targets": []}, "There is no target."),
        ({"mix": [{"model": "a b"}]}, "mix entry 1: "),
        ({"mix": [{}]}, "mix entry 1: "),
        ({"mix": [{"model": "x", "kind": "pull"}]}, "mix entry 1: kind is 'pull'. Use auto, generate, chat, embed."),
        ({"mix": [{"model": "x", "stream": "no"}]}, "mix entry 1: stream is 'no'. Use true or false."),
        ({"mix": [{"model": "x", "weight": 0}]}, "mix entry 1: weight is '0'. Set it to 0.001 to 1e+06."),
        ({"mix": [{"model": "x", "num_predict": True}]}, "mix entry 1: num_predict is 'True'."),
        ({"mix": [{"model": "x", "prompts": 3}]}, "mix entry 1: 'prompts' is not known here. It takes model, kind"),
    ],
)
def test_what_cannot_be_meant_is_named(changes, words):
    with pytest.raises(CorralError) as caught:
        wish_from({**GIVEN, **changes})
    assert words in str(caught.value)
    assert caught.value.kind == "bad_input"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:11434",
        "ftp://host",
        "http://",
        "http:///",
        "http://user:secret@host",
        "http://host?x=1",
        "http://host#x",
        "http://ho st",
        "http://h\x00st",
        "http://hüst",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_none(url):
    with pytest.raises(CorralError, match="is no address of a server"):
        wish_from({**GIVEN, "targets": [{"name": "x", "url": url}]})


def test_everything_wrong_is_told_at_once():
    with pytest.raises(CorralError) as caught:
        wish_from({**GIVEN, "rate": -1.0, "concurrency": 0, "mix": [{"model": "x", "kind": "y"}], "targets": []})
    assert str(caught.value).startswith("4 things are in the way. (1) rate is -1.0.")
