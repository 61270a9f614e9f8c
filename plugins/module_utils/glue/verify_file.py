# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the host that remembers how the containers were. It is a memory, not a truth: gone means a first look."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import CorralError
from ..core.verify_memory import VerifyMemory, parse_verify_memory
from ..store.files import NotAFile, read_plain, write_private

_LIMIT = 1024 * 1024


@dataclass
class VerifyFile:
    """``path`` is "" when nothing is to be remembered; ``warnings`` says what went wrong with it."""

    path: str
    warnings: list[str] = field(default_factory=list)

    def read(self, now: float) -> VerifyMemory:
        try:
            return parse_verify_memory(read_plain(self.path, _LIMIT), now) if self.path else VerifyMemory()
        except FileNotFoundError:
            return VerifyMemory()
        except (OSError, NotAFile, CorralError) as error:
            self.warnings.append(f"{self.path} cannot be read ({error}); everything is seen for the first time.")
            return VerifyMemory()

    def remember(self, memory: VerifyMemory) -> None:
        try:
            write_private(self.path, memory.as_bytes())
        except CorralError as error:
            self.warnings.append(f"What was seen cannot be remembered: {error}")
