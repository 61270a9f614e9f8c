# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the host that remembers what was loaded on purpose. Damaged or gone, nothing is known to have left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..core.errors import CorralError
from ..core.names import Key
from ..core.resident_memory import Loaded, Memory, dumped, loaded, remembered
from ..store.files import read_plain, write_private

_LIMIT = 4 * 1024 * 1024


@dataclass
class ResidentFile:
    """``path`` is "" when nothing is to be remembered; ``warnings`` says what went wrong with it."""

    path: str
    warnings: list[str] = field(default_factory=list)

    def read(self) -> Memory:
        try:
            return loaded(read_plain(self.path, _LIMIT).decode("utf-8")) if self.path else {}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, CorralError) as error:
            self.warnings.append(f"What {self.path} remembers of loaded models cannot be used ({error}).")
            return {}

    def remember(self, rows: Iterable[Loaded], instances: Mapping[str, Iterable[Key]]) -> None:
        """Merge into what the file holds by now: another run may have written since it was read."""
        if not self.path:
            return
        before = ResidentFile(self.path).read()
        text = dumped(remembered(before, rows, instances))
        if before and text == dumped(before):
            return
        try:
            write_private(self.path, text.encode())
        except CorralError as error:
            self.warnings.append(f"What was loaded cannot be remembered: {error}")
