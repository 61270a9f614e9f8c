# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scrubs leave in the store, besides receipts: the last result, and what the next one goes on with."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core.errors import CorralError
from ..core.ownership import not_ready
from ..core.receipts import Stamp
from ..core.scrub_plan import Past
from ..core.scrub_result import last_full_of, past_of, past_text
from .files import NotAFile, lstat, os_errors, read_plain, require_directory, write_beside
from .layout import StorePaths
from .locking import locked
from .receipts import ReceiptFile, stamp_of

_LIMIT = 1024 * 1024
#: A journal above this size, and with three lines of a blob on average, is written anew.
_LARGE, _LINE = 1024 * 1024, 250


class ScrubFiles:
    """Of one store. Written under ``alone`` only."""

    def __init__(self, paths: StorePaths) -> None:
        self._paths = paths

    def require_ready(self) -> None:
        require_directory(self._paths.private)
        if lstat(self._paths.private) is None:
            raise not_ready(self._paths.root, self._paths.private)

    @contextmanager
    def alone(self, wait: float) -> Iterator[None]:
        """One scrub at a time: two would read everything twice. Raises ``scrub_running`` after ``wait`` seconds."""
        path = self._paths.scrub_guard
        try:
            with locked(path, wait):
                yield
        except CorralError as error:
            if error.kind != "lease_busy" or error.facts.get("path") != path:
                raise
            raise CorralError(
                f"Another scrub of {self._paths.root} is running.",
                kind="scrub_running",
                remedy=f"Wait for it (option wait), or see which process it is: fuser -v {path}",
                path=self._paths.root,
            ) from None

    def version(self) -> tuple[Stamp | None, ...]:
        """Another one when anything was written since."""
        paths = self._paths
        with os_errors("look at", paths.private):
            return tuple(stamp_of(path) for path in (paths.receipts, paths.scrub_state, paths.scrub_result))

    def past(self, now: float) -> Past:
        return past_of(_text(self._paths.scrub_state), now)

    def last_full_at(self, now: float) -> float:
        return last_full_of(_text(self._paths.scrub_result), now)

    def keep_past(self, past: Past) -> None:
        text = past_text(past)
        if text != _text(self._paths.scrub_state):
            _write(self._paths.scrub_state, text)

    def keep_result(self, scrub: Mapping[str, Any]) -> None:
        _write(self._paths.scrub_result, json.dumps(scrub) + "\n")

    def compact(self, digests: Collection[str]) -> None:
        """Drop receipts that were superseded, or whose blobs are gone, when they have become many."""
        found = lstat(self._paths.receipts)
        count = len(digests)
        if found is not None and found.st_size > max(_LARGE, 3 * _LINE * count):
            ReceiptFile(self._paths).compact(digests)


def _write(path: str, text: str) -> None:
    with os_errors("write", path):
        write_beside(path, text.encode(), 0o600)


def _text(path: str) -> str:
    """Empty where there is none, or none that is ours: then there is only more to read."""
    try:
        raw = read_plain(path, _LIMIT)
    except (OSError, NotAFile):
        return ""
    return raw.decode("utf-8", "replace") if len(raw) <= _LIMIT else ""
