# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model that answers no more, for as long as a test looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab import Lab


@contextmanager
def hanging(lab: Lab, port: int, model: str) -> Iterator[None]:
    """A model in memory that begins to answer no more; whatever happens, the next test finds a healthy server.

    It stays for ever: what has an end and was not used since it was asked last, the exporter does not ask again.
    """
    lab.api(port, "/api/generate", {"model": model, "keep_alive": -1})
    lab.api(port, "/practice/faults", {"hang_generate": {"model": model, "seconds": 0}}, method="PUT")
    try:
        yield
    finally:
        lab.api(port, "/practice/faults", {}, method="PUT")
