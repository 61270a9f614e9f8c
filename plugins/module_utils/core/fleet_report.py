# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was verified on every host, put together: one fleet, one verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .fleet_changes import fleet_changes
from .fleet_checks import by_check, findings_of, looks
from .fleet_next import fleet_next
from .fleet_past import last_seen, silent_since
from .told import mapping, texts
from .verify_finding import PROBLEM, WARNING

SCHEMA = 1

OPTIONS: dict[str, dict[str, Any]] = {
    "hosts": {"type": "dict", "default": {}},
    "artifacts_dir": {"type": "str", "default": "artifacts"},
    "check_only": {"type": "bool", "default": False},
    "fail": {"type": "bool", "default": True},
    "lock": {"type": "dict", "default": {}},
    "width": {"type": "int", "default": 100},
}

UNSEEN = "it was not verified, because it failed, could not be reached, or was not its turn yet."
_FROM_PROBE = (
    *("name", "digest", "expected", "listed", "answered", "asked", "from_proof", "proven_at", "failed_at", "endpoint"),
    *("seconds", "load_seconds", "tokens", "tokens_per_second", "dimensions", "size", "size_vram", "retries"),
    "problem",
)
_FROM_ENGINE = ("container", "state", "health", "image", "image_digest", "started_at", "restarts", "oom_killed", "gpus")


def fleet_report(hosts: Mapping[str, Any], generated_at: str, before: Any = None) -> dict[str, Any]:
    """The report of a fleet.

    ``hosts`` maps a host's name to what its modules returned: ``results`` (of probe) and, where they are known,
    ``instances`` (of instance_info), ``expected`` (names that have to be there), ``problems_of_host`` (texts),
    ``storage`` (of storage_info), ``service`` (``gateway`` of gateway_info, ``rollout`` of rollout_info), and of
    instance_check ``findings``, ``gpus``, ``residents`` and ``logs``. An entry without ``results`` is a host that was
    not verified. ``before`` is the report that was there before, if there was.
    """
    instances: list[dict[str, Any]] = []
    earlier: list[dict[str, Any]] = []
    problems: list[str] = []
    findings: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    for host, found in hosts.items():
        found = found if isinstance(found, Mapping) else {}
        entries, said = _host(host, found)
        instances += entries
        problems += said
        findings += [{"host": host, **one.as_dict()} for one in findings_of(found)]
        verified = isinstance(found.get("results"), list)
        seen_at, known = (generated_at, []) if verified else last_seen(before, host, SCHEMA)
        earlier += known
        verdicts.append({"name": host, "ok": not said, "verified": verified, "seen_at": seen_at, "problems": len(said)})
    if not instances and not problems:
        problems.append("No instance was verified: the fleet is empty.")
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "ok": not problems,
        "generated_at": generated_at,
        "summary": {**_summary(hosts, instances, problems), "warnings": _warnings(findings)},
        "hosts": verdicts,
        "instances": [*instances, *earlier],
        "problems": problems,
        "findings": findings,
        **_further(hosts),
        **looks(hosts),
    }
    changes = fleet_changes(before, report)
    return {**report, "next": fleet_next(report), **({"changes": changes} if changes else {})}


def stats_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The small artifact for workflows."""
    return {"ok": report["ok"], "checked_at": report["generated_at"], **report["summary"], "checks": by_check(report)}


def _host(host: str, found: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    results = found.get("results")
    said = [f"{host}: {text}" for text in texts(found, "problems_of_host")]
    if not isinstance(results, list):
        return [], said or [f"{host}: {UNSEEN}"]
    containers = {entry["name"]: entry for entry in found.get("instances") or []}
    entries = [_instance(host, result, containers.get(result["server"], {})) for result in results]
    for entry in entries:
        said += [f"{host}: {text}" for text in _problems(entry)]
    missing = [name for name in found.get("expected") or [] if name not in {entry["name"] for entry in entries}]
    said += [f"{host}: {name} does not exist. Run the playbook deploy." for name in missing]
    wrong = [one for one in findings_of(found) if one.severity == PROBLEM]
    bad = {one.instance for one in wrong}
    entries = [{**entry, "ok": entry["ok"] and entry["name"] not in bad} for entry in entries]
    return entries, [*said, *(f"{host}: {one.message}" for one in wrong)]


def _instance(host: str, result: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, Any]:
    where = f"{result['server']} ({result.get('url', '')})"
    told = [{name: model[name] for name in _FROM_PROBE if name in model} for model in result.get("models", [])]
    models = [silent_since(model, where) for model in told]
    entry = {
        "host": host,
        "name": result["server"],
        "url": result.get("url", ""),
        "ok": bool(result.get("ok")) and not any(model.get("problem") for model in models),
        "version": result.get("version", ""),
        "image_digest": result.get("image_digest", ""),
        "problem": result.get("problem", ""),
        "models": models,
    }
    return {**entry, **{name: container[name] for name in _FROM_ENGINE if name in container}}


def _problems(entry: Mapping[str, Any]) -> list[str]:
    if entry["problem"]:
        return [str(entry["problem"])]
    said = [str(model["problem"]) for model in entry["models"] if model.get("problem")]
    return said or ([] if entry["ok"] else [f"{entry['name']} ({entry['url']}) is not well, and does not say why."])


def _summary(hosts: Mapping[str, Any], instances: Iterable[Mapping[str, Any]], problems: list[str]) -> dict[str, int]:
    listed = list(instances)
    return {
        "hosts": len(hosts),
        "instances": len(listed),
        "instances_ok": sum(bool(entry["ok"]) for entry in listed),
        "models": len({model["name"] for entry in listed for model in entry["models"]}),
        "asked": sum(bool(model.get("asked")) for entry in listed for model in entry["models"]),
        "problems": len(problems),
    }


def _warnings(findings: Iterable[Mapping[str, Any]]) -> int:
    return sum(one["severity"] == WARNING for one in findings)


def _further(hosts: Mapping[str, Any]) -> dict[str, Any]:
    """What each host says about its store and its gateway; hosts and things of which nothing is said are left out."""
    found = {key: {host: dict(mapping(told, key)) for host, told in hosts.items()} for key in ("storage", "service")}
    known = {key: {host: said for host, said in told.items() if said} for key, told in found.items()}
    return {key: told for key, told in known.items() if told}
