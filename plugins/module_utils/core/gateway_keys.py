# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's API keys: what is declared, what its files say, and what has to change. Only hashes leave this file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .plans import Plan, Step
from .problems import Problem, raise_all

KEYS_FILE, ADMINS_FILE = "keys.map", "admins.map"
FILES = (KEYS_FILE, ADMINS_FILE)
SHORTEST, LONGEST = 20, 512

# What may stand after "Bearer" (RFC 6750), so that no client has to quote it and no proxy changes it.
_KEY = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_HEAD = {
    KEYS_FILE: "# Who may use the gateway: SHA-256 of the key, name. Written by corral.ollama.gateway_keys.\n",
    ADMINS_FILE: "# Whose keys may change models, of those in keys.map. Written by corral.ollama.gateway_keys.\n",
}

Entries = Mapping[str, str]
"""A map as HAProxy has it: the name by the hash of its key."""


@dataclass(frozen=True)
class ApiKey:
    """One client. The key itself is not kept, so nothing can show it by mistake."""

    name: str
    sha256: str
    admin: bool = False

    def __repr__(self) -> str:
        return f"ApiKey({self.name!r}, admin={self.admin})"


def keys_from(declared: Sequence[Mapping[str, Any]]) -> tuple[ApiKey, ...]:
    """The declared keys, sorted by name; raises one error for everything wrong with them, without naming a key."""
    problems: list[Problem] = []
    found: list[ApiKey] = []
    for number, entry in enumerate(declared, 1):
        name = str(entry.get("name") or "")
        if not _NAME.fullmatch(name):
            problems.append(
                _bad(f"Key {number} has the name {name[:80]!r}.", "Use letters, digits, '_', '.', '@', '-'.")
            )
            continue
        digest, problem = _hash_of(entry)
        if problem:
            problems.append(
                _bad(f"The gateway's key {name!r} {problem}", "Make one with: openssl rand -hex 32", name=name)
            )
            continue
        found.append(ApiKey(name, digest, bool(entry.get("admin"))))
    problems += _doubled(found)
    raise_all(problems)
    return tuple(sorted(found, key=lambda key: key.name))


def wanted_entries(keys: Iterable[ApiKey]) -> dict[str, dict[str, str]]:
    """What each file has to say: all keys, and of those the ones of administrators."""
    listed = list(keys)
    return {
        KEYS_FILE: {key.sha256: key.name for key in listed},
        ADMINS_FILE: {key.sha256: key.name for key in listed if key.admin},
    }


def map_text(file: str, entries: Entries) -> str:
    """The file's text, in the order of the names."""
    lines = sorted(f"{name} {digest}" for digest, name in entries.items())
    return _HEAD[file] + "".join("{1} {0}\n".format(*line.split(" ")) for line in lines)


def parse_map(text: str) -> dict[str, str] | None:
    """The entries of a file; None when somebody else has written into it, or nobody has written it yet."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 2 or not _HASH.fullmatch(words[0]) or words[0] in found:
            return None
        found[words[0]] = words[1]
    return found


@dataclass(frozen=True)
class Change:
    """The names of what is new, gone, or has another key; and whether each name is an administrator's."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    rotated: tuple[str, ...]
    admins: tuple[str, ...]

    def as_dict(self) -> dict[str, list[str]]:
        return {"added": list(self.added), "removed": list(self.removed), "rotated": list(self.rotated)}


def compare(actual: Mapping[str, Entries], wanted: Mapping[str, Entries]) -> Change:
    """By names: what a person calls them. ``admins`` are those whose rights change and who stay."""
    before, after = _by_name(actual[KEYS_FILE]), _by_name(wanted[KEYS_FILE])
    were, will = set(actual[ADMINS_FILE].values()), set(wanted[ADMINS_FILE].values())
    both = set(before) & set(after)
    return Change(
        tuple(sorted(set(after) - set(before))),
        tuple(sorted(set(before) - set(after))),
        tuple(sorted(name for name in both if before[name] != after[name])),
        tuple(sorted((were ^ will) & both)),
    )


def plan_keys(
    actual: Mapping[str, Entries], wanted: Mapping[str, Entries], files: Sequence[str], maps: Sequence[str]
) -> Plan:
    """``files`` have to be written, ``maps`` of the running gateway have to be exchanged. Nothing in it tells a key."""
    change = compare(actual, wanted)
    steps = [Step("add", name) for name in change.added]
    steps += [Step("revoke", name) for name in change.removed]
    steps += [Step("replace", name, "another key") for name in change.rotated]
    steps += [Step("allow" if name in wanted[ADMINS_FILE].values() else "restrict", name) for name in change.admins]
    steps += [Step("write", file) for file in files]
    steps += [Step("exchange", name, "in the running gateway") for name in maps]
    return Plan(tuple(steps), _shown(actual, {}), _shown(wanted, {name: "another key" for name in change.rotated}))


def _shown(entries: Mapping[str, Entries], notes: Mapping[str, str]) -> dict[str, Any]:
    admins = set(entries[ADMINS_FILE].values())
    words = {
        name: [*(["admin"] if name in admins else []), *filter(None, [notes.get(name)])] for name in _names(entries)
    }
    return {"keys": [f"{name} ({', '.join(said)})" if said else name for name, said in words.items()]}


def _names(entries: Mapping[str, Entries]) -> list[str]:
    return sorted(entries[KEYS_FILE].values())


def _by_name(entries: Entries) -> dict[str, str]:
    return {name: digest for digest, name in entries.items()}


def _hash_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """(hash, "") or ("", the rest of "The gateway's key 'x' …")."""
    key, digest = entry.get("key") or "", entry.get("sha256") or ""
    if bool(key) == bool(digest):
        return "", "needs either key or sha256, and has " + ("both." if key else "neither.")
    if digest:
        return (digest, "") if _HASH.fullmatch(digest) else ("", "has a sha256 that is not 64 lower-case hex digits.")
    if len(key) < SHORTEST:
        return "", f"is shorter than {SHORTEST} characters: it could be guessed."
    if len(key) > LONGEST or not _KEY.fullmatch(key):
        return "", f"is longer than {LONGEST} characters, or has others than letters, digits and -._~+/="
    return hashlib.sha256(key.encode()).hexdigest(), ""


def _doubled(keys: Sequence[ApiKey]) -> list[Problem]:
    problems = []
    names: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for key in keys:
        if key.name in names:
            problems.append(_bad(f"Two keys have the name {key.name!r}.", "Give each client a name of its own."))
        elif key.sha256 in hashes:
            message = f"{hashes[key.sha256]!r} and {key.name!r} have the same key."
            problems.append(_bad(message, "Give each client a key of its own, so that one can be revoked."))
        names[key.name] = hashes[key.sha256] = key.name
    return problems


def _bad(message: str, remedy: str, **facts: Any) -> Problem:
    return Problem("bad_gateway_key", message, remedy, facts)
