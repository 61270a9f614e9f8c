# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's images."""

from __future__ import annotations

from typing import Any

from ..core.errors import CorralError
from ..core.libraries import require


def present(api: Any, reference: str) -> tuple[str, tuple[str, ...]]:
    """(id, repository digests) of an image that is on the host; ("", ()) when it is not. The id is 64 hex."""
    errors = require("docker").errors
    try:
        image = api.inspect_image(reference)
    except errors.NotFound:
        return "", ()
    except errors.APIError as error:
        if getattr(error.response, "status_code", 0) != 400:
            raise
        message = f"corral_image is {reference!r}, and the engine does not take that for an image: {error.explanation}."
        raise CorralError(message, kind="bad_image", remedy="Write it as name:tag or name@sha256:…") from error
    return str(image["Id"]).rsplit(":", maxsplit=1)[-1], tuple(image.get("RepoDigests") or ())
