# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to the containers since the last verification: ends, kills for want of memory, starts by others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .engine_time import engine_time
from .leases import clock
from .rollout_record import CHANGING
from .verify_finding import PROBLEM, WARNING, VerifyFinding
from .verify_memory import VerifyMemory

_SLACK = 2.0
_LOOK = "Look at the end of its log before that ({} {})."

Row = Mapping[str, Any]
Spans = Sequence[tuple[float, float]]


def restart_findings(
    rows: Iterable[Row], before: VerifyMemory, spans: Mapping[str, Spans], most: int = 0
) -> list[VerifyFinding]:
    """``rows`` are those of ``instance_info``; ``spans``: by instance when Corral itself changed it; ``most``: as many
    ends are no problem. What is seen for the first time ever may be old, and is a warning."""
    found: list[VerifyFinding] = []
    anew: list[Row] = []
    grave = PROBLEM if before.at else WARNING
    for row in rows:
        old = before.instances.get(str(row["name"]))
        same = old is not None and old.id == row["id"]
        known = old.restarts if old and same and old.restarts <= row["restarts"] else 0
        ends = int(row["restarts"]) - known
        since = f"since {clock(before.at)}" if same else f"since it was made ({_short(row['created_at'])})"
        if ends > 0:
            found.append(_ended(row, ends, since, grave if ends > most else WARNING))
        told = old is not None and same and old.oom_killed and old.started_at == row["started_at"]
        if row["oom_killed"] and not told:
            found.append(_killed(row, since, grave))
        if old and same and not ends and row["started_at"] != old.started_at and not _within(row, spans):
            anew.append(row)
    return [*found, *_anew(anew, before)]


def changes_by_corral(events: Iterable[Row]) -> dict[str, list[tuple[float, float]]]:
    """From the audit log of the rollouts, by instance: from when it was changed until the next event, or for ever."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        at = engine_time(str(event.get("at") or ""))
        names = event.get("instances")
        for name in names if isinstance(names, list) and at else ():
            own = spans.setdefault(str(name), [])
            if own and own[-1][1] == float("inf"):
                own[-1] = (own[-1][0], at)
            if event.get("event") == CHANGING:
                own.append((at, float("inf")))
    return spans


def _within(row: Row, spans: Mapping[str, Spans]) -> bool:
    at = engine_time(str(row["started_at"]))
    return any(begin - _SLACK <= at <= end + _SLACK for begin, end in spans.get(str(row["name"]), ()))


def _ended(row: Row, ends: int, since: str, severity: str) -> VerifyFinding:
    times = "once" if ends == 1 else f"{ends} times"
    text = (
        f"{row['name']}: its server ended by itself {times} {since}, and the engine started it again, the last time at"
        f" {_short(row['started_at'])}. {_LOOK.format('docker logs', row['container'])}"
    )
    return VerifyFinding("restarts", severity, text, str(row["name"]))


def _killed(row: Row, since: str, severity: str) -> VerifyFinding:
    text = (
        f"{row['name']}: a process of it was killed for want of memory {since}. Give it more (corral_instance_memory),"
        " or fewer and smaller models at the same time (OLLAMA_MAX_LOADED_MODELS, OLLAMA_CONTEXT_LENGTH); then run the"
        " playbook deploy."
    )
    return VerifyFinding("oom", severity, text, str(row["name"]))


def _anew(rows: Sequence[Row], before: VerifyMemory) -> list[VerifyFinding]:
    """One for all: when the host was restarted they all were."""
    if not rows:
        return []
    names = ", ".join(str(row["name"]) for row in rows)
    last = max(str(row["started_at"]) for row in rows)
    text = (
        f"{names}: started anew since {clock(before.at)} (last at {_short(last)}), and not by Corral: the host or its"
        " engine was restarted, or somebody did it by hand. Models that were in memory are not any more."
    )
    return [VerifyFinding("restarts", WARNING, text, str(rows[0]["name"]) if len(rows) == 1 else "")]


def _short(moment: Any) -> str:
    return f"{str(moment)[:19]}Z"
