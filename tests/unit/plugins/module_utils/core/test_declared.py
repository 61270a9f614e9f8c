# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared models: what users may write, and that every mistake is named in one error."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput, declared_models

DIGEST = "a" * 64


def test_names_and_mappings():
    first, second, third = declared_models(
        [
            "mistral:7b",
            {"name": "me/foo", "digest": "sha256:" + DIGEST, "insecure": True},
            {"name": "x", "state": "latest"},
        ]
    )
    assert (first.name.display, first.digest, first.insecure, first.state) == ("mistral:7b", None, False, "present")
    assert (second.name.display, second.digest, second.insecure) == ("me/foo:latest", DIGEST, True)
    assert third.state == "latest"


@pytest.mark.parametrize("entries", [None, [], ()])
def test_nothing_declared(entries):
    assert declared_models(entries) == ()


def test_empty_values_mean_the_default():
    (model,) = declared_models([{"name": "x", "digest": "", "insecure": None, "state": None}])
    assert (model.digest, model.insecure, model.state) == (None, False, "present")


BAD = [
    ([7], "entry 1: 7 is neither a name nor a mapping"),
    ([["x"]], "entry 1: .* is neither a name nor a mapping"),
    ([{"model": "x"}], "entry 1: model is not known here"),
    ([{"digest": DIGEST}], "entry 1: it has no name"),
    ([{"name": ""}], "entry 1: it has no name"),
    ([""], "entry 1: it has no name"),
    (["ok", "../x"], "entry 2: .*not a model name"),
    (["a", "b", "A:latest"], "entry 3: A:latest was declared already by entry 1"),
    ([{"name": "x", "digest": "12"}], "entry 1: '12' is not a sha256 digest"),
    ([{"name": "x", "state": "gone"}], "entry 1: x:latest has the state 'gone'"),
    ([{"name": "x", "insecure": "yes"}], "entry 1: x:latest: insecure is 'yes'"),
    ([{"name": "x", "state": "latest", "digest": DIGEST}], "contradict"),
    (["gpt-oss:120b-cloud"], "cloud model"),
]


@pytest.mark.parametrize(("entries", "problem"), BAD)
def test_mistakes_are_named(entries, problem):
    with pytest.raises(BadInput, match=problem) as caught:
        declared_models(entries)
    assert caught.value.kind == "bad_input"


def test_all_mistakes_in_one_error():
    with pytest.raises(BadInput) as caught:
        declared_models(["../x", "ok", 7, "ok"])
    assert len(caught.value.facts["problems"]) == 3
    assert "entry 1" in str(caught.value)
    assert "entry 4" in str(caught.value)
