# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every version on its side of every rule, and what a person reads."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.versions import (
    LEARNT,
    REFUSED,
    downgrade_warnings,
    image_problems,
    older_than,
    parse_version,
    version_said,
)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("0.32.15", (0, 32, 15, 1)),
        ("v0.32.15", (0, 32, 15, 1)),
        ("0.32.15-practice", (0, 32, 15, 1)),
        ("0.21.0-rc1", (0, 21, 0, 0)),
        ("0.6.0rc0", (0, 6, 0, 0)),
        ("0.5-rocm", (0, 5, 0, 1)),
        ("1.0", (1, 0, 0, 1)),
        ("0.12.4+devel7", (0, 12, 4, 1)),
        ("0.0.0", (0, 0, 0, 1)),
        ("", None),
        ("latest", None),
        ("0", None),
        ("0.x.1", None),
        ("0.1.2; rm -rf /", None),
        ("9" * 400 + ".1", None),
    ],
)
def test_a_version(text, parsed):
    assert parse_version(text) == parsed


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("Warning: could not connect to a running Ollama instance\nWarning: client version is 0.32.15\n", "0.32.15"),
        ("ollama version is 0.20.7\n", "0.20.7"),
        ("ollama version is 0.1.42\nWarning: client version is 0.3.6\n", "0.3.6"),
        ("ollama version 0.1.3\n", "0.1.3"),
        ("exec: ollama: not found", ""),
        ("ollama version is what\n", ""),
        ("", ""),
    ],
)
def test_what_the_program_says(output, version):
    assert version_said(output) == version


@pytest.mark.parametrize(
    ("version", "rules"),
    [
        ("0.3.14", ["wedges_on_bad_manifest", "ignores_noprune", "lists_other_digests"]),
        ("0.4.0-rc8", ["wedges_on_bad_manifest", "ignores_noprune", "lists_other_digests"]),
        ("0.4.0", ["lists_other_digests"]),
        ("0.18.3", ["lists_other_digests"]),
        ("0.19.0-rc0", ["lists_other_digests"]),
        ("0.19.0", []),
        ("0.20.7", []),
        ("0.32.15-practice", []),
        ("1.0.0", []),
        ("0.0.0", ["unknown_version"]),
        ("", ["unknown_version"]),
    ],
)
def test_which_images_are_refused(version, rules):
    problems = image_problems("ollama/ollama:x", version, ["0.32.15", "0.32.15"])
    assert [problem.facts["rule"] for problem in problems] == rules
    for problem in problems:
        assert "ollama/ollama:x" in problem.message
        assert problem.remedy
        assert problem.facts["running"] == ["0.32.15"]
        assert problem.kind == ("unknown_version" if rules == ["unknown_version"] else "version_skew")


def test_the_message_names_rule_versions_and_remedy():
    (problem,) = image_problems("ollama/ollama:0.18.3", "0.18.3", ["0.20.7", "0.32.15"])
    assert str(problem) == (
        "The image ollama/ollama:0.18.3 is Ollama 0.18.3, and 0.20.7 and 0.32.15 serve on this store: versions before"
        " 0.19.0 write manifests anew, so that a model has another digest than in the registry and on the other"
        " instances (lists_other_digests). Take an image of 0.19.0 or later for a shared store."
    )
    assert "and 0.20.7 serves on this store" in image_problems("x", "0.18.3", ["0.20.7"])[0].message
    assert "0.18.3: versions before" in image_problems("x", "0.18.3")[0].message
    assert "corral_image_version" in image_problems("x", "0.0.0")[0].remedy


@pytest.mark.parametrize(
    ("version", "running", "lost"),
    [
        ("0.32.15", ["0.32.16"], []),
        ("0.20.7", ["0.32.15"], ["prunes_at_once", "show_cache", "list_cache", "inference_cache"]),
        ("0.21.0", ["0.20.7", "0.23.2"], ["show_cache"]),
    ],
)
def test_a_downgrade_is_told_with_what_it_gives_up(version, running, lost):
    (text,) = downgrade_warnings("ollama/ollama:x", version, running)
    assert text.startswith(f"The image ollama/ollama:x is Ollama {version}, and {running[-1]} runs: a downgrade.")
    assert [rule.kind for rule in LEARNT if rule.text in text] == lost
    assert ("given up" in text) == bool(lost)


@pytest.mark.parametrize(
    ("version", "running"),
    [("0.32.15", ["0.32.15"]), ("0.32.16", ["0.32.15"]), ("0.32.15", []), ("0.32.15", ["", "what"]), ("", ["0.32.15"])],
)
def test_no_downgrade(version, running):
    assert downgrade_warnings("x", version, running) == []


def test_the_refused_are_in_the_order_of_their_versions():
    assert not older_than(REFUSED[-1].since, REFUSED[0].since)
    assert len({rule.kind for rule in (*REFUSED, *LEARNT)}) == len(REFUSED) + len(LEARNT)
