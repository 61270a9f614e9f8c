# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do next, as far as the report of a fleet knows: playbooks, each with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .columns import counted
from .told import mapping
from .units import human_bytes
from .verify_finding import WARNING

#: What mends, then the proof, then what can wait. Sentences quote what servers say: no other playbook is proposed.
_ORDER = (
    *("rolling_rollback", "deploy", "repair", "update_models", "rolling_restart"),
    *("verify", "scrub", "prune"),
)
#: Every remedy in a sentence names its playbook in this way.
_NAMED = re.compile(r"\bplaybook ([a-z_]+)")


def fleet_next(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """``playbook`` and ``why``, the most urgent first; empty when there is nothing to do."""
    steps = list(_of_problems(report["problems"]))
    warnings = [one["message"] for one in report.get("findings", []) if one["severity"] == WARNING]
    steps += [(playbook, f"helps with {counted(count, 'warning')}") for playbook, count in _named(warnings)]
    for host, told in report.get("service", {}).items():
        steps += [(playbook, f"{host}: {why}") for playbook, why in _of_service(told)]
    for host, told in report.get("storage", {}).items():
        steps += [(playbook, f"{host}: {why}") for playbook, why in _of_storage(told)]
    reasons = {one: [why for playbook, why in steps if playbook == one] for one in _ORDER}
    return [{"playbook": one, "why": _joined(whys)} for one, whys in reasons.items() if whys]


def _of_problems(problems: list[str]) -> Iterable[tuple[str, str]]:
    for playbook, count in _named(problems):
        yield playbook, f"the remedy of {counted(count, 'problem')}"
    if problems:
        yield "verify", "proves everything again once the problems are solved"


def _named(messages: Iterable[str]) -> Iterable[tuple[str, int]]:
    """The playbooks that sentences name, each with how many name it."""
    return Counter(playbook for text in messages for playbook in sorted(set(_NAMED.findall(text)))).items()


def _of_service(told: Any) -> Iterable[tuple[str, str]]:
    if mapping(told, "rollout").get("unfinished"):
        yield "deploy", "goes on with the rollout that was not brought to its end"
    elif mapping(told, "rollout").get("verdict") == "failed":
        yield (
            "deploy",
            "goes on where the last rollout failed, unless that was done since; rolling_rollback takes it back",
        )
    if mapping(told, "gateway") and not mapping(mapping(told, "gateway"), "gateway").get("reachable"):
        yield "deploy", "starts the gateway, which does not answer"


def _of_storage(told: Any) -> Iterable[tuple[str, str]]:
    stored, scrub = mapping(told, "storage"), mapping(told, "scrub")
    if stored and not scrub:
        yield "scrub", "the store was never read as a whole"
    elif scrub and not scrub.get("ok"):
        yield "repair", "the last scrub found damage"
    size = stored.get("reclaimable")
    if isinstance(size, int) and size > 0:
        yield "prune", f"{human_bytes(size)} may be reclaimable"


def _joined(reasons: list[str]) -> str:
    """A few of them: two hundred hosts that need the same are one thing to do."""
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return "; ".join(reasons[:3]) + more
