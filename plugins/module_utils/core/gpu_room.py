# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is declared can lie in the memory of the GPUs that are declared for it. What does not fit by the size of
its files alone fits in no way; what fits still needs room for contexts, which is what the headroom is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .declared import BadInput
from .errors import CorralError
from .gpu_sets import ALL
from .gpus import Gpu
from .names import Key, parse_name
from .units import human_bytes
from .wishes import Wish, wishes_of


@dataclass(frozen=True)
class Place:
    """An instance and the GPUs that it gets."""

    name: str
    gpus: tuple[Gpu, ...]

    @property
    def memory(self) -> int:
        return sum(one.memory for one in self.gpus)


def places(instances: Iterable[Mapping[str, Any]], gpus: Sequence[Gpu]) -> tuple[Place, ...]:
    """Of ``name`` and ``gpus`` of instances, those without GPUs left out, and those whose memory nobody knows."""
    found = ((str(one["name"]), _of(list(map(str, one.get("gpus") or ())), gpus)) for one in instances)
    return tuple(Place(name, known) for name, known in found if known)


def placement_problems(
    found: Sequence[Place], sizes: Mapping[Key, int], residents: Sequence[Wish], headroom: float
) -> list[str]:
    """What cannot fit, as sentences. ``sizes``: bytes by model, for those that are known; ``headroom``: the part of the
    memory that stays free for contexts, 0 to less than 1."""
    if not 0 <= headroom < 1:
        raise BadInput(f"corral_gpu_headroom is {headroom}, and not a part of 1, such as 0.1.")
    wanted = wishes_of(residents, [one.name for one in found], strict=False)
    said = list(_alone(found, sizes, headroom))
    for group in _sharing(found):
        needed = [wish.name.key for one in group for wish in wanted[one.name]]
        said += _together(group, needed, sizes, headroom)
    return said


def sizes_of(rows: Iterable[Mapping[str, Any]]) -> dict[Key, int]:
    """Of ``models`` of ``store_info``; what is declared absent, or is of unknown size, is left out."""
    found: dict[Key, int] = {}
    for row in rows:
        try:
            key = parse_name(str(row.get("name") or "")).key
        except CorralError:
            continue
        size = row.get("bytes_total") or 0
        if row.get("state") != "absent" and isinstance(size, int) and size > 0:
            found[key] = size
    return found


def _alone(found: Sequence[Place], sizes: Mapping[Key, int], headroom: float) -> Iterable[str]:
    """A model that is larger than the memory of an instance, as every instance serves every declared model; instances
    that are alike are in one sentence."""
    for key, size in sizes.items():
        small = [one for one in found if _usable(one.memory, headroom) < size]
        for memory in dict.fromkeys(one.memory for one in small):
            names = [one.name for one in small if one.memory == memory]
            have = f"{names[0]} has" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more have each"
            yield (
                f"{_shown(key)} has {human_bytes(size)}, and {have} {human_bytes(memory)} of GPU memory, of which"
                f" {human_bytes(_usable(memory, headroom))} may be used."
            )


def _together(
    group: Sequence[Place], needed: Sequence[Key], sizes: Mapping[Key, int], headroom: float
) -> Iterable[str]:
    """The residents of instances that share GPUs, or of one that has its own. One model alone was judged before."""
    gpus = list(dict.fromkeys(gpu for one in group for gpu in one.gpus))
    memory, total = sum(one.memory for one in gpus), sum(sizes.get(key, 0) for key in needed)
    if len(needed) < 2 or total <= _usable(memory, headroom):
        return
    models = ", ".join(f"{_shown(key)} ({human_bytes(sizes.get(key, 0))})" for key in needed)
    have = "has" if len(gpus) == 1 else "have together"
    yield (
        f"What is declared resident on {', '.join(one.name for one in group)} has {human_bytes(total)} ({models}), and"
        f" GPU {', '.join(one.id for one in gpus)} {have} {human_bytes(memory)}, of which"
        f" {human_bytes(_usable(memory, headroom))} may be used."
    )


def _sharing(found: Sequence[Place]) -> list[list[Place]]:
    """The instances in groups of those that have a GPU in common, however many are between them."""
    groups: list[list[Place]] = []
    for one in found:
        meeting = [group for group in groups if any(set(one.gpus) & set(other.gpus) for other in group)]
        joined = [*(place for group in meeting for place in group), one]
        groups = [*(group for group in groups if group not in meeting), joined]
    return groups


def _of(ids: Sequence[str], gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """() where one of them is not known, or how much memory it has."""
    chosen = [list(gpus) if name == ALL else [one for one in gpus if name in one.names] for name in ids]
    known = tuple(dict.fromkeys(one for group in chosen for one in group))
    return known if all(chosen) and all(one.memory for one in known) else ()


def _usable(memory: int, headroom: float) -> int:
    return int(memory * (1 - headroom))


def _shown(key: Key) -> str:
    return parse_name("/".join(key[:-1]) + ":" + key[-1]).display
