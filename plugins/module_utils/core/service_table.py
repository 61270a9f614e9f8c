# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway of each host does, and which rollout was not brought to its end, as text below the fleet's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from .fleet_table import WIDTH
from .told import mapping, mappings, texts

#: What was masked by sending a request again, and what was not: by what the gateway counts, and how people say it.
_TROUBLE = (
    ("retries", "retried"),
    ("redispatches", "taken to another instance"),
    ("connection_errors", "refused connections"),
    ("response_errors", "broken answers"),
    ("responses_5xx", "answers of 500 or more"),
)
#: How a rollout ends that is worth a line, by its verdict.
_FATES = {
    "failed": "failed; unless that was done since, correct the inventory and deploy,"
    " or take it back with rolling_rollback",
    "paused": "was paused after a failure; look into it, and deploy again",
}


def service_table(service: Mapping[str, Any], width: int = WIDTH) -> str:
    """``service`` of the fleet report: per host ``gateway`` (of gateway_info) and ``rollout`` (of rollout_info)."""
    lines: list[str] = []
    for host, told in service.items():
        gateway, rollout = mapping(told, "gateway"), mapping(told, "rollout")
        if gateway:
            lines += ["", *wrap(f"Gateway of {host}", width)]
            lines += [line for label, text in gateway_rows(gateway) for line in _row(label, text, width)]
        fate = rollout_fate(rollout)
        if fate:
            lines += ["", *wrap(f"The last rollout of {host} {fate}", width)]
            lines += [
                line
                for text in texts(rollout, "sentences")
                for line in wrap(f"  {text}", width, subsequent_indent="    ")
            ]
    return "\n".join(lines)


def rollout_fate(rollout: Mapping[str, Any]) -> str:
    """What became of the last rollout; empty when it came to a good end, or there was none."""
    if rollout.get("unfinished"):
        return "was not brought to its end; the next deploy goes on with it"
    return _FATES.get(str(rollout.get("verdict")), "")


def gateway_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    about, servers = mapping(found, "gateway"), mappings(found, "servers")
    if not about.get("reachable"):
        return [("state", f"does not answer: {found.get('error') or 'no reason is known'} (playbook deploy starts it)")]
    flying = sum(_number(server.get("in_flight")) for server in servers)
    return [
        ("state", _states(servers)),
        ("requests", f"{flying} at work, {_number(found.get('queued'))} waiting"),
        ("since start", _troubles(servers)),
    ]


def _states(servers: Iterable[Mapping[str, Any]]) -> str:
    """``7 UP, 1 DRAIN (ollama-server-3)``: who is up needs no name."""
    names: dict[str, list[str]] = {}
    for server in servers:
        names.setdefault(str(server.get("status")), []).append(str(server.get("name")))
    counts = Counter({status: len(listed) for status, listed in names.items()})
    told = [
        f"{count} {status}" + ("" if status == "UP" else f" ({', '.join(names[status])})")
        for status, count in sorted(counts.items(), key=lambda entry: (entry[0] != "UP", entry[0]))
    ]
    return ", ".join(told) or "no instance"


def _troubles(servers: Iterable[Mapping[str, Any]]) -> str:
    """Every kind with its number and with the instances that it is about."""
    listed = list(servers)
    told = []
    for key, words in _TROUBLE:
        found = {str(server.get("name")): _number(server.get(key)) for server in listed}
        named = ", ".join(name for name, count in found.items() if count)
        if named:
            told.append(f"{sum(found.values())} {words} ({named})")
    return "; ".join(told) or "nothing was retried, nothing failed"


def _row(label: str, text: str, width: int) -> list[str]:
    return wrap(f"  {label:<14} {text}", width, subsequent_indent=" " * 17, break_on_hyphens=False)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
