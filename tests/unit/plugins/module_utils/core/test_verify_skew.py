# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that are not what was declared, or not what the others are. Values of variables are never told."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_skew import (
    environment_findings,
    fingerprint,
    image_findings,
    version_findings,
)

DECLARED, OLD, NEW = "ollama/ollama:0.32.15", "0" * 64, "a" * 64
ONE, TWO = "ollama-server-1", "ollama-server-2"


def row(name=ONE, image=DECLARED, digest=NEW):
    return {"name": name, "image": image, "image_digest": digest}


@pytest.mark.parametrize(
    ("found", "declared", "declared_id", "expected"),
    [
        (row(), DECLARED, NEW, ""),
        (row(), DECLARED, "", ""),  # not on the host any more: the name counts
        (row(), "", NEW, ""),
        (
            row(digest=OLD),
            DECLARED,
            NEW,
            f"{ONE} runs the image 000000000000, and {DECLARED} is aaaaaaaaaaaa on this host now.",
        ),
        (row(image="o:1", digest=OLD), DECLARED, NEW, f"{ONE} runs o:1 (000000000000), and {DECLARED} is declared."),
        (row(image="o:1"), DECLARED, "", f"{ONE} runs o:1 (aaaaaaaaaaaa), and {DECLARED} is declared."),
        (row(image=f"sha256:{NEW}"), DECLARED, NEW, ""),  # after a rollback: the same bytes by another name
    ],
)
def test_images(found, declared, declared_id, expected):
    told = image_findings([found], declared, declared_id, ())
    assert [one.message for one in told] == ([f"{expected} Run the playbook rolling_restart."] if expected else [])
    assert all((one.check, one.severity, one.instance) == ("image_skew", "problem", ONE) for one in told)


def test_what_a_rollout_has_yet_to_change_is_a_note():
    (told,) = image_findings([row(digest=OLD)], DECLARED, NEW, {ONE})
    assert (told.severity, "A rollout is under way" in told.message) == ("note", True)


@pytest.mark.parametrize(
    ("versions", "told", "expected"),
    [
        ({ONE: "0.32.15", TWO: "0.32.15"}, (), []),
        ({ONE: "0.32.15", TWO: ""}, (), []),
        ({ONE: "0.32.15", TWO: "0.31.0", "x": "0.32.15"}, (), [TWO]),
        ({ONE: "0.32.15", TWO: "0.31.0", "x": "0.32.15"}, {TWO}, []),
        ({}, (), []),
    ],
)
def test_versions(versions, told, expected):
    found = version_findings(versions, told, ())
    assert [(one.check, one.severity, one.instance) for one in found] == [
        ("version_skew", "problem", name) for name in expected
    ]


SECRET = "hunter2-the-secret"
WANTED = {"OLLAMA_NOPRUNE": fingerprint("1"), "OLLAMA_KEEP_ALIVE": fingerprint("24h"), "TOKEN": fingerprint(SECRET)}
GOOD = {"OLLAMA_NOPRUNE": "1", "OLLAMA_KEEP_ALIVE": "24h", "TOKEN": SECRET, "PATH": "/bin"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (GOOD, []),
        ({**GOOD, "OLLAMA_DEBUG": "1"}, [("warning", "OLLAMA_DEBUG")]),
        ({**GOOD, "OLLAMA_HOST": "0.0.0.0:11434"}, []),  # of the image
        ({**GOOD, "OLLAMA_HOST": "127.0.0.1"}, [("warning", "OLLAMA_HOST")]),
        ({**GOOD, "OLLAMA_MODELS": "/root/.ollama/models/"}, []),
        ({**GOOD, "OLLAMA_MODELS": "/data"}, [("problem", "does not read the shared store")]),
        ({**GOOD, "TOKEN": "other"}, [("problem", "environment: TOKEN different.")]),
        ({"PATH": "/bin"}, [("problem", "environment: OLLAMA_NOPRUNE, OLLAMA_KEEP_ALIVE, TOKEN missing.")]),
        ({**GOOD, "OLLAMA_NOPRUNE": "0"}, [("problem", "environment: OLLAMA_NOPRUNE different.")]),
    ],
)
def test_the_environment_that_is_in_force(environment, expected):
    found = environment_findings(ONE, environment, {"OLLAMA_HOST": "0.0.0.0:11434"}, WANTED, ())
    assert [one.severity for one in found] == [severity for severity, _text in expected]
    assert all(text in one.message for one, (_severity, text) in zip(found, expected))
    assert all(SECRET not in one.message and "24h" not in one.message for one in found)
