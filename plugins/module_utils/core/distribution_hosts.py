# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what each host's store says to the next wave, as playbooks carry it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .declared import BadInput
from .digests import parse_digest
from .distribution import Caps, Host, Transfer, next_wave, plan_waves

_WANTED = "pull"


def distribution(seen: Mapping[str, Any], fan_out: int, caps: Caps) -> dict[str, Any]:
    """``seen``: by host, ``models`` (rows of store_info with layers), ``got`` (digests since then), ``bad`` (peers that
    it does not believe any more) and ``gone`` (it takes no more). Raises ``BadInput``."""
    if fan_out < 1 or caps.host < 0 or caps.fleet < 0:
        raise BadInput("The fan-out is less than 1, or a limit less than 0.", remedy="Correct corral_distribution_….")
    seen = _told_by_others(seen)
    layers = _known_layers(seen)
    hosts = [_host(name, facts, layers) for name, facts in seen.items()]
    lacking = {host.name: {"blobs": len(host.lacks), "bytes": host.lacking} for host in hosts if host.lacks}
    hosts = [replace(host, lacks={}) if seen[host.name].get("gone") else host for host in hosts]
    bad = sorted({str(peer) for facts in seen.values() for peer in facts.get("bad") or ()})
    wave = next_wave(hosts, fan_out, bad, caps)
    serving = sorted({peer for transfer in wave for peer in transfer.peers})
    return {
        "waves": len(plan_waves(hosts, fan_out, bad, caps)),
        "transfers": {transfer.host: _told(transfer, seen[transfer.host]) for transfer in wave},
        "serving": serving,
        "bad": bad,
        "lacking": lacking,
    }


def _told(transfer: Transfer, facts: Mapping[str, Any]) -> dict[str, Any]:
    rows = [row for row in facts["models"] if row["action"] == _WANTED]
    return {
        "models": [{"name": row["name"], "insecure": row["insecure"], **_digest(row["target_digest"])} for row in rows],
        "blobs": [part.as_dict() for part in transfer.parts],
        "peers": list(transfer.peers),
        "bytes": sum(part.size for part in transfer.parts),
        "bytes_from_upstream": transfer.from_upstream,
        "bytes_per_second": transfer.bytes_per_second,
    }


def _digest(text: str) -> dict[str, str]:
    return {"digest": text} if text else {}


def _told_by_others(seen: Mapping[str, Any]) -> dict[str, Any]:
    """Where the registry tells a host nothing, a name means what it means to the first of the others that has it."""
    known: dict[str, str] = {}
    for _name, facts in sorted(seen.items()):
        for row in facts.get("models") or ():
            if row["action"] != _WANTED and row["digest"] and not row["lacking"]:
                known.setdefault(row["name"], row["digest"])
    return {
        name: {**facts, "models": [_meant(row, known) for row in facts.get("models") or ()]}
        for name, facts in seen.items()
    }


def _meant(row: Mapping[str, Any], known: Mapping[str, str]) -> Mapping[str, Any]:
    blind = row["action"] == _WANTED and not row["target_digest"]
    return {**row, "target_digest": known.get(row["name"], "")} if blind else row


def _known_layers(seen: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Blobs by the digest of a manifest: a host that cannot ask the registry learns them from one that could."""
    found: dict[str, dict[str, int]] = {}
    for facts in seen.values():
        for row in facts.get("models") or ():
            for key, layers in ((row["digest"], row["layers"]), (row["target_digest"], row["target_layers"])):
                if key and layers:
                    found[key] = {parse_digest(layer["digest"]): int(layer["size"]) for layer in layers}
    return found


def _host(name: str, facts: Mapping[str, Any], layers: Mapping[str, Mapping[str, int]]) -> Host:
    has: set[str] = set(facts.get("got") or ())
    lacks: dict[str, int] = {}
    rows = facts.get("models") or ()
    for row in rows:
        named = {*layers.get(row["digest"], {}), *(layer["digest"] for layer in row["target_layers"])}
        has.update(named - set(row["lacking"]))
    for row in rows:
        if row["action"] == _WANTED:
            lacks.update(layers.get(row["target_digest"], {}))
    return Host(name, frozenset(has), {digest: size for digest, size in lacks.items() if digest not in has})
