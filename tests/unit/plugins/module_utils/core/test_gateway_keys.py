# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's keys: what is refused, and that nothing ever tells one."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_keys import (
    ADMINS_FILE,
    KEYS_FILE,
    compare,
    keys_from,
    map_text,
    parse_map,
    plan_keys,
    wanted_entries,
)

KEY = "q7Lw2nD9xR4tV8zB1cF6"
HASH = hashlib.sha256(KEY.encode()).hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()
THIRD = hashlib.sha256(b"a third").hexdigest()


def test_a_key_becomes_its_hash_and_nothing_shows_it():
    keys = keys_from([{"name": "web", "key": KEY}, {"name": "ops", "sha256": OTHER, "admin": True}])
    assert [(key.name, key.sha256, key.admin) for key in keys] == [("ops", OTHER, True), ("web", HASH, False)]
    assert HASH not in repr(keys)
    assert wanted_entries(keys) == {KEYS_FILE: {OTHER: "ops", HASH: "web"}, ADMINS_FILE: {OTHER: "ops"}}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "web", "key": KEY[:19]}, "shorter than 20"),
        ({"name": "web", "key": KEY + " x"}, "others than letters"),
        ({"name": "web", "key": KEY + "\n"}, "others than letters"),
        ({"name": "web", "key": KEY + "é"}, "others than letters"),
        ({"name": "web", "key": KEY * 30}, "longer than 512"),
        ({"name": "web"}, "neither"),
        ({"name": "web", "key": KEY, "sha256": HASH}, "both"),
        ({"name": "web", "sha256": HASH.upper()}, "64 lower-case hex digits"),
        ({"name": "web", "sha256": HASH[:-1]}, "64 lower-case hex digits"),
        ({"name": "web", "sha256": HASH + "\n"}, "64 lower-case hex digits"),
        ({"name": "", "key": KEY}, "has the name ''"),
        ({"name": "a b", "key": KEY}, "has the name 'a b'"),
        ({"name": "a;x", "key": KEY}, "has the name"),
        ({"name": "a\nb", "key": KEY}, "has the name"),
        ({"name": "#a", "key": KEY}, "has the name"),
    ],
)
def test_a_bad_key_is_refused_without_being_told(entry, said):
    with pytest.raises(CorralError) as error:
        keys_from([entry])
    assert error.value.kind == "bad_gateway_key"
    assert said in str(error.value)
    told = str(error.value) + str(error.value.as_dict())
    assert not any(secret and secret.strip()[:12] in told for secret in (entry.get("key"), entry.get("sha256")))


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(CorralError) as error:
        keys_from(
            [
                {"name": "web", "key": KEY},
                {"name": "web", "sha256": OTHER},
                {"name": "twin", "sha256": HASH},
                {"name": "short", "key": "x"},
            ]
        )
    for said in ("Two keys have the name 'web'", "'web' and 'twin' have the same key", "'short' is shorter"):
        assert said in str(error.value)


def test_the_file_and_back():
    entries = {HASH: "web", OTHER: "ops"}
    text = map_text(KEYS_FILE, entries)
    assert text.splitlines()[0].startswith("#")
    assert text.splitlines()[1:] == [f"{OTHER} ops", f"{HASH} web"]
    assert parse_map(text) == entries
    assert parse_map(map_text(ADMINS_FILE, {})) == {}


@pytest.mark.parametrize("text", ["word\n", f"{HASH} a b\n", f"{HASH[:60]} a\n", f"{HASH} a\n{HASH} b\n"])
def test_a_file_that_somebody_else_wrote_is_none_of_ours(text):
    assert parse_map(text) is None


def test_what_changes_is_told_by_names():
    before = {KEYS_FILE: {HASH: "web", OTHER: "ops", THIRD: "gone"}, ADMINS_FILE: {}}
    after = {KEYS_FILE: {THIRD: "web", OTHER: "ops", HASH: "new"}, ADMINS_FILE: {OTHER: "ops"}}
    assert compare(before, after).as_dict() == {"added": ["new"], "removed": ["gone"], "rotated": ["web"]}
    plan = plan_keys(before, after, ("keys.map",), ("keys.map",))
    assert [(step.action, step.target) for step in plan.steps] == [
        ("add", "new"),
        ("revoke", "gone"),
        ("replace", "web"),
        ("allow", "ops"),
        ("write", "keys.map"),
        ("exchange", "keys.map"),
    ]
    assert plan.diff == {
        "before": {"keys": ["gone", "ops", "web"]},
        "after": {"keys": ["new", "ops (admin)", "web (another key)"]},
    }
    assert not any(secret in repr(plan) for secret in (HASH, OTHER, THIRD))


def test_nothing_to_do():
    same = {KEYS_FILE: {HASH: "web"}, ADMINS_FILE: {HASH: "web"}}
    assert not plan_keys(same, same, (), ()).changed
    assert [s.action for s in plan_keys(same, {**same, ADMINS_FILE: {}}, (), ()).steps] == ["restrict"]
