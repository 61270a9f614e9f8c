# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances are asked for which model, in every spelling."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_models import map_text, spellings, subsets
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name

KNOWN = ["ollama-server-1", "ollama-server-2", "ollama-server-3"]
ONE, TWO, THREE = KNOWN


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "Mistral",
            [
                "library/mistral",
                "library/mistral:latest",
                "mistral",
                "mistral:latest",
                "registry.ollama.ai/library/mistral",
                "registry.ollama.ai/library/mistral:latest",
            ],
        ),
        ("mistral:7B", ["library/mistral:7b", "mistral:7b", "registry.ollama.ai/library/mistral:7b"]),
        ("acme/x:1", ["acme/x:1", "registry.ollama.ai/acme/x:1"]),
        ("hub.example/acme/x", ["hub.example/acme/x", "hub.example/acme/x:latest"]),
    ],
)
def test_every_spelling_of_a_model(name, expected):
    assert sorted(spellings(parse_name(name))) == expected


def test_one_backend_per_set_of_instances():
    found, problems = subsets({"a:1": [TWO, ONE], "b:1": [ONE, TWO], "c:1": [THREE]}, KNOWN)
    assert problems == []
    assert [(one.backend, one.instances) for one in found] == [("models-1", (ONE, TWO)), ("models-2", (THREE,))]
    assert "b:1 models-1\n" in map_text(found)
    assert "c:1 models-2\n" in map_text(found)


def test_a_model_of_all_instances_needs_no_backend():
    assert subsets({"a:1": KNOWN}, KNOWN) == ((), [])
    assert map_text(()).count("\n") == 1


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ({"a:1": []}, "names no instances"),
        ({"a:1": ONE}, "names no instances"),
        ({"a:1": None}, "names no instances"),
        ({"a:1": ["ollama-server-4", 5]}, "ollama-server-4, 5"),
        ({"a:1": [ONE], "A:1": [TWO]}, "twice"),
        ({"mistral": [ONE], "library/mistral:latest": [TWO]}, "twice"),
        ({"a\nb": [ONE]}, "not a model name"),
        ({7: [ONE]}, "not a model name"),
        ("a:1", "no mapping"),
    ],
)
def test_what_cannot_be_meant(declared, word):
    _found, problems = subsets(declared, KNOWN)
    assert [word in str(problem) for problem in problems] == [True]


def test_no_line_of_the_map_has_more_than_two_words():
    found, _problems = subsets({"hub.example:5000/a-b_c/D.e:f": [ONE], "x": [TWO]}, KNOWN)
    lines = [line for line in map_text(found).splitlines() if not line.startswith("#")]
    assert lines
    assert {len(line.split()) for line in lines} == {2}
