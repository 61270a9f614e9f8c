# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the host that remembers its GPUs. Damaged or gone, nothing is known, and it begins anew."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.gpu_memory import GpuMemory, dump_memory, parse_memory
from ..store.files import NotAFile, lstat, read_plain, write_private

_LIMIT = 1024 * 1024


@dataclass
class GpuMemoryFile:
    """``warnings`` says what was wrong with the file."""

    path: str
    warnings: list[str] = field(default_factory=list)

    def read(self) -> GpuMemory:
        try:
            if not self.path or lstat(self.path) is None:
                return GpuMemory()
            return parse_memory(read_plain(self.path, _LIMIT))
        except (OSError, NotAFile, ValueError, RecursionError) as error:
            self.warnings.append(f"Which GPUs there were, {self.path}, cannot be used ({error}); it begins anew.")
            return GpuMemory()

    def write(self, memory: GpuMemory) -> None:
        """Whole or not at all."""
        write_private(self.path, dump_memory(memory))
