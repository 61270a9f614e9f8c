# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a scrub: one object for people, JSON and metrics. Times are seconds since 1970, 0 for never."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .findings import Finding, by_kind
from .receipts import Receipt, Stamp
from .scrub_plan import MAX_RUNS, Past
from .store_verdict import Content, Seen, blobs_to_hash
from .units import human_bytes, human_seconds

SCHEMA = 1


@dataclass(frozen=True)
class Ran:
    """What one run did. ``bytes`` and ``seconds`` of reading; ``stopped_by`` names the limit that ended it; ``future``
    counts the receipts that were not believed because they are dated after now."""

    mode: str
    started_at: float
    ended_at: float
    blobs: int = 0
    bytes: int = 0
    seconds: float = 0.0
    stopped_by: str = ""
    future: int = 0


def readable(seen: Seen) -> dict[str, Stamp]:
    """The blobs that a scrub is about: what is damaged by its size, or is no file, need not be read."""
    return {blob.digest: blob.stamp for blob in blobs_to_hash(seen, None) if blob.stamp is not None}


def contents_of(seen: Seen, receipts: Mapping[str, Receipt], problems: Mapping[str, str]) -> dict[str, Content]:
    """What is known of the blobs as they lie there now; a receipt of a file that was replaced since tells nothing."""
    known: dict[str, Content] = {}
    for digest, blob in seen.blobs.items():
        receipt = receipts.get(digest)
        if receipt is not None and receipt.same_file(blob.stamp):
            known[digest] = Content(receipt.found)
        elif digest in problems:
            known[digest] = Content(problem=problems[digest])
    return known


def scrub_result(
    ran: Ran,
    seen: Seen,
    stamps: Mapping[str, Stamp],
    receipts: Mapping[str, Receipt],
    found: Sequence[Finding],
    left: Sequence[str],
    last_full_at: float,
) -> dict[str, Any]:
    """``stamps``: what is ``readable``; ``receipts``: those that hold at the end. ``left``: the digests that still have
    to be read for it to be complete. ``last_full_at``: what the scrub before said."""
    damage = [finding for finding in found if finding.damage]
    sizes = {digest: stamp.size for digest, stamp in stamps.items()}
    cover = coverage(sizes, receipts)
    everything = cover["oldest_verified_at"] if not cover["never_verified"] else 0.0
    return {
        "schema": SCHEMA,
        "mode": ran.mode,
        "started_at": round(ran.started_at, 3),
        "ended_at": round(ran.ended_at, 3),
        "ok": not damage,
        "complete": not left,
        "stopped_by": ran.stopped_by,
        "store": {"models": len(seen.models), "blobs": len(seen.blobs), "bytes": _bytes_of(seen)},
        "read": {
            "blobs": ran.blobs,
            "bytes": ran.bytes,
            "seconds": round(ran.seconds, 3),
            "bytes_per_second": int(ran.bytes / ran.seconds) if ran.seconds > 0 else 0,
        },
        "left": {"blobs": len(left), "bytes": sum(sizes.get(digest, 0) for digest in left)},
        "findings_by_kind": by_kind(found),
        "models_affected": sorted({name for finding in damage for name in finding.models}),
        "coverage": cover,
        "receipts_from_future": ran.future,
        "last_full_at": round(max(everything, last_full_at), 3),
    }


def _bytes_of(seen: Seen) -> int:
    return sum(blob.size for blob in seen.blobs.values() if not blob.problem and not blob.hollow)


def coverage(sizes: Mapping[str, int], receipts: Mapping[str, Receipt]) -> dict[str, Any]:
    """How much of the store has been read since it was last changed, and when the part read the longest ago was."""
    read = [digest for digest in sizes if digest in receipts]
    size, total = sum(sizes[digest] for digest in read), sum(sizes.values())
    return {
        "blobs": len(read),
        "bytes": size,
        "fraction": round(size / total, 6) if total else 1.0,
        "oldest_verified_at": round(min((receipts[digest].verified_at for digest in read), default=0.0), 3),
        "never_verified": len(sizes) - len(read),
    }


def summary(path: str, scrub: Mapping[str, Any], planned: str = "") -> list[str]:
    """A few sentences for people; what is damaged is told elsewhere. ``planned``: what would be read, before it is."""
    store, read, cover = scrub["store"], scrub["read"], scrub["coverage"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in scrub["findings_by_kind"].items())
    rate = f"in {human_seconds(read['seconds'])} ({human_bytes(read['bytes_per_second'])}/s)"
    what = f"{_blobs(read['blobs'])}, {human_bytes(read['bytes'])}, {rate}" if read["blobs"] else "nothing"
    lines = [
        f"{path}: {'no damage is known' if scrub['ok'] else 'DAMAGED'}; {store['models']} models, "
        f"{_blobs(store['blobs'])}, {human_bytes(store['bytes'])}{f'; findings: {kinds}' if kinds else ''}.",
        f"{scrub['mode'].capitalize()} scrub, {f'to be read: {planned}' if planned else f'read: {what}'}.",
        f"Covered: {cover['fraction']:.1%} of the bytes ({cover['blobs']} of {_blobs(store['blobs'])}), the oldest "
        f"read {told_time(cover['oldest_verified_at'])}; all of it since: {told_time(scrub['last_full_at'])}.",
    ]
    if scrub["models_affected"]:
        lines.append(f"Affected: {', '.join(scrub['models_affected'])}.")
    if not scrub["complete"] and not planned:
        left = scrub["left"]
        why = f" (ended by {scrub['stopped_by']})" if scrub["stopped_by"] else ""
        lines.append(f"Not complete{why}: {_blobs(left['blobs'])}, {human_bytes(left['bytes'])}, left; run it again.")
    return lines


def _blobs(count: int) -> str:
    return "1 blob" if count == 1 else f"{count} blobs"


def told_time(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if at > 0 else "never"


def last_full_of(text: str, now: float) -> float:
    """``last_full_at`` of a result that was kept; 0 for what is no result, or is dated after now."""
    return _time(_object(text).get("last_full_at"), now)


def past_of(text: str, now: float) -> Past:
    """What earlier scrubs left; nothing when the text is torn or foreign."""
    document = _object(text)
    runs = document.get("part_runs")
    times = [_time(at, now) for at in runs] if isinstance(runs, list) else []
    return Past(_time(document.get("full_since"), now), tuple(at for at in times if at)[-MAX_RUNS:])


def past_text(past: Past) -> str:
    return json.dumps({"schema": SCHEMA, "full_since": past.full_since, "part_runs": list(past.part_runs)}) + "\n"


def _object(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and document.get("schema") == SCHEMA else {}


def _time(value: Any, now: float) -> float:
    """0 for what is no time, or is after now."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= now
    return float(value) if known else 0.0
