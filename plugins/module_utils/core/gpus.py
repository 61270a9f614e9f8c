# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a host as its own tools tell them: what they print, read line by line and believed within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: What ``nvidia-smi --query-gpu`` is asked for, in the order in which ``nvidia_gpus`` reads it.
QUERY = ("index", "uuid", "memory.total", "driver_version", "mig.mode.current", "name")
_MOST = 256
_NAME = 80
_UUID = re.compile(r"(GPU|MIG)-[0-9A-Za-z][0-9A-Za-z/-]{0,120}")
_GPU_LINE = re.compile(r"GPU (\d{1,3}): .{1,200} \(UUID: ((?:GPU)-[0-9A-Za-z-]{1,120})\)\s*")
_MIG_LINE = re.compile(r"\s+MIG (\S{1,40})\s+Device\s+(\d{1,3}): \(UUID: (MIG-[0-9A-Za-z/-]{1,120})\)\s*")
# 3g.20gb, 1g.5gb+me: what the profile is called; a little less than that can be used.
_PROFILE = re.compile(r"\d{1,2}g\.(\d{1,4})gb(\+[a-z.]{1,20})?")
_USABLE = 0.95
_CDI = re.compile(r"(?:nvidia|amd)\.com/gpu=[0-9A-Za-z][0-9A-Za-z.:_/-]{0,120}")


@dataclass(frozen=True)
class Gpu:
    """One device that a container can be given. ``memory`` in bytes, 0 where it is not known. ``index`` is how the
    vendor's tool counts it (``0:1`` the second part of the first GPU), ``node`` AMD's render node, ``part`` the MIG
    profile of a device that is a part of the GPU ``parent`` (its uuid)."""

    index: str
    uuid: str
    name: str = ""
    memory: int = 0
    node: str = ""
    part: str = ""
    parent: str = ""

    @property
    def id(self) -> str:
        """By what it is pinned: an index is another GPU when one before it has gone."""
        return self.node or self.uuid or self.index

    @property
    def names(self) -> frozenset[str]:
        """Everything that an inventory may call it."""
        return frozenset(name for name in (self.index, self.uuid, self.node) if name)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "id": self.id}


def from_dict(row: Mapping[str, Any]) -> Gpu:
    """Of what ``as_dict`` gave; raises ValueError for what it did not."""
    memory = row.get("memory", 0)
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < 0:
        raise ValueError("the memory of a GPU is no number")
    texts = {key: str(row.get(key) or "")[:200] for key in ("index", "uuid", "name", "node", "part", "parent")}
    if not (texts["index"] or texts["uuid"] or texts["node"]):
        raise ValueError("a GPU has no name")
    return Gpu(memory=memory, **texts)


def nvidia_gpus(query: str) -> tuple[tuple[Gpu, ...], str]:
    """(GPUs, version of the driver) of ``nvidia-smi --query-gpu=… --format=csv,noheader,nounits``. A line that is not
    of this form (``No devices were found``, a GPU that is lost) is no GPU."""
    found: list[Gpu] = []
    driver = ""
    for line in query.splitlines()[:_MOST]:
        cells = [cell.strip() for cell in line.split(",", len(QUERY) - 1)]
        if len(cells) != len(QUERY) or not cells[0].isdigit() or not _UUID.fullmatch(cells[1]):
            continue
        # Where the memory belongs to the whole machine, it says [N/A].
        memory = int(cells[2]) * 2**20 if re.fullmatch(r"\d{1,9}", cells[2], re.ASCII) else 0
        found.append(Gpu(cells[0], cells[1], _plain(cells[5]), memory))
        driver = driver or _plain(cells[3])
    return tuple(found), driver


def mig_on(query: str) -> bool:
    """Whether any of these GPUs is divided: only then their parts are worth asking for."""
    return any(", Enabled," in line for line in query.splitlines()[:_MOST])


def with_parts(gpus: Iterable[Gpu], listing: str) -> tuple[Gpu, ...]:
    """The devices that can be given away, of ``nvidia-smi -L``: a GPU that is divided by MIG counts as its parts."""
    parts: dict[str, list[Gpu]] = {}
    parent, index = "", ""
    for line in listing.splitlines()[: 8 * _MOST]:
        gpu, mig = _GPU_LINE.fullmatch(line), _MIG_LINE.fullmatch(line)
        if gpu:
            index, parent = gpu.groups()
        elif mig and parent:
            profile, number, uuid = mig.groups()
            size = _PROFILE.fullmatch(profile)
            memory = int(int(size.group(1)) * 2**30 * _USABLE) if size else 0
            part = Gpu(f"{index}:{number}", uuid, "", memory, part=profile, parent=parent)
            parts.setdefault(parent, []).append(part)
    return tuple(one for gpu in gpus for one in parts.get(gpu.uuid) or [gpu])


def listed_uuids(listing: str) -> tuple[str, ...]:
    """The UUIDs of ``nvidia-smi -L``, those of parts included."""
    matches = (_GPU_LINE.fullmatch(line) or _MIG_LINE.fullmatch(line) for line in listing.splitlines()[: 8 * _MOST])
    return tuple(match.groups()[-1] for match in matches if match)


def amd_gpus(nodes: Iterable[Mapping[str, str]]) -> tuple[Gpu, ...]:
    """Of the nodes of /sys/class/kfd: the properties of each as text, with ``memory`` (bytes) and ``name`` where they
    are known. A node without compute units is a processor."""
    found: list[Gpu] = []
    for node in list(nodes)[:_MOST]:
        minor, units = _whole(node.get("drm_render_minor")), _whole(node.get("simd_count"))
        if not units or not 128 <= minor < 256:
            continue
        unique = _whole(node.get("unique_id"))
        uuid = f"GPU-{unique:016x}" if unique else ""
        found.append(Gpu("", uuid, _plain(node.get("name", "")), _whole(node.get("memory")), node=f"renderD{minor}"))
    ordered = sorted(found, key=lambda one: one.node)
    return tuple(Gpu(str(number), *list(asdict(one).values())[1:]) for number, one in enumerate(ordered))


def cdi_names(listing: str) -> tuple[str, ...]:
    """The devices of ``nvidia-ctk cdi list``."""
    words = (line.strip() for line in listing.splitlines()[: 8 * _MOST])
    return tuple(word for word in words if _CDI.fullmatch(word))


def dealt(gpus: Sequence[Gpu], count: int) -> list[list[str]]:
    """What ``auto`` gives each of ``count`` instances: one GPU each, in turn; where there are more GPUs than instances,
    several, neighbours together."""
    if count >= len(gpus) or count < 1:
        return [[one.id] for one in gpus]
    size, more = divmod(len(gpus), count)
    ends = [size * number + min(number, more) for number in range(count + 1)]
    return [[one.id for one in gpus[start:end]] for start, end in zip(ends, ends[1:])]


def _whole(text: Any) -> int:
    found = str(text or "").strip()
    return int(found) if re.fullmatch(r"\d{1,20}", found, re.ASCII) else 0


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:_NAME].strip()
