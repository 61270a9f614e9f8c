# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a pull: its events, its layers, its failed attempts and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class PullEvent:
    """One line of the stream: ``status`` as sent, and for a layer its digest (64 hex) and bytes."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0
    attempt: int = 1

    @property
    def verifying(self) -> bool:
        return not self.digest and self.status not in ("", "pulling manifest")


@dataclass
class LayerProgress:
    """``start`` bytes were there before the pull; ``reused``: all of them, the layer was not transferred."""

    total: int
    completed: int
    start: int = 0
    reused: bool = False
    first_attempt: int = 1


@dataclass(frozen=True)
class Retry:
    """A failed attempt: which, what went wrong, how long it had taken, how long was waited before the next."""

    attempt: int
    kind: str
    message: str
    seconds: float
    wait: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class PullOutcome:
    """What a pull did. Layers that were fetched within one tick of the server may be absent from ``layers``."""

    retries: list[Retry] = field(default_factory=list)
    layers: dict[str, LayerProgress] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def completed(self) -> int:
        return sum(layer.completed for layer in self.layers.values())

    @property
    def total(self) -> int:
        return sum(layer.total for layer in self.layers.values())

    @property
    def reused_layers(self) -> int:
        return sum(layer.reused for layer in self.layers.values())

    def fetched_of(self, size: int) -> int:
        """Bytes transferred for a model of ``size`` bytes: all but what was there before."""
        return max(0, size - sum(layer.start for layer in self.layers.values()))

    def note(self, event: PullEvent) -> None:
        """Take in one line. A layer that was in the store before has exactly one line, and is whole in it.

        A small layer that is fetched may be whole in its first line too; the server then repeats the line.
        """
        if not event.digest:
            return
        layer = self.layers.get(event.digest)
        if layer is None:
            whole = 0 < event.total == event.completed
            layer = LayerProgress(event.total, event.completed, event.total if whole else 0, whole, event.attempt)
            self.layers[event.digest] = layer
        elif event.attempt == layer.first_attempt:
            layer.start, layer.reused = 0, False
        layer.total, layer.completed = event.total, event.completed


def event_of(line: Mapping[str, Any], attempt: int) -> PullEvent:
    """One line of the stream as an event; fields of a wrong type count as absent."""
    digest = str(line.get("digest") or "")
    return PullEvent(
        str(line.get("status") or ""),
        digest[7:] if digest.startswith("sha256:") else digest,
        _count(line.get("total")),
        _count(line.get("completed")),
        attempt,
    )


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) else 0
