# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may write as corral_residents, and what not."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.residents import FOREVER
from ansible_collections.corral.ollama.plugins.module_utils.core.wishes import keep_alive_seconds, wishes, wishes_of

ONE, TWO = "ollama-server-1", "ollama-server-2"


def test_a_name_is_for_ever_and_everywhere():
    (wish,) = wishes(["mistral"])
    assert (wish.name.display, wish.keep_alive, wish.context_length, wish.instances) == (
        "mistral:latest", FOREVER, 0, ()
    )  # fmt: skip
    assert wishes(None) == wishes([]) == ()


def test_by_instance():
    found = wishes([{"name": "a", "instances": [TWO]}, "b", {"name": "a", "instances": [ONE], "keep_alive": "1h"}])
    by = wishes_of(found, [ONE, TWO])
    assert {name: [(one.name.display, one.keep_alive) for one in rows] for name, rows in by.items()} == {
        ONE: [("b:latest", -1), ("a:latest", 3600)],
        TWO: [("a:latest", -1), ("b:latest", -1)],
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (-1, -1), ("-1", -1), ("-5m", -1), (-0.5, -1), (600, 600), ("600", 600), ("10m", 600), ("1h30m", 5400),
        ("1.5h", 5400), ("1500ms", 2), ("+30s", 30), (90.0, 90),
    ],
)  # fmt: skip
def test_time_as_the_server_reads_it(text, seconds):
    assert keep_alive_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        0,
        "0",
        "0s",
        "999us",
        "soon",
        "",
        "1d",
        "5 m",
        "m5",
        True,
        None,
        [],
        float("nan"),
        float("inf"),
        10**12,
        "\u0663",
    ],
)
def test_time_that_is_none(text):
    with pytest.raises(BadInput):
        keep_alive_seconds(text)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (7, "7 is neither a name nor a mapping"),
        ({"keep_alive": 5}, "it has no name"),
        ({"name": "a b"}, "a b"),
        ({"name": "../../etc:x"}, "etc"),
        ({"name": "a:cloud"}, "is a cloud model"),
        ({"name": "a", "keepalive": 5}, "keepalive' is not known here (known: context_length, instances,"),
        ({"name": "a", "context_length": -1}, "context_length is -1"),
        ({"name": "a", "context_length": "many"}, "context_length is 'many'"),
        ({"name": "a", "context_length": True}, "context_length is True"),
        ({"name": "a", "context_length": 2**31}, "context_length is 2147483648"),
        ({"name": "a", "instances": "ollama-server-1"}, "not a list of names"),
        ({"name": "a", "instances": ["server;reboot"]}, "not a list of names"),
        ({"name": "a", "instances": [{}]}, "not a list of names"),
    ],
)
def test_what_cannot_be_meant_is_named(entry, said):
    with pytest.raises(BadInput) as caught:
        wishes(["fine", entry])
    assert "residents entry 2: " in caught.value.message
    assert said in caught.value.message
    assert caught.value.message.isascii()


@pytest.mark.parametrize(
    ("first", "second", "twice"),
    [
        ("a", "A:latest", True),
        ("a", {"name": "a", "instances": [ONE]}, True),
        ({"name": "a", "instances": [ONE]}, {"name": "a", "instances": [TWO, ONE]}, True),
        ({"name": "a", "instances": [ONE]}, {"name": "a", "instances": [TWO]}, False),
    ],
)
def test_the_same_model_twice(first, second, twice):
    if not twice:
        assert len(wishes([first, second])) == 2
        return
    with pytest.raises(BadInput, match="declared already for the same instance"):
        wishes([first, second])


def test_an_instance_that_the_host_does_not_have():
    with pytest.raises(BadInput, match=f"a:latest is to be resident on {TWO}, and this host has {ONE}"):
        wishes_of(wishes([{"name": "a", "instances": [ONE, TWO]}]), [ONE])
