# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock: what is read with suspicion and written the same every time."""

from __future__ import annotations

import copy

import pytest
import yaml
from ansible_collections.corral.ollama.plugins.module_utils.core.lock_changes import changes
from ansible_collections.corral.ollama.plugins.module_utils.core.lockfile import (
    BadLock,
    Lock,
    parse_lock,
    render_lock,
)
from ansible_collections.corral.ollama.tests.unit.locks import lock, locked

TWO = lock(locked("mistral:7b", "1"), locked("me/Llava:7b", "2", "bcd"))


def test_what_is_written_is_read_again_and_written_the_same():
    text = render_lock(TWO)
    again = parse_lock(yaml.safe_load(text), "x")
    assert again == TWO
    assert again.generated_at == TWO.generated_at
    assert render_lock(again) == text
    assert render_lock(lock(*reversed(list(TWO.models.values())))) == text
    assert parse_lock(TWO.as_dict(), "x") == TWO


def test_the_text_is_sorted_and_has_one_value_a_line():
    lines = render_lock(TWO).splitlines()
    assert lines[0] == "---"
    assert [line for line in lines if line.startswith('  "')] == ['  "mistral:7b":', '  "me/Llava:7b":']
    assert '    digest: "' + "1" * 64 + '"' in lines
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("document", [None, {}])
def test_no_lock_pins_nothing(document):
    assert parse_lock(document, "x") == Lock()


def test_an_empty_lock_is_a_lock():
    assert parse_lock(yaml.safe_load(render_lock(Lock())), "x") == Lock()


def broken(*path, value):
    document = copy.deepcopy(TWO.as_dict())
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


M = ("models", "mistral:7b")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "no dictionary with schema and models"),
        ("text", "no dictionary"),
        ({"models": {}}, "its schema is None"),
        (broken("schema", value=2), "its schema is 2, and this version of Corral knows 1"),
        (broken("schema", value=True), "its schema is True"),
        (broken("hosts", value={}), "it has hosts, which no lock has"),
        (broken("models", value=[]), "models are no dictionary"),
        (broken("models", "../../etc", value={}), "models entry '../../etc'"),
        (broken("models", 7, value={}), "models entry 7"),
        (broken("models", "MISTRAL:7b", value=TWO.as_dict()["models"]["mistral:7b"]), "in the lock twice"),
        (broken(*M, value="1" * 64), "models entry 'mistral:7b': it is no dictionary"),
        (broken(*M, "digest", value="1" * 63), "is not a sha256 digest"),
        (broken(*M, "digest", value="A" * 64), "is not a sha256 digest"),
        (broken(*M, "digest", value=KeyError), "differs in digest"),
        (broken(*M, "colour", value="red"), "differs in colour"),
        (broken(*M, "source", value=None), "its source is no short text"),
        (broken(*M, "size", value=199), "its size is 199, and its layers have 200 bytes together"),
        (broken(*M, "size", value="200"), "no number of bytes"),
        (broken(*M, "size", value=True), "no number of bytes"),
        (broken(*M, "layers", value=[]), "its layers are no list, or an empty one"),
        (broken(*M, "layers", value={}), "its layers are no list"),
        (broken(*M, "layers", 0, value={}), "layer 1 has not exactly"),
        (broken(*M, "layers", 1, "digest", value="../x"), "layer 2: '../x' is not a sha256 digest"),
        (broken(*M, "layers", 0, "size", value=-1), "the size of layer 1 is -1"),
        (broken(*M, "layers", 0, "size", value=2**60), "the size of layer 1"),
        (broken(*M, "layers", 0, "media_type", value="x" * 256), "media_type that is no short text"),
    ],
)
def test_what_cannot_be_meant_is_named_with_the_entry_and_a_way_out(document, words):
    with pytest.raises(BadLock) as caught:
        parse_lock(document, "/fleet/corral.lock.yml")
    assert words in caught.value.message
    assert "/fleet/corral.lock.yml" in caught.value.message
    assert "corral.ollama.lock" in caught.value.remedy
    assert "version control" in caught.value.remedy


def test_all_that_is_wrong_is_said_at_once():
    document = broken(*M, "size", value=1)
    document["models"]["me/Llava:7b"]["digest"] = "x"
    with pytest.raises(BadLock) as caught:
        parse_lock(document, "x")
    assert len(caught.value.facts["problems"]) == 2


def test_too_many_layers_are_not_even_looked_at():
    many = [{}] * 200_001
    with pytest.raises(BadLock, match="more than 200000 layers"):
        parse_lock(broken(*M, "layers", value=many), "x")


def test_changes_say_what_comes_goes_and_costs():
    after = lock(locked("mistral:7b", "3", "acd"), locked("new:1", "4", "a"), generated_at="later")
    said = changes(TWO, after)
    assert [str(one) for one in said] == [
        f"~ mistral:7b {'1' * 12} → {'3' * 12} (300 B, 200 B of it in new layers)",
        f"+ new:1 {'4' * 12} (100 B)",
        f"- me/Llava:7b {'2' * 12}",
    ]
    assert changes(TWO, lock(*TWO.models.values(), generated_at="later")) == ()
