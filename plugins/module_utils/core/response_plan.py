# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about alerts on a host, and why nothing is: an allow-list, a cooldown, a cap, one at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .declared import BadInput
from .leases import clock
from .response_record import ACTIONS, REPAIR, RESTART, STORE, Record, at_work, recent

#: What helps against which of Corral's alerts. The others need a person, or another inventory.
DEFAULTS = {
    "CorralStoreDamaged": REPAIR,
    "CorralScrubOverdue": "scrub",
    "CorralInstanceDown": RESTART,
    "CorralModelSilent": RESTART,
    "CorralCpuFallback": RESTART,
}
HOUR = 3600.0
MAX_ALERTS = 500
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SERVER = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}|")


@dataclass(frozen=True)
class Policy:
    """``actions`` is the allow-list. Seconds for ``cooldown``; ``max_instances`` is how many instances may be named at
    once before that is nobody's own fault any more."""

    actions: Mapping[str, str]
    cooldown: float
    max_per_hour: int
    max_instances: int


@dataclass(frozen=True)
class Alert:
    name: str
    server: str = ""


@dataclass(frozen=True)
class Refusal:
    """An alert about which nothing is done, and why."""

    alert: str
    server: str
    why: str

    def as_dict(self) -> dict[str, str]:
        return {"alert": self.alert, "server": self.server, "why": self.why}


@dataclass(frozen=True)
class Decision:
    """``action`` is empty when nothing is to be done; ``alerts`` are those that it answers."""

    action: str = ""
    subject: str = ""
    alerts: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def sentences(self, dry_run: bool = False) -> list[str]:
        """For people: what is done, what is not."""
        what = {REPAIR: "repair the store", RESTART: f"restart {self.subject}"}.get(self.action, "scrub the store")
        done = [f"{'would ' if dry_run else ''}{what}, because of {', '.join(self.alerts)}"] if self.action else []
        return done + [
            f"nothing about {one.alert}{f' of {one.server}' if one.server else ''}: {one.why}" for one in self.refused
        ]


def parse_policy(actions: Mapping[str, Any], cooldown: float, max_per_hour: int, max_instances: int) -> Policy:
    problems = [
        f"actions has {ascii(name)[:60]}: {ascii(action)[:60]}."
        for name, action in actions.items()
        if not _NAME.fullmatch(str(name)) or action not in ACTIONS
    ]
    if not (math.isfinite(cooldown) and cooldown >= 0):
        problems.append(f"cooldown is {cooldown:g} s.")
    problems += [
        f"{name} is {value}, less than 0."
        for name, value in (("max_per_hour", max_per_hour), ("max_instances", max_instances))
        if value < 0
    ]
    if problems:
        raise BadInput(
            " ".join(problems),
            remedy=f"An alert has one of the actions {', '.join(ACTIONS)}; numbers are 0 or more.",
            problems=problems,
        )
    return Policy({str(name): str(action) for name, action in actions.items()}, cooldown, max_per_hour, max_instances)


def parse_alerts(rows: Sequence[Mapping[str, Any]]) -> tuple[Alert, ...]:
    """Each alert once, in a stable order. They come from afar: what no name can be is refused as a whole."""
    if len(rows) > MAX_ALERTS:
        raise BadInput(f"{len(rows)} alerts at once.", remedy=f"Group them: at most {MAX_ALERTS} for a host.")
    found = []
    for row in rows:
        name, server = row.get("alert"), row.get("server") or ""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BadInput(f"{ascii(name)[:60]} is no alert's name.", remedy="Send what Alertmanager sends.")
        if not isinstance(server, str) or not _SERVER.fullmatch(server):
            raise BadInput(f"{ascii(server)[:60]} is no instance's name.", remedy="Send what Alertmanager sends.")
        found.append(Alert(name, server))
    return tuple(sorted(set(found), key=lambda alert: (alert.name, alert.server)))


def decide(alerts: Sequence[Alert], policy: Policy, record: Record, instances: Collection[str], now: float) -> Decision:
    """At most one thing: what helps the most and may be done now."""
    refused = [_refusal(one, "it is not on the allow-list") for one in alerts if one.name not in policy.actions]
    wanted: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        action = policy.actions.get(alert.name, "")
        if action == RESTART and alert.server not in instances:
            refused.append(_refusal(alert, "it names no instance of this host"))
        elif action:
            wanted.setdefault((action, alert.server if action == RESTART else STORE), []).append(alert)
    chosen = Decision()
    # A repair restarts who has to restart, and after a restart a scrub finds a store as it serves.
    for action, subject in sorted(wanted, key=lambda key: (ACTIONS.index(key[0]), key[1])):
        why = _obstacle(action, subject, wanted, policy, record, now)
        if not why and chosen.action:
            why = f"one thing at a time, and {chosen.action} of {chosen.subject} comes first"
        if why:
            refused += [_refusal(alert, why) for alert in wanted[(action, subject)]]
        else:
            names = tuple(sorted({alert.name for alert in wanted[(action, subject)]}))
            chosen = Decision(action, subject, names)
    return Decision(chosen.action, chosen.subject, chosen.alerts, tuple(refused))


def _obstacle(
    action: str, subject: str, wanted: Collection[tuple[str, str]], policy: Policy, record: Record, now: float
) -> str:
    """Why it may not be done now; empty when it may."""
    busy = at_work(record, now)
    if busy is not None:
        return f"{busy.action} of {busy.subject} is at work since {clock(busy.at)} ({busy.owner})"
    restarts = sorted(subject for kind, subject in wanted if kind == RESTART)
    if action == RESTART and len(restarts) > policy.max_instances:
        return f"{', '.join(restarts)} at once: that is not the fault of one instance, and a person has to look"
    last = [one for one in recent(record, now, policy.cooldown) if (one.action, one.subject) == (action, subject)]
    if last:
        return (
            f"{action} of {subject} was begun at {clock(last[-1].at)} ({last[-1].outcome or 'not ended'}), "
            f"and the cooldown is {policy.cooldown:g} s"
        )
    begun = len(recent(record, now, HOUR))
    if begun >= policy.max_per_hour:
        return f"{begun} within the last hour, and the cap is {policy.max_per_hour}"
    return ""


def _refusal(alert: Alert, why: str) -> Refusal:
    return Refusal(alert.name, alert.server, why)
