# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of the GPUs of a host: which it had when the fleet was deployed, and that a container saw them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .gpu_sets import ALL
from .gpus import Gpu, from_dict, listed_uuids

_SCHEMA = 1


@dataclass(frozen=True)
class GpuMemory:
    """``proof`` is under what circumstances a container last saw its GPUs; {} for never."""

    gpus: tuple[Gpu, ...] = ()
    proof: Mapping[str, Any] = field(default_factory=dict)

    def missing(self, now: Iterable[Gpu]) -> tuple[Gpu, ...]:
        """Those that were there and are not among these. What has no name but an index is known by that."""
        there = {one.id for one in now}
        return tuple(one for one in self.gpus if one.id not in there)


def parse_memory(content: bytes) -> GpuMemory:
    """Raises ValueError for what was not written by ``dump_memory``."""
    found = json.loads(content)
    if not isinstance(found, dict) or found.get("schema") != _SCHEMA or not isinstance(found.get("gpus"), list):
        raise ValueError("it has another form")
    rows = [row for row in found["gpus"] if isinstance(row, dict)]
    proof = found.get("proof")
    return GpuMemory(tuple(from_dict(row) for row in rows), proof if isinstance(proof, dict) else {})


def dump_memory(memory: GpuMemory) -> bytes:
    rows = [one.as_dict() for one in memory.gpus]
    return (json.dumps({"schema": _SCHEMA, "gpus": rows, "proof": dict(memory.proof)}, indent=1) + "\n").encode()


def expected_uuids(ids: Sequence[str], gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """The UUIDs that a container with these GPUs of ``Instance.gpus`` has to see; what the host does not have, or has
    without a UUID, is left out."""
    if ALL in ids:
        return tuple(one.uuid for one in gpus if one.uuid)
    return tuple(one.uuid for name in ids for one in gpus if name in one.names and one.uuid)


def unknown_ids(ids: Iterable[str], gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """Those of ``Instance.gpus`` that are the name of no GPU of the host. A GPU that is divided is known by itself too,
    and an older driver knows its parts by other names."""
    known = {name for one in gpus for name in one.names} | {one.parent for one in gpus}
    known |= {one.index.partition(":")[0] for one in gpus}
    return tuple(name for name in ids if name != ALL and name not in known and not name.startswith("MIG-GPU-"))


def unseen(expected: Iterable[str], listing: str) -> tuple[str, ...]:
    """The UUIDs that ``nvidia-smi -L`` of a container should have and has not."""
    seen = set(listed_uuids(listing))
    return tuple(uuid for uuid in expected if uuid not in seen)
