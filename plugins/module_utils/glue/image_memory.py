# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the host that remembers which images its instances ran. Damaged or gone, nothing is known: then nothing
is removed either."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import CorralError
from ..core.images import Remembered, dump_memory, parse_memory
from ..store.files import lstat, read_plain, write_private

_LIMIT = 1024 * 1024


@dataclass
class ImageMemory:
    """``warnings`` says what was wrong with the file."""

    path: str
    warnings: list[str] = field(default_factory=list)

    def read(self) -> tuple[Remembered, ...]:
        try:
            if not self.path or lstat(self.path) is None:
                return ()
            return parse_memory(read_plain(self.path, _LIMIT))
        except (OSError, ValueError, CorralError) as error:
            self.warnings.append(f"What images ran before, {self.path}, cannot be used ({error}); it begins anew.")
            return ()

    def write(self, memory: tuple[Remembered, ...]) -> None:
        """Whole or not at all."""
        write_private(self.path, dump_memory(memory))
