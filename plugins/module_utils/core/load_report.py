# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the load tests of all hosts came to: load.json, the numbers for workflows, and what was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .columns import counted
from .load_outcome import MEANINGS
from .load_verdict import consumer_rows, gateway_delta, masked_sentences, other_lines, side_by_side

SCHEMA = 1

OPTIONS: dict[str, dict[str, Any]] = {
    "hosts": {"type": "dict", "default": {}},
    "artifacts_dir": {"type": "str", "default": "artifacts"},
    "max_error_ratio": {"type": "float", "default": 0.0},
    "fail_on_masked": {"type": "bool", "default": True},
    "check_only": {"type": "bool", "default": False},
    "fail": {"type": "bool", "default": True},
    "width": {"type": "int", "default": 100},
}
_FROM_TEST = (
    *("settings", "planned", "started_at", "seconds", "aborted"),
    *("requests", "failed", "waited", "unanswered", "most_waiting", "late", "lag"),
    *("tokens", "latency", "latency_from_send", "first_token", "tokens_per_second"),
    *("groups", "failures", "step_seconds", "course", "results_path"),
)


def load_report(
    hosts: Mapping[str, Any], generated_at: str, max_error_ratio: float = 0.0, fail_on_masked: bool = True
) -> dict[str, Any]:
    """The report. ``hosts`` maps a host's name to ``load`` (of load_test), ``logs`` (containers of log_check),
    ``gateway_before`` and ``gateway_after`` (of gateway_info). An entry without ``load`` was not tested."""
    entries = [_host(name, found if isinstance(found, Mapping) else {}) for name, found in hosts.items()]
    for entry in entries:
        entry["problems"] = _problems(entry, max_error_ratio, fail_on_masked)
        entry["ok"] = not entry["problems"]
    problems = [f"{entry['name']}: {text}" for entry in entries for text in entry["problems"]]
    if not entries:
        problems = ["No host was tested."]
    return {
        "schema": SCHEMA,
        "ok": not problems,
        "generated_at": generated_at,
        "max_error_ratio": max_error_ratio,
        "summary": _summary(entries, problems),
        "hosts": entries,
        "problems": problems,
    }


def stats_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The small artifact for workflows."""
    return {"ok": report["ok"], "tested_at": report["generated_at"], **report["summary"]}


def ratio(failed: int, requests: int) -> float:
    return round(failed / requests, 6) if requests else 0.0


def _host(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    load = found.get("load")
    if not isinstance(load, Mapping) or not load.get("started_at"):
        return {"name": name, "tested": False, "masked": 0, "masking": []}
    logs = [one for one in found.get("logs") or [] if isinstance(one, Mapping)]
    rows = side_by_side(load["failures"], logs)
    consumers = consumer_rows(logs, load["failed"])
    gateway = gateway_delta(found.get("gateway_before") or {}, found.get("gateway_after") or {})
    again = sum(int(gateway.get(name) or 0) for name in ("retries", "redispatches"))
    return {
        "name": name,
        "tested": True,
        **{key: load[key] for key in _FROM_TEST if key in load},
        "error_ratio": ratio(load["failed"], load["requests"]),
        "comparison": [row.as_dict() for row in rows],
        "consumers": consumers,
        "other_lines": other_lines(logs),
        "gateway": gateway,
        "logs_read": [_log(one) for one in logs],
        "masked": sum(row.masked for row in rows) + sum(one["masked"] for one in consumers) + again,
        "masking": masked_sentences(rows, consumers, gateway),
    }


def _log(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "container": str(one.get("container", "")),
        "lines": int(one.get("lines") or 0),
        "problem": one.get("problem") or "",
    }


def _problems(entry: Mapping[str, Any], max_error_ratio: float, fail_on_masked: bool) -> list[str]:
    if not entry["tested"]:
        return ["it was not tested, because it failed or could not be reached before."]
    found = []
    if entry["aborted"]:
        found.append(f"the test was given up: {entry['aborted']}.")
    if not entry["requests"]:
        found.append("no request was answered or failed: the test was too short for its rate.")
    if entry["error_ratio"] > max_error_ratio:
        found.append(
            f"{entry['failed']} of {entry['requests']} requests failed ({entry['error_ratio']:.2%}, allowed are"
            f" {max_error_ratio:.2%}): {failures_in_words(entry['failures'])}. Run the playbook verify."
        )
    if entry["unanswered"] and not entry["aborted"]:
        found.append(f"{counted(entry['unanswered'], 'request')} had neither an answer nor an error at the end.")
    found += [f"masked: {text}" for text in entry["masking"]] if fail_on_masked else []
    unread = [one["container"] for one in entry["logs_read"] if one["problem"]]
    if unread:
        found.append(f"the logs of {', '.join(unread)} could not be read to their end, so what is masked is not known.")
    return found


def failures_in_words(failures: Sequence[Mapping[str, Any]], most: int = 5) -> str:
    """``12 x http_503, 3 x timeout (no complete answer within the timeout)``."""
    told = []
    for one in failures[:most]:
        meaning = MEANINGS.get(one["class"], "")
        told.append(f"{one['count']} x {one['class']}" + (f" ({meaning})" if meaning else ""))
    more = [f"and {len(failures) - most} kinds more"] if len(failures) > most else []
    return ", ".join([*told, *more])


def _summary(entries: Sequence[Mapping[str, Any]], problems: Sequence[str]) -> dict[str, Any]:
    tested = [entry for entry in entries if entry["tested"]]
    requests, failed = (sum(entry[key] for entry in tested) for key in ("requests", "failed"))
    slowest: Mapping[str, float] = max(
        (entry["latency"] for entry in tested), key=lambda one: float(one["p99"]), default={}
    )
    return {
        "hosts": len(entries),
        "tested": len(tested),
        "requests": requests,
        "failed": failed,
        "error_ratio": ratio(failed, requests),
        "waited": sum(entry["waited"] for entry in tested),
        "masked": sum(entry["masked"] for entry in tested),
        # Percentiles of several hosts cannot be added up: those of the slowest host.
        "p50": slowest.get("p50", 0.0),
        "p95": slowest.get("p95", 0.0),
        "p99": slowest.get("p99", 0.0),
        "max": slowest.get("max", 0.0),
        "problems": len(problems),
    }
