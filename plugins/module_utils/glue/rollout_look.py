# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on record about the last rollout of a host, for whoever only looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..core.declared import BadInput
from ..core.leases import Lease
from ..core.rollout_end import report, sentences
from .rollout_file import RolloutFile
from .run import Work

_MAX_LINES = 1000
_STEP = 0.5


def prepare_rollout_info(params: Mapping[str, Any]) -> Work:
    """Everything is read, nothing is changed."""
    count = params["audit_lines"]
    if not 0 <= count <= _MAX_LINES:
        raise BadInput(f"audit_lines is {count}, not 0 to {_MAX_LINES}.", remedy="Read the rest of the log as it is.")
    file = RolloutFile(params["path"], params["audit_path"] or "")
    lease = _free(file, params["wait"])
    rollout = file.read()
    doubtful = rollout.in_doubt if rollout else ()
    return Work(
        result={
            "rollout": rollout.shown() if rollout else {},
            "unfinished": rollout is not None and rollout.unfinished,
            "in_doubt": [{"name": one.name, "state": one.state, "kind": one.kind} for one in doubtful],
            "lease": {**lease.as_dict(), "live": lease.live(time.time())} if lease else {},
            "sentences": sentences(rollout),
            "report": report(rollout),
            "audit": file.audit_tail(count),
        }
    )


def _free(file: RolloutFile, seconds: float) -> Lease | None:
    """The lease once nobody holds it, or after so many seconds as it is."""
    end = time.monotonic() + seconds
    while True:
        lease = file.lease.read()
        if lease is None or not lease.live(time.time()) or time.monotonic() >= end:
            return lease
        time.sleep(min(_STEP, max(0.0, end - time.monotonic())))


def open_rollout(path: str | None) -> dict[str, Any]:
    """Whether a run was interrupted, and which instances it left in doubt; cheap, for those who ask each time."""
    rollout = RolloutFile(path).read() if path else None
    if rollout is None or not rollout.unfinished:
        return {"unfinished": False, "in_doubt": []}
    return {"unfinished": True, "in_doubt": [one.name for one in rollout.in_doubt]}
