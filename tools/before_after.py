#!/usr/bin/env python
"""The table of docs/guides/before_after.md, from what the Molecule scenario before_after recorded when it last ran.

Without an argument the record of the last run is kept beside the guide; then `make readmes` writes the table.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs/guides/before_after.json"
LAST = ROOT / ".cache/molecule/before_after.json"


def _failed(what: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda seen: f"{seen[what]['failed']} of {seen[what]['requests']}"


def _named(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def _ratio(seen: Mapping[str, Any]) -> str:
    return f"{100 * seen['router']['success_ratio']:g} %"


def _pairs(seen: Mapping[str, Any]) -> str:
    return f"{_named(seen['verify']['failed'])} (of {seen['verify']['pairs']})"


ROWS: tuple[tuple[str, Callable[[Mapping[str, Any]], object]], ...] = (
    ("what clients see fail", _failed("clients")),
    ("what the router shows: success", _ratio),
    ("`log_check`, the router's log: `status=404`", lambda seen: seen["consumer"]["not_found"]),
    ("`log_check`, the router's log: `Generation timeout`", lambda seen: seen["consumer"]["timeouts"]),
    ("`log_check`, the servers' logs: 404", lambda seen: seen["logs"]["not_found"]),
    ("`log_check`, the servers' logs: a client left (499, 500)", lambda seen: seen["logs"]["timeouts"]),
    (
        "`load_test` at the router: requests that fail",
        lambda seen: f"{seen['load']['failed']} of {seen['load']['requests']}",
    ),
    ("`load_test`: failures that something masked", lambda seen: seen["load"]["masked"]),
    ("`probe` and `verify`: instance and model that do not serve", _pairs),
    ("`digest_check`: models whose bytes are wrong", lambda seen: _named(seen["store"]["damaged"])),
    ("the models on the disk", lambda seen: f"{seen['disk'] / 1e6:.0f} MB"),
)


def lines() -> list[str]:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    before, after = record["before"], record["after"]
    rows = [f"| {what} | {tell(before)} | {tell(after)} |" for what, tell in ROWS]
    return ["| looked at | before | after |", "|---|---|---|", *rows, ""]


if __name__ == "__main__":
    if not LAST.exists():
        sys.exit("There is no record: run molecule/run before_after first.")
    shutil.copyfile(LAST, RECORD)
