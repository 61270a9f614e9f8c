# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter pinned: the declared models at the digests of the lock."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.pinned import FilterModule
from ansible_collections.corral.ollama.tests.unit.locks import lock, locked

pinned = FilterModule().filters()["pinned"]
ONE, TWO = "1" * 64, "2" * 64
LOCK = lock(locked("mistral:7b", "1"), locked("me/x:latest", "2")).as_dict()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("mistral:7b", {"name": "mistral:7b", "digest": ONE, "state": "present"}),
        ("MISTRAL:7B", {"name": "MISTRAL:7B", "digest": ONE, "state": "present"}),
        ("registry.ollama.ai/me/x", {"name": "registry.ollama.ai/me/x", "digest": TWO, "state": "present"}),
        ({"name": "mistral:7b", "state": "latest"}, {"name": "mistral:7b", "digest": ONE, "state": "present"}),
        (
            {"name": "mistral:7b", "insecure": True, "digest": "sha256:" + ONE},
            {"name": "mistral:7b", "insecure": True, "digest": ONE, "state": "present"},
        ),
        # left alone: absent, not in the lock, and what cannot be meant
        ({"name": "mistral:7b", "state": "absent"}, {"name": "mistral:7b", "state": "absent"}),
        ("llava:7b", "llava:7b"),
        ({"name": "llava:7b", "state": "latest"}, {"name": "llava:7b", "state": "latest"}),
        ("bad name!", "bad name!"),
        ({"nmae": "mistral:7b"}, {"nmae": "mistral:7b"}),
        (
            {"name": "mistral:7b", "state": "latest", "digest": ONE},
            {"name": "mistral:7b", "state": "latest", "digest": ONE},
        ),
        (7, 7),
    ],
)
def test_one_entry(entry, expected):
    assert pinned([entry], LOCK) == [expected]
    assert pinned([entry], {}) == [entry]
    assert pinned([entry]) == [entry]


def test_twice_is_as_once():
    once = pinned(["mistral:7b", {"name": "x", "state": "latest"}], LOCK)
    assert pinned(once, LOCK) == once


def test_what_is_declared_is_not_changed_in_place():
    declared = [{"name": "mistral:7b", "state": "latest"}]
    pinned(declared, LOCK)
    assert declared == [{"name": "mistral:7b", "state": "latest"}]


def test_a_declared_digest_that_contradicts_the_lock_is_an_error_that_names_both():
    with pytest.raises(AnsibleFilterError) as caught:
        pinned([{"name": "mistral:7b", "digest": TWO}, "llava:7b"], LOCK)
    assert "mistral:7b" in str(caught.value)
    assert ONE in str(caught.value)
    assert TWO in str(caught.value)


@pytest.mark.parametrize("strict", [True, "true", "yes"])
def test_strict_wants_every_model_in_the_lock(strict):
    with pytest.raises(AnsibleFilterError, match="llava:7b is declared and not in the lock"):
        pinned(["mistral:7b", "llava:7b"], LOCK, strict=strict)
    assert pinned(["mistral:7b", {"name": "llava:7b", "state": "absent"}], LOCK, strict=strict)
    # Without a lock nothing is locked, and there is nothing to be strict about.
    assert pinned(["llava:7b"], {}, strict=strict) == ["llava:7b"]


@pytest.mark.parametrize("strict", [False, "false", "no", ""])
def test_not_strict(strict):
    assert pinned(["llava:7b"], LOCK, strict=strict) == ["llava:7b"]


def test_a_broken_lock_is_an_error():
    with pytest.raises(AnsibleFilterError, match="its schema is 9"):
        pinned(["mistral:7b"], {**LOCK, "schema": 9})


def test_what_is_no_list_is_left_to_the_contract_of_the_role():
    assert pinned("mistral:7b", LOCK) == "mistral:7b"
