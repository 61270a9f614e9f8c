# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a server can keep in memory, and whom it would push out to load one model more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .inference_compute import Device
from .residents import Resident

#: What a server keeps loaded when OLLAMA_MAX_LOADED_MODELS does not say: so many for each GPU, or so many in all.
_EACH = 3


@dataclass(frozen=True)
class Room:
    """``models`` at the same time, in ``memory`` bytes: of its GPUs if ``on_gpu``, else of the container or machine.
    0 is not known, which is no limit here: what a load does to others has to be looked at afterwards."""

    models: int = 0
    memory: int = 0
    on_gpu: bool = False

    def taken(self, one: Resident) -> int:
        """What a model takes of this memory. On a server with GPUs the rest of it is the machine's business."""
        return one.size_vram if self.on_gpu else one.size


def room_of(
    environment: Mapping[str, str], gpus: Sequence[str], devices: Sequence[Device], limit: int, host_memory: int
) -> Room:
    """From the environment that is in force, the GPUs that a container was given (``["all"]`` for all), those that the
    server found, and the bytes that the container (0: no limit) and the host have."""
    found = [one for one in devices if not one.is_cpu]
    count = len(found) or (0 if "all" in gpus else len(gpus))
    on_gpu = bool(gpus or found)
    said = _whole(environment.get("OLLAMA_MAX_LOADED_MODELS"))
    models = said or (_EACH * max(1, count) if count or not on_gpu else 0)
    if on_gpu:
        spare = _whole(environment.get("OLLAMA_GPU_OVERHEAD"))
        return Room(models, max(0, sum(one.total - spare for one in found)), True)
    return Room(models, min([size for size in (limit, host_memory) if size > 0], default=0))


def would_push_out(loaded: Sequence[Resident], wanted: Resident, room: Room) -> tuple[Resident, ...]:
    """Whom the server would unload to load ``wanted`` (of which the size counts), in the order in which it chooses:
    those that stay shortest first. () when it fits, or is there already."""
    if any(one.name.key == wanted.name.key and one.digest == wanted.digest for one in loaded):
        return ()
    staying = leave_order(loaded)
    gone: list[Resident] = []
    while staying and not _fits(staying, wanted, room):
        gone.append(staying.pop(0))
    return tuple(gone)


def leave_order(loaded: Iterable[Resident]) -> list[Resident]:
    """As the server chooses whom to unload: who stays shortest first, then who is busy, last who stays for ever. It
    lists the latest first, so of equals it is the last one."""

    def rank(one: Resident) -> tuple[int, int]:
        if one.forever:
            return 2, 0
        return (1, 0) if one.keep_alive is None else (0, one.keep_alive)

    return sorted(reversed(tuple(loaded)), key=rank)


def _fits(staying: Sequence[Resident], wanted: Resident, room: Room) -> bool:
    if room.models and len(staying) >= room.models:
        return False
    return not room.memory or sum(room.taken(one) for one in (*staying, wanted)) <= room.memory


def _whole(text: object) -> int:
    """As the server reads it: what is no number counts as nothing."""
    found = str(text or "").strip().strip("\"'")
    return int(found) if found.isascii() and found.isdigit() and len(found) < 20 else 0
