# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.errors import CorralError
from ..core.images import Image
from ..core.libraries import require
from .containers import PROJECT, container_name, is_instance


def look(api: Any, reference: str) -> Image | None:
    """An image that is on the host, by its name or id; ``None`` when it is not."""
    found = inspected_image(api, reference)
    if found is None:
        return None
    tags, digests = (tuple(found.get(key) or ()) for key in ("RepoTags", "RepoDigests"))
    return Image(plain_id(found["Id"]), tags, digests, int(found.get("Size") or 0))


def inspected_image(api: Any, reference: str) -> dict[str, Any] | None:
    """The same as the engine itself tells it."""
    errors = require("docker").errors
    try:
        found: dict[str, Any] = api.inspect_image(reference)
    except errors.NotFound:
        return None
    except errors.APIError as error:
        if getattr(error.response, "status_code", 0) != 400:
            raise
        message = f"corral_image is {reference!r}, and the engine does not take that for an image: {error.explanation}."
        raise CorralError(message, kind="bad_image", remedy="Write it as name:tag or name@sha256:…") from error
    return found


def present(api: Any, reference: str) -> tuple[str, tuple[str, ...]]:
    """(id, repository digests) of an image that is on the host; ("", ()) when it is not. The id is 64 hex."""
    image = look(api, reference)
    return (image.id, image.digests) if image else ("", ())


def users(api: Any) -> dict[str, list[str]]:
    """By image id the containers that were made from it, whether they run or not."""
    found: dict[str, list[str]] = {}
    for entry in api.containers(all=True):
        found.setdefault(plain_id(entry.get("ImageID") or ""), []).append(container_name(entry))
    return found


def of_instances(listed: Iterable[Mapping[str, Any]], project: str) -> tuple[str, ...]:
    """The ids of the images that a project's instances were made from, from ``api.containers(all=True)``."""
    ours = (entry for entry in listed if is_instance(entry) and entry["Labels"].get(PROJECT) == project)
    return tuple(sorted({plain_id(entry.get("ImageID") or "") for entry in ours}))


def drop(api: Any, image: str, tags: Sequence[str]) -> str:
    """Take the names from an image, and with the last of them the image; why it stayed, or "".

    Never by force: the engine itself refuses what a container or another image is made from.
    """
    errors = require("docker").errors
    for name in (*tags, f"sha256:{image}"):
        try:
            api.remove_image(name, force=False, noprune=False)
        except errors.NotFound:
            # With its last name it went itself, or somebody else was quicker.
            continue
        except errors.APIError as error:
            if getattr(error.response, "status_code", 0) != 409:
                raise
            return f"the engine keeps it: {error.explanation}"
    return ""


def plain_id(text: str) -> str:
    """64 hex, without the name of the algorithm."""
    return str(text).rsplit(":", maxsplit=1)[-1]
