# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the leases and the last scrub of a host have to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .columns import counted
from .leases import Lease, clock
from .units import human_seconds
from .verify_finding import NOTE, PROBLEM, WARNING, VerifyFinding


def lease_findings(what: str, lease: Lease | None, error: str, now: float, most: float) -> list[VerifyFinding]:
    """``what`` it is the lease of (store, rollout); ``error``: why it cannot be read; ``most``: for so many seconds a
    job may have it without being stuck."""
    if error:
        return [_of_host("lease", PROBLEM, error)]
    if lease is None:
        return []
    held = f"The lease of the {what} is {lease.told()}"
    if not lease.live(now):
        text = f"{held}: that job let it expire, so it was killed. The next run that needs it takes it over."
        return [_of_host("lease", WARNING, text)]
    if now - lease.acquired_at > most:
        hours = human_seconds(now - lease.acquired_at)
        text = f"{held}, which is {hours} by now. See whether that job is stuck; ended, its lease expires by itself."
        return [_of_host("lease", WARNING, text)]
    return [_of_host("lease", NOTE, f"{held}.")]


def rollout_findings(unfinished: bool, live: bool, sentences: Sequence[str]) -> list[VerifyFinding]:
    """A rollout that nobody leads any more and that was not brought to its end."""
    if not unfinished or live:
        return []
    text = " ".join(sentences) or "A rollout was not brought to its end."
    remedy = "Run the playbook deploy to go on, or rolling_rollback to take it back."
    return [_of_host("lease", PROBLEM, f"{text} {remedy}")]


def scrub_findings(
    scrub: Mapping[str, Any], damaged: Sequence[str], made_at: float, now: float, most: float
) -> list[VerifyFinding]:
    """``scrub`` as ``storage_info`` has it; ``damaged``: the digests of blobs that hashed to something else and were
    not touched since; ``made_at``: when the store was made; ``most``: the seconds in which all of it has to be read."""
    found = []
    if damaged:
        names = ", ".join(scrub.get("models_affected") or []) or "no declared model"
        digests = ", ".join(digest[:12] for digest in damaged[:5])
        text = (
            f"The store has {counted(len(damaged), 'damaged blob')} ({digests}), of {names}. Run the playbook repair."
        )
        found.append(_of_host("store", PROBLEM, text))
    elif scrub and not scrub.get("ok", True):
        kinds = ", ".join(f"{count} {kind}" for kind, count in dict(scrub.get("findings_by_kind") or {}).items())
        when = clock(float(scrub.get("ended_at") or 0.0))
        text = (
            f"The last scrub of the store ({when}) found damage: {kinds}; no damaged blob is left of it, as far as is"
        )
        found.append(_of_host("store", WARNING, f"{text} known. Run the playbook scrub to be sure."))
    if most <= 0:
        return found
    last = float(scrub.get("last_full_at") or 0.0)
    if now - max(last, made_at) > most:
        when = f"was last read as a whole at {clock(last)}" if last else "was never read as a whole"
        text = f"The store {when}, and every {most / 86400:g} days are expected. Run the playbook scrub."
        found.append(_of_host("store", WARNING, text))
    return found


def _of_host(check: str, severity: str, text: str) -> VerifyFinding:
    return VerifyFinding(check, severity, text)
