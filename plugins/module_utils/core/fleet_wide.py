# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only shows when the hosts of a fleet are held against each other and against the lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .drift import drift_report
from .errors import CorralError
from .lockfile import Lock
from .told import mapping, mappings
from .verify_finding import NOTE, PROBLEM, WARNING, VerifyFinding

_SILENT = "The registry tells nothing"


def fleet_wide(hosts: Mapping[str, Any], lock: Lock, at: str) -> dict[str, Any]:
    """The hosts with the findings of what differs between them. ``drift`` of a host has ``declared`` (its models) and
    ``models`` (rows of ``store_info``); ``image`` is the image that is declared for it."""
    found: dict[str, list[VerifyFinding]] = {}
    for host, one in (*_drift(hosts, lock, at), *_versions(hosts)):
        found.setdefault(host, []).append(one)
    return {host: _with(told, found.get(host, [])) for host, told in hosts.items()}


def _with(told: Any, more: Iterable[VerifyFinding]) -> Any:
    rows = [one.as_dict() for one in more]
    return {**told, "findings": [*mappings(told, "findings"), *rows]} if rows else told


def _drift(hosts: Mapping[str, Any], lock: Lock, at: str) -> Iterable[tuple[str, VerifyFinding]]:
    """What the answers and the store have not told already: they are held against the same pins."""
    known = {host: _seen(told) for host, told in hosts.items() if mapping(told, "drift")}
    if not known:
        return
    first = min(known)
    try:
        report = drift_report(known, lock, at)
    except (CorralError, KeyError, TypeError, ValueError) as error:
        yield first, VerifyFinding("drift", WARNING, f"Whether the fleet has drifted is not known: {error}.")
        return
    told = {host: _told(hosts[host]) for host in known}
    said = set()
    for row in report["rows"]:
        text = f"{row['model']}: {row['reason']}"
        said.add(f"{row['host']}: {text}")
        if row["verdict"] in ("differs", "missing") and row["model"] not in told[row["host"]]:
            severity = PROBLEM if row["wanted"] or row["state"] == "absent" else WARNING
            yield row["host"], VerifyFinding("drift", severity, text, model=row["model"])
    for text in report["problems"]:
        host, _colon, rest = text.partition(": ")
        if text not in said and host in known:
            yield host, VerifyFinding("drift", PROBLEM, rest)
    for text in report["notes"]:
        if not text.startswith(_SILENT):
            yield first, VerifyFinding("drift", NOTE, text)


def _seen(told: Any) -> dict[str, Any]:
    """As the role drift has it, from what verify has."""
    servers = [
        {
            "name": result.get("server"),
            "reachable": True,
            "models": [{"name": one["name"], "digest": one.get("digest")} for one in _listed(result)],
        }
        for result in mappings(told, "results")
        if not result.get("problem")
    ]
    drift = mapping(told, "drift")
    return {"declared": list(drift.get("declared") or []), "models": mappings(drift, "models"), "servers": servers}


def _listed(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in mappings(result, "models") if one.get("listed")]


def _told(told: Any) -> set[str]:
    """The models of which a problem is said already."""
    answers = {
        str(one["name"])
        for result in mappings(told, "results")
        for one in mappings(result, "models")
        if one.get("problem")
    }
    rows = mappings(mapping(told, "drift"), "models")
    return answers | {str(row["name"]) for row in rows if row.get("action") not in (None, "none")}


def _versions(hosts: Mapping[str, Any]) -> Iterable[tuple[str, VerifyFinding]]:
    """Hosts that are declared alike and answer as different versions: an image without a fixed meaning."""
    alike: dict[str, dict[str, str]] = {}
    for host, told in hosts.items():
        image = str(told.get("image") or "") if isinstance(told, Mapping) else ""
        versions = Counter(str(result.get("version") or "") for result in mappings(told, "results"))
        versions.pop("", None)
        if image and versions:
            alike.setdefault(image, {})[host] = versions.most_common(1)[0][0]
    for image, by_host in alike.items():
        usual = Counter(by_host.values()).most_common(1)[0][0]
        for host, version in by_host.items():
            if version != usual:
                text = (
                    f"{image} is version {version} here, and {usual} on most hosts that are declared with it. Pin it by"
                )
                yield host, VerifyFinding("version_skew", WARNING, f"{text} its digest, and run the playbook deploy.")
