# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_scrub``: decide what to read, read it within the budget, and say what is known of the store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..core.errors import CorralError
from ..core.findings import Finding, told_of
from ..core.plans import Plan, Step
from ..core.progress import Progress, ProgressMeter
from ..core.receipts import Receipt, Stamp
from ..core.scrub_plan import FULL, Past, ScrubPlan, holding, known_runs, scrub_plan
from ..core.scrub_result import Ran, contents_of, readable, scrub_result, summary, told_time
from ..core.store_verdict import Seen, findings, model_verdicts, told
from ..core.units import human_bytes
from ..store.receipts import ReceiptFile
from ..store.scan import settled_look
from ..store.scrub_files import ScrubFiles
from ..store.scrubber import Readings, Scrubber
from ..store.throttle import Throttle
from .progress_file import ProgressFile
from .run import Work
from .scrub_wish import Wanted, wanted_of

_WHAT = "store"
REMEDY = "Run the playbook corral.ollama.repair: it fetches again what is damaged, and nothing else."


@dataclass(frozen=True)
class _View:
    """What is known of the store at one moment; ``receipts`` are those that hold."""

    seen: Seen
    stamps: Mapping[str, Stamp]
    receipts: Mapping[str, Receipt]
    found: tuple[Finding, ...]


@dataclass(frozen=True)
class _Survey:
    """What a run starts from."""

    at: float
    past: Past
    last_full_at: float
    plan: ScrubPlan
    version: object


def prepare_scrub(params: Mapping[str, Any]) -> Work:
    """The five steps of ``store_scrub`` for its parameters. A scrub changes nothing: what it writes is a memory."""
    wanted = wanted_of(params)
    survey, view = _survey(wanted)
    plan = survey.plan
    detail = f"{len(plan.reads)} blobs, {human_bytes(plan.bytes_to_read)}"
    steps = (Step("read", wanted.paths.root, detail),)
    ran = Ran(plan.mode, survey.at, survey.at, stopped_by=plan.cut, future=plan.future)
    report = _report(wanted, survey, ran, view, Readings())
    report["summary"] = summary(wanted.paths.root, report["scrub"], detail)
    # taken out when it is used: what was seen before need not be in memory beside what is seen afterwards
    kept = [(survey, view)]
    return Work(Plan(steps), {**report, "changed": False}, lambda: _apply(wanted, *kept.pop()))


def _survey(wanted: Wanted) -> tuple[_Survey, _View]:
    files = ScrubFiles(wanted.paths)
    version = files.version()
    seen = settled_look(wanted.paths)
    files.require_ready()
    receipts, at = ReceiptFile(wanted.paths).load(), time.time()
    past, stamps = files.past(at), readable(seen)
    plan = scrub_plan(wanted.wish, stamps, receipts, past, at)
    view = _View(seen, stamps, plan.believed, findings(seen, contents_of(seen, plan.believed, {})))
    return _Survey(at, past, files.last_full_at(at), plan, version), view


def _apply(wanted: Wanted, survey: _Survey, known: Optional[_View]) -> Mapping[str, Any]:
    files = ScrubFiles(wanted.paths)
    with files.alone(wanted.wait):
        if files.version() != survey.version:
            # another scrub has ended since: what it has read need not be read again
            survey, known = _survey(wanted)
        plan, past = survey.plan, survey.past
        if plan.mode == FULL and past.full_since != plan.since:
            past = Past(plan.since, past.part_runs)
            files.keep_past(past)
        known = None if plan.reads else known
        throttle = Throttle(wanted.limits)
        readings = _read(wanted, plan, throttle)
        view = known or _view_after(wanted, plan, readings)
        ran = _ran(survey, readings, throttle.stopped_by or plan.cut)
        result = _report(wanted, survey, ran, view, readings)
        files.keep_past(_next_past(wanted, survey, past, result["scrub"]))
        files.compact(view.seen.blobs)
        files.keep_result(result["scrub"])
    if wanted.fail and not result["ok"]:
        raise CorralError(
            told(wanted.paths.root, view.found),
            kind="store_damaged",
            remedy=REMEDY,
            path=wanted.paths.root,
            **result,
        )
    return result


def _read(wanted: Wanted, plan: ScrubPlan, throttle: Throttle) -> Readings:
    progress, meter = ProgressFile(wanted.progress_path), ProgressMeter(_WHAT)
    total = plan.bytes_to_read

    def tick(done: int, note: str) -> None:
        progress.write(meter.update("scrubbing", min(done, total), total, time.monotonic(), note))

    readings = Scrubber(wanted.paths, throttle, wanted.manners).read(plan.reads, tick)
    progress.write(Progress(_WHAT, phase="done"), done=True)
    return readings


def _view_after(wanted: Wanted, plan: ScrubPlan, readings: Readings) -> _View:
    """The store as it is now: others may have published and removed while it was read."""
    seen = settled_look(wanted.paths)
    stamps, journal = readable(seen), {**ReceiptFile(wanted.paths).load(), **readings.receipts}
    receipts = holding(stamps, journal, time.time())
    known = {**plan.believed, **readings.receipts, **receipts}
    return _View(seen, stamps, receipts, findings(seen, contents_of(seen, known, readings.problems)))


def _ran(survey: _Survey, readings: Readings, stopped_by: str) -> Ran:
    return Ran(
        survey.plan.mode,
        survey.at,
        time.time(),
        len(readings.receipts) + len(readings.problems),
        readings.bytes,
        readings.seconds,
        stopped_by,
        survey.plan.future,
    )


def _report(wanted: Wanted, survey: _Survey, ran: Ran, view: _View, readings: Readings) -> dict[str, Any]:
    seen, found = view.seen, view.found
    left = survey.plan.left(view.stamps, view.receipts, readings.problems)
    scrub = scrub_result(ran, seen, view.stamps, view.receipts, found, left, survey.last_full_at)
    warnings = [*_doubts(survey), *readings.warnings]
    listed = told_of(found)
    if len(listed) < len(found):
        warnings.append(f"{len(found)} findings, of which {len(listed)} are listed, the first of each kind.")
    return {
        "ok": scrub["ok"],
        "findings": listed,
        "models": model_verdicts(seen.models, found),
        "scrub": scrub,
        "planned": {"blobs": len(survey.plan.reads), "bytes": survey.plan.bytes_to_read},
        "summary": summary(wanted.paths.root, scrub),
        "warnings": warnings,
    }


def _doubts(survey: _Survey) -> list[str]:
    if not survey.plan.future:
        return []
    return [
        f"{survey.plan.future} receipts are dated after now ({told_time(survey.at)}) and are not believed: the clock "
        "of this host was, or is, wrong. Their blobs count as never read. Check the clock (timedatectl)."
    ]


def _next_past(wanted: Wanted, survey: _Survey, past: Past, scrub: Mapping[str, Any]) -> Past:
    part, runs = wanted.wish.part, past.part_runs
    if part and scrub["stopped_by"] in ("", "part"):
        runs = (*known_runs(past, part, survey.at), survey.at)
    since = 0.0 if survey.plan.mode == FULL and scrub["complete"] else past.full_since
    return Past(since, runs)
