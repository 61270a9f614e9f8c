# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: Ollama's rules as tables (recorded behaviour: defaults, short forms, allowed characters, case)."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import InvalidName, from_parts, parse_name

GOOD = [
    ("mistral", "registry.ollama.ai/library/mistral:latest", "mistral:latest"),
    ("mistral:7b", "registry.ollama.ai/library/mistral:7b", "mistral:7b"),
    ("nomic-embed-text:v1.5", "registry.ollama.ai/library/nomic-embed-text:v1.5", "nomic-embed-text:v1.5"),
    ("me/foo", "registry.ollama.ai/me/foo:latest", "me/foo:latest"),
    ("library/foo:1", "registry.ollama.ai/library/foo:1", "foo:1"),
    ("127.0.0.1:5056/library/tiny:1b", "127.0.0.1:5056/library/tiny:1b", "127.0.0.1:5056/library/tiny:1b"),
    ("127.0.0.1:5056/library/tiny", "127.0.0.1:5056/library/tiny:latest", "127.0.0.1:5056/library/tiny:latest"),
    ("http://127.0.0.1:5056/library/tiny", "127.0.0.1:5056/library/tiny:latest", None),
    ("https://registry.ollama.ai/library/mistral:7b", "registry.ollama.ai/library/mistral:7b", "mistral:7b"),
    ("Registry.Ollama.AI/Library/MyModel:V1", "Registry.Ollama.AI/Library/MyModel:V1", "MyModel:V1"),
    ("mistral:local", "registry.ollama.ai/library/mistral:latest", "mistral:latest"),
    ("mistral:7b:local", "registry.ollama.ai/library/mistral:7b", "mistral:7b"),
    ("_x", "registry.ollama.ai/library/_x:latest", "_x:latest"),
    ("a" * 80, f"registry.ollama.ai/library/{'a' * 80}:latest", None),
    ("hf.co/bartowski/M-GGUF:Q4_K_M", "hf.co/bartowski/M-GGUF:Q4_K_M", "hf.co/bartowski/M-GGUF:Q4_K_M"),
]


@pytest.mark.parametrize(("text", "full", "display"), GOOD)
def test_good_names(text, full, display):
    name = parse_name(text)
    assert name.full == full
    assert display in (None, name.display)
    assert from_parts(name.parts) == name
    assert parse_name(name.display).key == name.key


BAD = [
    ("", "the model is empty"),
    (":7b", "the model is empty"),
    ("mistral:", "the tag is empty"),
    ("/mistral", "the namespace is empty"),
    ("//mistral", "the host is empty"),
    ("../mistral", "the namespace must begin"),
    ("../../etc/passwd", "more than host/namespace/model"),
    ("a/../mistral", "the namespace must begin"),
    ("mistral:..", "the tag must begin"),
    ("mistral:../x", "the namespace is empty|not allowed|more than|must begin"),
    ("/etc/passwd", "the host is empty"),
    ("a/b/c/d:1", "more than host/namespace/model"),
    ("mistral@sha256:" + "a" * 64, "'@' is not allowed"),
    ("my.org/foo", "'.' is not allowed in the namespace"),
    ("mistral 7b", "' ' is not allowed"),
    ("mistral:7b\n", "is not allowed"),
    ("mistral\x00", "is not allowed"),
    ("mistrál", "is not allowed"),
    (".hidden", "must begin"),
    ("-x", "must begin"),
    ("a" * 81, "longer than 80"),
    ("x:" + "t" * 81, "longer than 80"),
    ("h" * 351 + "/ns/m", "longer than 350"),
    (7, "it is not text"),
    (None, "it is not text"),
]


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_bad_names(text, problem):
    with pytest.raises(InvalidName, match=problem) as caught:
        parse_name(text)
    assert caught.value.kind == "bad_name"
    assert len(str(caught.value)) < 400
    assert str(caught.value).isascii()


@pytest.mark.parametrize(
    "parts", [("h", "n", "m"), ("h", "n", "m", "t", "x"), ("h", "n", "..", "t"), ("h", "n", "m", "")]
)
def test_parts_of_a_path_are_not_trusted(parts):
    with pytest.raises(InvalidName):
        from_parts(parts)


def test_case_does_not_count_in_comparisons():
    assert parse_name("MyModel:V1").key == parse_name("mymodel:v1").key
    assert parse_name("MyModel:V1") != parse_name("mymodel:v1")


@pytest.mark.parametrize(
    ("text", "cloud"), [("m:cloud", True), ("m:120b-cloud", True), ("m:7b", False), ("cloud", False)]
)
def test_cloud_models_are_known(text, cloud):
    assert parse_name(text).is_cloud is cloud
