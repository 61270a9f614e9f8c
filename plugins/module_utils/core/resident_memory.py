# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was loaded on purpose, remembered on the host: so that it can be said later what has gone since."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .errors import CorralError
from .names import Key, parse_name
from .residents import FOREVER, Resident
from .wishes import Wish

SCHEMA = 1
_TEXT = 500


@dataclass(frozen=True)
class Loaded:
    """``model`` (as displayed) on ``instance``. ``asked`` is the context length that was asked for, ``given`` what it
    got; ``keep_alive`` in seconds, FOREVER for ever; ``at`` in Unix seconds."""

    instance: str
    model: str
    digest: str
    asked: int
    given: int
    size: int
    size_vram: int
    keep_alive: int
    at: float

    @property
    def key(self) -> tuple[str, Key]:
        return self.instance, parse_name(self.model).key

    def should_stay(self, now: float) -> bool:
        """Whether it cannot have left by itself, for want of requests. A clock that went back says nothing."""
        return self.keep_alive == FOREVER or 0 <= now - self.at < self.keep_alive


Memory = Mapping[tuple[str, Key], Loaded]


def as_loaded(instance: str, wanted: Iterable[Wish], there: Iterable[Resident], now: float) -> list[Loaded]:
    """Of what is in memory on an instance now that which is declared for it."""
    wishes = {wish.name.key: wish for wish in wanted if wish.of(instance)}
    found = [(one, wishes[one.name.key]) for one in there if one.name.key in wishes]
    return [
        Loaded(
            instance,
            one.name.display,
            one.digest,
            wish.context_length,
            one.context_length,
            one.size,
            one.size_vram,
            wish.keep_alive,
            now,
        )
        for one, wish in found
    ]


def of_instance(memory: Memory, instance: str) -> dict[Key, Loaded]:
    """What was loaded on purpose on one instance."""
    return {key: row for (name, key), row in memory.items() if name == instance}


def remembered(memory: Memory, rows: Iterable[Loaded], instances: Mapping[str, Iterable[Key]]) -> Memory:
    """What is known now: new rows in, and out what is not declared any more. ``instances``: what is declared on each
    instance that was looked at; of others all stays."""
    declared = {name: frozenset(keys) for name, keys in instances.items()}
    kept = {key: row for key, row in memory.items() if key[0] not in declared or key[1] in declared[key[0]]}
    return {**kept, **{row.key: row for row in rows}}


def dumped(memory: Memory) -> str:
    """The text of the file that remembers it."""
    entries = [asdict(memory[key]) for key in sorted(memory)]
    return json.dumps({"schema": SCHEMA, "residents": entries}, indent=1) + "\n"


def loaded(text: str) -> Memory:
    """What such a file says; raises ValueError when it is damaged or of another schema."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is not of the schema {SCHEMA}")
    entries = document.get("residents")
    if not isinstance(entries, list):
        raise ValueError("it has no list of residents")
    rows = [_row(entry) for entry in entries]
    return {row.key: row for row in rows}


def _row(entry: Any) -> Loaded:
    if not isinstance(entry, dict):
        raise ValueError(f"{str(entry)[:80]} is no resident")
    texts = [entry.get(name) for name in ("instance", "model", "digest")]
    counts = [entry.get(name) for name in ("asked", "given", "size", "size_vram", "keep_alive")]
    at = entry.get("at")
    sound = all(isinstance(text, str) and len(text) <= _TEXT for text in texts)
    sound = sound and all(isinstance(count, int) and not isinstance(count, bool) for count in counts)
    if not sound or isinstance(at, bool) or not isinstance(at, (int, float)) or not math.isfinite(at):
        raise ValueError(f"{str(entry)[:80]} is no resident")
    try:
        name = parse_name(str(texts[1])).display
    except CorralError as error:
        raise ValueError(f"{str(entry)[:80]} is no resident") from error
    asked, given, size, size_vram, keep_alive = (int(count or 0) for count in counts)
    return Loaded(str(texts[0]), name, str(texts[2]), asked, given, size, size_vram, keep_alive, float(at))
