# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``image_info``: what an image is, what runs now, and whether the one may follow the other on one store."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.images import Image, Running, running_images
from ..core.problems import Problem, raise_all
from ..core.versions import downgrade_warnings, image_problems, is_release, version_said
from ..engine import images
from ..engine.client import connect, speaking
from ..engine.containers import project_containers, project_instances
from ..engine.throwaway import version_output
from .image_memory import ImageMemory
from .run import Work


@dataclass(frozen=True)
class Found:
    """``version`` is "" where nobody had to ask; ``why`` says why an image that was asked did not tell it."""

    image: Image | None
    running: tuple[Running, ...]
    version: str = ""
    why: str = ""

    @property
    def differs(self) -> bool:
        """Whether instances would start with an image that none of them, or not all of them, runs."""
        return self.image is not None and [one.id for one in self.running] != [self.image.id]


def prepare_image_info(params: Mapping[str, Any]) -> Work:
    memory = ImageMemory(params["memory_path"] or "")
    versions = {one.id: one.version for one in memory.read()}
    api = connect(params["engine_timeout"])
    with speaking():
        found = _find(api, params, versions)
    problems = _problems(found, params)
    if params["on_refused"] == "fail":
        raise_all(problems, f"Host {platform.node()}")
    seen = [one.version for one in found.running if one.version]
    warnings = [*memory.warnings, *(downgrade_warnings(params["image"], found.version, seen) if found.differs else ())]
    return Work(result={**_result(found, params), "problems": [str(one) for one in problems], "warnings": warnings})


def _find(api: Any, params: Mapping[str, Any], versions: Mapping[str, str]) -> Found:
    image = images.look(api, params["image"])
    instances = project_instances(api, project_containers(api, params["project"]))
    running = tuple(replace(one, version=versions.get(one.id, "")) for one in running_images(instances))
    found = Found(image, running)
    if image is None:
        return found
    version, why = versions.get(image.id, ""), ""
    if found.differs and not version:
        version, why = _ask(api, image.id, params)
    if found.differs:
        known = (one if one.version else replace(one, version=_ask(api, one.id, params)[0]) for one in running)
        found = replace(found, running=tuple(known))
    # What the image says counts more: what was stated may have been meant for the one before.
    return replace(found, version=version if is_release(version) else params["version"] or version, why=why)


def _ask(api: Any, image: str, params: Mapping[str, Any]) -> tuple[str, str]:
    output, why = version_output(api, image, params["project"], params["timeout"])
    version = version_said(output)
    said = " ".join(output.split())[:200]
    return version, why or ("" if version else f"it printed {said!r}")


def _problems(found: Found, params: Mapping[str, Any]) -> list[Problem]:
    """Only of an image that is about to be started: what runs already is not stopped for it."""
    if not found.differs:
        return []
    problems = image_problems(params["image"], found.version, (one.version for one in found.running if one.version))
    more = f" (`ollama --version` in it: {found.why})" if found.why else ""
    return [replace(one, message=f"{one.message.rstrip('.')}{more}.") for one in problems]


def _result(found: Found, params: Mapping[str, Any]) -> dict[str, Any]:
    image = found.image or Image("")
    return {
        "image": {
            "reference": params["image"],
            "present": found.image is not None,
            "id": image.id,
            "repo_digests": list(image.digests),
            "version": found.version,
        },
        "running": [one.as_dict() for one in found.running],
        "differs": found.differs,
        "sentence": _sentence(params["image"], found),
    }


def _sentence(reference: str, found: Found) -> str:
    if found.image is None:
        return f"{reference} is not on this host; {_runs(found.running)}"
    digest = next((f" ({name.rpartition('@')[2]})" for name in found.image.digests), "")
    version = f", Ollama {found.version}" if found.version else ""
    return f"{reference} is the image {found.image.id[:12]}{digest}{version}; {_runs(found.running)}"


def _runs(running: Sequence[Running]) -> str:
    return f"of the instances {', '.join(map(_run, running))}" if running else "no instance runs yet"


def _run(image: Running) -> str:
    count, version = len(image.instances), f", {image.version}" if image.version else ""
    return f"{count} run{'s' if count == 1 else ''} {image.references[0]} ({image.id[:12]}{version})"
