# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether GPUs that were there are gone: from the host, or from a container that runs on without them. A server names
its devices once, at its start, and works on its processor when they fail later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .gpu_memory import expected_uuids, unknown_ids, unseen
from .gpu_sets import ALL
from .gpus import Gpu, from_dict
from .told import mappings
from .verify_finding import PROBLEM, WARNING, VerifyFinding

_HOST = "See the host's kernel log (dmesg, NVRM: Xid) and its driver; repair it, then run the playbook rolling_restart."
_CONTAINER = "Restart it with the playbook rolling_restart -e corral_force=true."


@dataclass(frozen=True)
class HostGpus:
    """What ``gpu_info`` told of the host. ``asked`` is false where nobody has asked."""

    asked: bool = False
    gpus: tuple[Gpu, ...] = ()
    remembered: tuple[Gpu, ...] = ()
    missing: tuple[Gpu, ...] = ()
    problem: str = ""


def host_gpus(told: Mapping[str, Any]) -> HostGpus:
    """Of the result of ``gpu_info``; {} is a host that was not asked."""
    if not told:
        return HostGpus()
    rows = {name: _gpus(told, name) for name in ("gpus", "remembered", "missing")}
    return HostGpus(True, problem=str(told.get("problem") or "")[:300], **rows)


def host_findings(host: HostGpus) -> list[VerifyFinding]:
    """Of the host as a whole. That a driver says nothing is a problem only where it said something before: a container
    may have GPUs whose tool the host lacks."""
    if not host.asked or not host.remembered:
        return []
    if host.problem and not host.gpus:
        count = len(host.remembered)
        text = f"The {count} GPUs that this host had when it was deployed are not seen now: {host.problem}. {_HOST}"
        return [VerifyFinding("gpu", PROBLEM, text)]
    if host.missing:
        names = ", ".join(_named(one) for one in host.missing)
        text = f"This host lists {len(host.gpus)} of {len(host.remembered)} GPUs: {names} is missing. {_HOST}"
        return [VerifyFinding("gpu", PROBLEM, text)]
    new = [one for one in host.gpus if one.id not in {old.id for old in host.remembered}]
    if new:
        names = ", ".join(_named(one) for one in new)
        text = f"This host has GPUs that were not there when it was deployed: {names}. Run the playbook deploy."
        return [VerifyFinding("gpu", WARNING, text)]
    return []


def lost_findings(name: str, expected: Sequence[str], host: HostGpus, listing: str | None) -> list[VerifyFinding]:
    """Of one instance. ``expected`` as in ``Instance.gpus``; ``listing`` is what ``nvidia-smi -L`` says in it now, None
    where that cannot be asked."""
    if not host.asked or not expected:
        return []
    gone = () if host.problem else unknown_ids(expected, host.gpus)
    if gone:
        text = f"{name} is declared to have GPU {', '.join(gone)}, which this host does not list. {_HOST}"
        return [VerifyFinding("gpu", PROBLEM, text, name)]
    if listing is None:
        return []
    lacking = unseen(expected_uuids(expected, host.gpus), listing)
    if lacking:
        said = "" if "UUID: " in listing else f" ({' '.join(listing.split())[:200]})"
        what = "its GPUs" if ALL in expected or len(lacking) > 1 else f"GPU {lacking[0]}"
        text = (
            f"{name} has lost {what}: the host has it, and its container does not see it any more{said}. {_CONTAINER}"
        )
        return [VerifyFinding("gpu", PROBLEM, text, name)]
    return []


def _gpus(told: Mapping[str, Any], name: str) -> tuple[Gpu, ...]:
    found: list[Gpu] = []
    for row in mappings(told, name):
        try:
            found.append(from_dict(row))
        except ValueError:
            continue
    return tuple(found)


def _named(one: Gpu) -> str:
    return f"{one.id} ({one.name})" if one.name else one.id
