# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the events of a pull to the progress file."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..core.progress import ProgressMeter
from ..glue.progress_file import ProgressFile
from ..server.pull_state import PullEvent, Retry

_PHASES = {"verifying sha256 digest": "verifying", "writing manifest": "finishing", "success": "pulled"}


class PullReporter:
    """Hand ``on_event`` and ``on_retry`` to ``pull_model``. ``total``: the model's bytes, when known beforehand.

    Without it the total grows as the server comes to each layer; the weights come first and are nearly all of it.
    """

    def __init__(
        self, model: str, file: ProgressFile, total: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._meter = ProgressMeter(model)
        self._file, self._known_total, self._clock = file, total, clock
        self._layers: dict[str, tuple[int, int]] = {}
        self._note = ""

    def on_event(self, event: PullEvent) -> None:
        if event.digest:
            self._layers[event.digest] = (event.completed, event.total)
        phase = "pulling" if event.digest else _PHASES.get(event.status, event.status)
        # Only while bytes come in are bytes worth telling.
        completed = sum(layer[0] for layer in self._layers.values()) if event.digest else 0
        total = max(self._known_total, sum(layer[1] for layer in self._layers.values())) if event.digest else 0
        self._file.write(self._meter.update(phase, completed, total, self._clock(), self._note))

    def on_retry(self, retry: Retry) -> None:
        self._note = f"attempt {retry.attempt} failed: {retry.kind}"
        phase = f"waiting {retry.wait:g} s for attempt {retry.attempt + 1}"
        self._file.write(self._meter.update(phase, 0, 0, self._clock(), self._note))
