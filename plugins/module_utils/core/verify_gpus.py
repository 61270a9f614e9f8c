# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether models run where they were meant to: on the GPUs that were declared, or that the server itself found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .inference_compute import Device
from .units import human_bytes
from .verify_finding import PROBLEM, WARNING, VerifyFinding

_DRIVER = "Check the driver and the container toolkit (nvidia-smi, docker info), then run the playbook rolling_restart."


@dataclass(frozen=True)
class Placed:
    """A model in memory, now or right after it answered."""

    name: str
    size: int
    size_vram: int


@dataclass(frozen=True)
class InstanceGpus:
    """``expected`` is declared (``("all",)`` for all), ``given`` what the container got, ``devices`` what the server
    found at its start by its own log, empty where that is not known."""

    name: str
    expected: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()

    @property
    def seen(self) -> tuple[Device, ...]:
        return tuple(one for one in self.devices if not one.is_cpu)

    @property
    def meant(self) -> bool:
        """Whether its models belong on a GPU. An instance that nobody gave one and that has none runs as it should."""
        return bool(self.expected or self.seen)

    def as_dict(self) -> dict[str, Any]:
        libraries = dict.fromkeys(one.library for one in (self.seen or self.devices))
        rows = [
            {
                "id": one.id,
                "library": one.library,
                "name": one.name,
                "total": human_bytes(one.total) if one.total else "",
            }
            for one in self.seen
        ]
        head = {"server": self.name, "expected": list(self.expected), "given": list(self.given)}
        return {**head, "seen": rows, "library": ", ".join(libraries)}


def gpu_findings(one: InstanceGpus, placed: Iterable[Placed]) -> list[VerifyFinding]:
    """A silent fall-back to the processor is a problem, a model that fits only in part is a warning."""
    if not one.meant:
        return []
    return [*_devices(one), *(found for model in placed for found in _placement(one, model))]


def _devices(one: InstanceGpus) -> Sequence[VerifyFinding]:
    wanted, given = _told(one.expected), {name for name in one.given if not name.startswith("/")}
    if one.expected and not one.given and not one.seen:
        text = f"{one.name} was given no GPU, and {wanted} is declared. Run the playbook rolling_restart."
    elif one.expected and given and given != set(one.expected):
        text = f"{one.name} was given {_told(one.given)}, and {wanted} is declared. Run the playbook rolling_restart."
    elif one.expected and one.devices and not one.seen:
        text = f"{one.name} was given {wanted}, and its server found no GPU and computes on its processor. {_DRIVER}"
    elif one.expected and one.devices and "all" not in one.expected and len(one.seen) < len(one.expected):
        count, most = len(one.seen), len(one.expected)
        text = f"{one.name} was given {wanted}, and its server found {count} of these {most} GPUs. {_DRIVER}"
    else:
        return ()
    return (VerifyFinding("gpu", PROBLEM, text, one.name),)


def _placement(one: InstanceGpus, model: Placed) -> Sequence[VerifyFinding]:
    if model.size <= 0 or model.size_vram >= model.size:
        return ()
    if model.size_vram <= 0:
        text = (
            f"{one.name} runs {model.name} on its processor: nothing of its {human_bytes(model.size)} is on a GPU. See"
            " in its log why (inference compute, offload), then run the playbook rolling_restart -e corral_force=true."
        )
        return (VerifyFinding("gpu", PROBLEM, text, one.name, model.name),)
    text = (
        f"{one.name} has {model.size_vram / model.size:.0%} of {model.name} on its GPU, the rest of"
        f" {human_bytes(model.size)} runs on its processor: take a smaller model or context, or more memory."
    )
    return (VerifyFinding("gpu", WARNING, text, one.name, model.name),)


def _told(gpus: Sequence[str]) -> str:
    return "all GPUs" if list(gpus) == ["all"] else f"GPU {', '.join(gpus)}"
