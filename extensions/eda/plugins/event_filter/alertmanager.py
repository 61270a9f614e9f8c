# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Alertmanager sends to a webhook, as one small event per host and fleet.

Nothing else of the message goes further. What a rulebook hands to a playbook are extra variables, and Ansible evaluates
templates in those: so only words that cannot be one are let through. A message of which nothing is left makes no event.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

DOCUMENTATION = r"""
---
short_description: Alertmanager's message as one event per host
description:
  - Takes the alerts that fire out of the message of a webhook of Alertmanager, and makes one event of those of each
    host and project, as C(event.corral), with C(host), C(project), C(alerts) and C(key).
  - C(alerts) is a list of mappings with C(alert), C(host), C(project) and, where the alert names one, C(server). It is
    what the playbook C(corral.ollama.respond) takes as C(response_alerts).
  - C(key) is the same for the same alerts of the same host, so that a rule can leave out what is sent twice.
  - The event's C(meta.hosts) limits an action to the host.
options:
  prefix:
    description: Alerts whose names begin otherwise are left out.
    type: str
    default: Corral
"""

EXAMPLES = r"""
- eda.builtin.webhook:
    port: 5001
    token: "{{ corral_eda_token }}"
  filters:
    - corral.ollama.alertmanager:
"""

_MAX_ALERTS = 500
_ALERT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# A limit of Ansible takes patterns: none of their characters is in here.
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def main(event: dict[str, Any], prefix: str = "Corral") -> list[dict[str, Any]]:
    """Called by ansible-rulebook with each message; an empty list is no event."""
    payload = event.get("payload")
    alerts = payload.get("alerts") if isinstance(payload, Mapping) else None
    if not isinstance(alerts, list):
        return []
    by_fleet: dict[tuple[str, str], list[dict[str, str]]] = {}
    for alert in _firing(alerts[:_MAX_ALERTS], prefix):
        listed = by_fleet.setdefault((alert["host"], alert["project"]), [])
        if alert not in listed:
            listed.append(alert)
    return [_event(host, project, listed) for (host, project), listed in sorted(by_fleet.items())]


def _firing(alerts: list[Any], prefix: str) -> Iterator[dict[str, str]]:
    for alert in alerts:
        labels = alert.get("labels") if isinstance(alert, Mapping) else None
        if not isinstance(labels, Mapping) or alert.get("status") != "firing":
            continue
        found = {
            "alert": _word(labels, "alertname", _ALERT),
            "host": _word(labels, "host", _HOST),
            "project": _word(labels, "project", _WORD),
        }
        if all(found.values()) and found["alert"].startswith(prefix):
            server = _word(labels, "server", _WORD)
            yield {**found, "server": server} if server else found


def _word(labels: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = labels.get(key)
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _event(host: str, project: str, alerts: list[dict[str, str]]) -> dict[str, Any]:
    alerts = sorted(alerts, key=lambda alert: (alert["alert"], alert.get("server", "")))
    words = "\n".join(f"{alert['alert']} {alert.get('server', '')}" for alert in alerts)
    told = {
        "host": host,
        "project": project,
        "alerts": alerts,
        "key": hashlib.sha256(words.encode()).hexdigest()[:16],
    }
    return {"corral": told, "meta": {"hosts": [host]}}
