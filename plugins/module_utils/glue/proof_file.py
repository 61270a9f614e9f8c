# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the host that remembers proofs. It is a memory, not a truth: damaged or gone means asking again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..core.errors import CorralError
from ..core.proofs import Failure, Failures, Proof, Proofs, dumped, loaded, loaded_failures, merged, still_failing
from ..store.files import read_plain, write_private

_LIMIT = 16 * 1024 * 1024


@dataclass
class ProofFile:
    """``path`` is "" when nothing is to be remembered; ``warnings`` says what went wrong with it."""

    path: str
    warnings: list[str] = field(default_factory=list)

    def read(self) -> Proofs:
        return self.read_all()[0]

    def read_all(self) -> tuple[Proofs, Failures]:
        try:
            text = read_plain(self.path, _LIMIT).decode("utf-8") if self.path else ""
            return (loaded(text), loaded_failures(text)) if text else ({}, {})
        except FileNotFoundError:
            return {}, {}
        except (OSError, ValueError, OverflowError, RecursionError, CorralError) as error:
            self.warnings.append(f"The proofs in {self.path} cannot be used ({error}); everything is asked anew.")
            return {}, {}

    def remember(self, proven: Iterable[Proof], failed: Iterable[Failure], now: float) -> None:
        """Merge into what the file holds by now: another run may have written since it was read."""
        if not self.path:
            return
        proven, failed = tuple(proven), tuple(failed)
        proofs, failures = ProofFile(self.path).read_all()
        proofs = merged(proofs, proven, [failure.key for failure in failed], now)
        failures = still_failing(failures, proven, failed, now)
        try:
            write_private(self.path, dumped(proofs, failures).encode())
        except CorralError as error:
            self.warnings.append(f"What was proven cannot be remembered: {error}")
