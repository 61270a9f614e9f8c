# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repair tells: everything that was found, and the failure that names what is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import CorralError
from .findings import MAX_TOLD, Finding
from .repair_plan import BrokenManifest, Facts
from .repair_tasks import Loss


def most_telling(rows: Sequence[Mapping[str, Any]], most: int = MAX_TOLD) -> list[dict[str, Any]]:
    """Rows for a result, not endless: those that hurt models before those that do not."""
    told = [dict(row) for row in rows if row["models"]][:most]
    told += [dict(row) for row in rows if not row["models"]][: most - len(told)]
    return told


def incomplete(root: str, done: Sequence[Mapping[str, Any]], losses: Sequence[Loss], **facts: Any) -> CorralError:
    """The failure that names what was repaired and what was not."""
    models = sorted({name for loss in losses for name in loss.models})
    shown = " ".join(f"{loss.path}: {loss.reason}" for loss in losses[:5])
    more = f" And {len(losses) - 5} more." if len(losses) > 5 else ""
    named = f" of {', '.join(models)}" if models else ""
    return CorralError(
        f"In the store {root} {len(losses)} of {len(losses) + len(done)} damages{named} could not be repaired;"
        f" nothing of them was touched. {shown}{more}",
        kind="repair_incomplete",
        remedy="Give a source that has them (a peer, a bundle, a registry that is reachable), and run it again.",
        path=root,
        models=models,
        **facts,
    )


def as_found(facts: Facts, every: Iterable[Finding], broken: Iterable[BrokenManifest]) -> tuple[Finding, ...]:
    """Everything that was found, as ``digest_check`` says it, and what only a repair looks for."""
    found = list(every)
    known = {finding.path for finding in found}
    for one in broken:
        if one.path not in known:
            text, models = one.message, (one.name.display,)
            found.append(Finding(one.kind, one.path, text, one.stored, models, one.expected, one.stored))
            known.add(one.path)
    for odd in facts.odds:
        if odd.shown not in known:
            found.append(Finding(odd.kind, odd.shown, odd.message, odd.digest))
    return tuple(sorted(found, key=lambda one: (not one.damage, one.kind, one.path)))
