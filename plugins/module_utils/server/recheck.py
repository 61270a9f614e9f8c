# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking again before believing the worst: a server whose store is written to loses models for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..core.errors import CorralError
from ..core.names import Key, parse_name
from ..server.client import OllamaClient
from ..server.errors import ServerError

Answer = TypeVar("Answer")

_FINAL = ("server_gone", "server_timeout")


def settled(
    read: Callable[[], Answer],
    believable: Callable[[Answer], bool],
    *,
    rechecks: int = 3,
    delay: float = 0.25,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Call ``read`` until its answer is believable, at most ``1 + rechecks`` times; then its last answer or error.

    Errors of the server (404, 500, 400) are looked at again; one that does not answer at all is not.
    """
    for _attempt in range(rechecks):
        try:
            answer = read()
        except ServerError as error:
            if error.kind in _FINAL:
                raise
        else:
            if believable(answer):
                return answer
        sleep(delay)
    return read()


def listed(
    client: OllamaClient,
    wanted: Iterable[Key],
    *,
    rechecks: int = 3,
    delay: float = 0.25,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[Key, dict[str, Any]]:
    """The models of ``/api/tags`` by ``ModelName.key``, looked at again while one of ``wanted`` (keys) is absent."""
    keys = set(wanted)
    return settled(
        lambda: by_key(client.tags()),
        lambda models: keys <= models.keys(),
        rechecks=rechecks,
        delay=delay,
        sleep=sleep,
    )


def by_key(entries: Iterable[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """Entries of ``/api/tags`` or ``/api/ps`` by ``ModelName.key``; a name that is none is left out."""
    found: dict[Key, dict[str, Any]] = {}
    for entry in entries:
        try:
            found[parse_name(str(entry.get("name") or entry.get("model") or "")).key] = entry
        except CorralError:
            continue
    return found
