# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host for its GPUs: NVIDIA's own tool, the kernel's files for AMD, and the list of CDI."""

from __future__ import annotations

import glob
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..core import gpus
from ..core.gpu_sets import AMD

KFD_NODES = "/sys/class/kfd/kfd/topology/nodes"
DRM = "/sys/class/drm"
_LIMIT = 64 * 1024
_SMI = "nvidia-smi"
# Memory of the GPU itself, seen by the processor or not.
_VRAM = {"1", "2"}


@dataclass(frozen=True)
class HostGpus:
    """``problem``: why nobody can say which GPUs there are, "" when somebody could."""

    gpus: tuple[gpus.Gpu, ...] = ()
    driver: str = ""
    cdi: tuple[str, ...] = ()
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        rows = [one.as_dict() for one in self.gpus]
        return {"gpus": rows, "driver": self.driver, "cdi": list(self.cdi), "problem": self.problem}


def gpus_of_host(vendor: str, timeout: float) -> HostGpus:
    """Reads only; a GPU that does not answer is none."""
    return _amd() if vendor == AMD else _nvidia(timeout)


def _nvidia(timeout: float) -> HostGpus:
    query, problem = _said(timeout, _SMI, f"--query-gpu={','.join(gpus.QUERY)}", "--format=csv,noheader,nounits")
    cdi = gpus.cdi_names(_said(timeout, "nvidia-ctk", "cdi", "list")[0])
    found, driver = gpus.nvidia_gpus(query)
    if not found:
        return HostGpus(cdi=cdi, problem=problem)
    if gpus.mig_on(query):
        found = gpus.with_parts(found, _said(timeout, _SMI, "-L")[0])
    return HostGpus(found, driver, cdi)


def _amd() -> HostGpus:
    if not os.path.isdir(KFD_NODES):
        return HostGpus(problem=f"there is no {KFD_NODES}, which the driver amdgpu makes")
    driver = _text("/sys/module/amdgpu/version").strip()
    return HostGpus(gpus.amd_gpus(_nodes()), driver)


def _nodes() -> Iterator[Mapping[str, str]]:
    for folder in sorted(glob.glob(os.path.join(KFD_NODES, "*"))):
        node = _properties(os.path.join(folder, "properties"))
        banks = [_properties(path) for path in glob.glob(os.path.join(folder, "mem_banks", "*", "properties"))]
        sizes = [one.get("size_in_bytes", "") for one in banks if one.get("heap_type") in _VRAM]
        minor = node.get("drm_render_minor", "")
        product = _text(f"{DRM}/renderD{minor}/device/product_name") if minor.isdigit() else ""
        name = product.strip() or _text(os.path.join(folder, "name")).strip()
        yield {**node, "memory": str(sum(int(size) for size in sizes if size.isdigit())), "name": name}


def _properties(path: str) -> dict[str, str]:
    pairs = (line.split(None, 1) for line in _text(path).splitlines())
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LIMIT)
    except OSError:
        return ""


def _said(timeout: float, *command: str) -> tuple[str, str]:
    """(what it printed, why it is of no use). A tool that fails may have told of the GPUs that do answer."""
    try:
        # module_utils below the glue know no AnsibleModule, whose run_command this rule wants; the words are constants
        answer = subprocess.run(  # pylint: disable=ansible-bad-function
            list(command), capture_output=True, timeout=timeout, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except FileNotFoundError:
        return "", f"{command[0]} is not there, which comes with the driver"
    except (OSError, subprocess.SubprocessError) as error:
        return "", f"{command[0]} cannot be run ({type(error).__name__})"
    printed = answer.stdout[:_LIMIT].decode("utf-8", "replace")
    said = " ".join((printed + " " + answer.stderr[:_LIMIT].decode("utf-8", "replace")).split())[:300]
    return printed, f"{command[0]} ended with {answer.returncode}: {said or 'it said nothing'}"
