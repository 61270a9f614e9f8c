# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``corral_gpus`` may say, which devices each instance gets of it, and how Compose is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import CorralError

ALL, AUTO, NONE = "all", "auto", "none"
NVIDIA, AMD = "nvidia", "amd"
VENDORS = (NVIDIA, AMD)
RUNTIMES = ("auto", "cdi", "nvidia", "devices")
_ID = re.compile(r"[0-9]{1,3}(:[0-9]{1,2})?|(GPU|MIG)-[0-9A-Za-z][0-9A-Za-z/-]{0,120}|renderD[0-9]{3}")
_FIRST_RENDER_NODE = 128

GpuSets = tuple[tuple[str, ...], ...]


def gpu_sets(gpus: Any) -> GpuSets:
    """The devices per instance, to be dealt out in turn: () none, (("all",),) all, else one tuple of ids per set.

    Raises TypeError or ValueError that says what is wrong.
    """
    if gpus is None or gpus in ("", NONE):
        return ()
    if gpus == ALL:
        return ((ALL,),)
    if gpus == AUTO:
        raise ValueError("'auto' is what the host has, and nobody has looked there yet (it works for corral_gpus only)")
    if isinstance(gpus, (str, bytes, Mapping)) or not isinstance(gpus, Sequence):
        raise TypeError(f"{gpus!r} is neither a list nor 'all', 'auto' or 'none'")
    return tuple(_set(entry) for entry in gpus)


def by_runtime(vendor: str, runtime: str) -> str:
    """How containers get their GPUs. ``auto`` follows the vendor alone, never what a host has: otherwise an update
    of a host would have all its containers made anew. Raises CorralError for what cannot go together."""
    if vendor not in VENDORS or runtime not in RUNTIMES:
        raise CorralError(
            f"GPUs of the vendor {ascii(vendor)[:40]} by the runtime {ascii(runtime)[:40]} are not known here.",
            kind="bad_gpus",
            remedy=f"corral_gpu_vendor is one of {', '.join(VENDORS)}, corral_gpu_runtime of {', '.join(RUNTIMES)}.",
        )
    chosen = ("nvidia" if vendor == NVIDIA else "devices") if runtime == "auto" else runtime
    if (vendor, chosen) in ((NVIDIA, "devices"), (AMD, "nvidia")):
        raise CorralError(
            f"corral_gpu_runtime is {runtime}, which does not give {vendor} GPUs to a container.",
            kind="bad_gpus",
            remedy="Use auto, or cdi where the host describes its GPUs by CDI.",
        )
    return chosen


def gpu_service(gpus: Sequence[str], vendor: str, runtime: str) -> dict[str, Any]:
    """What of a service of Compose gives it these GPUs of ``Instance.gpus``; {} for none."""
    chosen = by_runtime(vendor, runtime)
    if not gpus:
        return {}
    if chosen == "devices":
        return {"devices": [f"{path}:{path}" for path in device_files(gpus)]}
    request: dict[str, Any] = {"driver": chosen, "capabilities": ["gpu"]}
    if chosen == "cdi":
        # The entry `devices` of a service says the same, and only newer releases of Compose read it so.
        request["device_ids"] = [f"{vendor}.com/gpu={name}" for name in gpus]
    else:
        request.update({"count": "all"} if list(gpus) == [ALL] else {"device_ids": list(gpus)})
    return {"deploy": {"resources": {"reservations": {"devices": [request]}}}}


def device_files(gpus: Sequence[str]) -> tuple[str, ...]:
    """The files of AMD's GPUs: the compute interface, and a render node for each. An index counts render nodes, as
    the kernel numbers them; ``renderD129`` names one where something else has a render node too."""
    if list(gpus) == [ALL]:
        return "/dev/kfd", "/dev/dri"
    nodes = [name if name.startswith("renderD") else f"renderD{_FIRST_RENDER_NODE + _index(name)}" for name in gpus]
    return ("/dev/kfd", *(f"/dev/dri/{node}" for node in nodes))


def _index(name: str) -> int:
    if name.isdigit():
        return int(name)
    raise CorralError(
        f"corral_gpus names {name}, and an AMD GPU is given to a container by its index or its render node.",
        kind="bad_gpus",
        remedy="Use 0, 1, … or renderD128, renderD129, …, or corral_gpu_runtime=cdi.",
    )


def _set(entry: Any) -> tuple[str, ...]:
    if entry in (ALL, NONE):
        return (ALL,) if entry == ALL else ()
    members = entry if isinstance(entry, (list, tuple)) else [entry]
    ids = tuple(_gpu_id(member) for member in members)
    if not ids or len(set(ids)) != len(ids):
        raise ValueError(f"the entry {entry!r} {'names a device twice' if ids else 'is empty'}")
    return ids


def _gpu_id(member: Any) -> str:
    text = "" if isinstance(member, bool) else str(member)
    if not _ID.fullmatch(text):
        raise ValueError(f"{member!r} is neither an index (0, 1, …) nor a GPU-…, MIG-… or renderD… identifier")
    return text
