# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``gpu_check``: a container is given the GPUs that an instance will get, and says which of them it sees."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import CorralError
from ..core.gpu_memory import GpuMemory, expected_uuids, unseen
from ..core.gpu_sets import ALL, NVIDIA, by_runtime, device_files, gpu_service
from ..core.gpus import Gpu, from_dict
from ..core.plans import Plan, Step
from ..engine.client import connect, speaking
from ..engine.images import look
from ..engine.throwaway import gpu_output
from .gpu_memory_file import GpuMemoryFile
from .run import Work

Params = Mapping[str, Any]
_DRIVER = "Check the driver (nvidia-smi) and the container toolkit (docker_host_nvidia_toolkit=true installs it)."
_DEVICES = "Check that the driver amdgpu is loaded and that these files are there, and that the engine may use them."


@dataclass(frozen=True)
class _Wanted:
    """``ids`` as in ``Instance.gpus``, of all instances together."""

    ids: tuple[str, ...]
    vendor: str
    runtime: str
    gpus: tuple[Gpu, ...]

    def under(self, image: str, driver: str) -> dict[str, Any]:
        """Under what circumstances a proof counts: with another driver or image it has to be given anew."""
        seen = sorted(one.id for one in self.gpus)
        return {"image": image, "driver": driver, "runtime": self.runtime, "gpus": sorted(self.ids), "host": seen}


def prepare_gpu_check(params: Params) -> Work:
    wanted = _wanted(params)
    file = GpuMemoryFile(params["memory_path"])
    before, api = file.read(), connect(params["engine_timeout"])
    with speaking():
        image = look(api, params["image"])
    under = wanted.under(image.id if image else "", params["driver"])
    proven = image is None or not wanted.ids or before.proof == under
    steps = [] if proven else [Step("prove", ", ".join(wanted.ids), f"a container of {params['image']} sees them")]
    if before.gpus != wanted.gpus and wanted.gpus:
        steps.append(Step("remember", file.path, ", ".join(one.id for one in wanted.gpus)))
    result = {"gpus": list(wanted.ids), "image_present": image is not None, "warnings": file.warnings}

    def apply() -> Params:
        if image and not proven:
            _prove(api, image.id, wanted, params)
        after = replace(before, gpus=wanted.gpus or before.gpus, proof=before.proof if proven else under)
        file.write(after)
        return {"warnings": file.warnings}

    return Work(Plan(tuple(steps), _shown(before), _shown(replace(before, gpus=wanted.gpus))), result, apply)


def _wanted(params: Params) -> _Wanted:
    given = dict.fromkeys(str(name) for name in params["gpus"])
    ids = (ALL,) if ALL in given else tuple(given)
    try:
        gpus = tuple(from_dict(row) for row in params["host_gpus"])
    except ValueError as error:
        raise CorralError(f"host_gpus is not what gpu_info returns: {error}.", kind="bad_input") from error
    return _Wanted(ids, params["vendor"], by_runtime(params["vendor"], params["runtime"]), gpus)


def _prove(api: Any, image: str, wanted: _Wanted, params: Params) -> None:
    given = gpu_service(wanted.ids, wanted.vendor, wanted.runtime)
    with speaking():
        output, why = gpu_output(api, image, params["project"], params["timeout"], _command(wanted), given)
    if wanted.vendor != NVIDIA:
        # Nothing is printed where all the files can be opened.
        lacking, why = (list(wanted.ids), why or output) if why or output.strip() else ([], "")
    else:
        lacking = list(unseen(expected_uuids(wanted.ids, wanted.gpus), output)) or _none(output, wanted.ids)
    if why or lacking:
        raise _unseen(wanted, params["image"], lacking, why or " ".join(output.split()))


def _command(wanted: _Wanted) -> tuple[str, ...]:
    if wanted.vendor == NVIDIA:
        return "nvidia-smi", "-L"
    files = [path for path in device_files(_render_nodes(wanted)) if path != "/dev/dri"]
    return ("head", "-c", "0", "-q", *files)


def _render_nodes(wanted: _Wanted) -> Sequence[str]:
    return [one.node for one in wanted.gpus if one.node] if wanted.ids == (ALL,) else wanted.ids


def _none(output: str, ids: Sequence[str]) -> list[str]:
    """Where the host does not tell its UUIDs, a container that sees nothing is still one."""
    return [] if "UUID: " in output else list(ids)


def _unseen(wanted: _Wanted, image: str, lacking: Sequence[str], said: str) -> CorralError:
    found = f": {said[:300].rstrip('. ')}." if said else "."
    return CorralError(
        f"Host {platform.node()}: a container of {image} was given the GPUs {', '.join(wanted.ids)}"
        f" ({wanted.runtime}) and does not see {', '.join(lacking or wanted.ids)}{found}",
        kind="gpu_not_seen",
        remedy=_DRIVER if wanted.vendor == NVIDIA else _DEVICES,
        expected=list(wanted.ids),
        lacking=list(lacking),
        said=said[:300],
    )


def _shown(memory: GpuMemory) -> dict[str, Any]:
    return {"gpus": [one.id for one in memory.gpus]}
