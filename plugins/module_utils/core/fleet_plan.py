# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory means, host by host, before any host is touched: instances, ports, GPUs, models, volumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .columns import counted
from .declared import declared_models
from .errors import CorralError
from .gpu_sets import AUTO, by_runtime, gpu_service
from .layout import Instance, Layout, instances
from .wishes import wishes, wishes_of

SCHEMA = 1

OPTIONS: dict[str, dict[str, Any]] = {
    "hosts": {"type": "dict", "default": {}},
    "artifacts_dir": {"type": "str", "default": "artifacts"},
    "fail": {"type": "bool", "default": True},
    "width": {"type": "int", "default": 100},
}
#: What a host tells by itself when it is deployed: for the plan it stays a word.
_LATER = (AUTO,)


def fleet_plan(hosts: Mapping[str, Mapping[str, Any]], generated_at: str) -> dict[str, Any]:
    """``hosts``: by name, the inputs of the role ``plan`` as ``plan_report`` documents them."""
    problems: list[str] = []
    rows = [_host(name, wanted, problems) for name, wanted in hosts.items()]
    problems += _twice(rows)
    if not hosts:
        problems.append("The play has no host: nothing is planned.")
    models = {model["name"] for row in rows for model in row["models"] if model["state"] != "absent"}
    gpus = {(row["host"], gpu) for row in rows for one in row["instances"] for gpu in one["gpus"]}
    count = {
        "hosts": len(rows),
        "instances": sum(len(row["instances"]) for row in rows),
        "gpus": len([gpu for gpu in gpus if gpu[1] not in (*_LATER, "all")]),
        "models": len(models),
        "problems": len(problems),
    }
    head = {"schema": SCHEMA, "ok": not problems, "generated_at": generated_at, "summary": count}
    return {**head, "hosts": rows, "problems": problems}


def stats_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a workflow gets."""
    return {"ok": plan["ok"], **plan["summary"]}


def _host(name: str, wanted: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """One host; what is wrong with its inputs goes to ``problems``, and the rest is planned nevertheless."""
    auto = wanted.get("gpus") == AUTO
    count = _count(wanted)
    # How many they are is asked on the host; where the first one is is known all the same.
    layout = Layout(
        str(wanted.get("project")),
        max(count, 1) if auto else count,
        _whole(wanted.get("base_port")),
        str(wanted.get("bind_address")),
        () if auto else wanted.get("gpus", ()),
    )
    found = _tried(lambda: instances(layout), name, problems) or ()
    models = _tried(lambda: declared_models(wanted.get("models")), name, problems) or ()
    known = () if auto and not count else found
    residents = _residents(wanted, known, name, problems)
    vendor, runtime = str(wanted.get("gpu_vendor")), str(wanted.get("gpu_runtime"))
    way = _tried(lambda: by_runtime(vendor, runtime), name, problems) or runtime
    for one in found:
        _tried(lambda ids=one.gpus: gpu_service(ids, vendor, runtime), name, problems)
    return {
        "host": name,
        "address": str(wanted.get("address") or name),
        "project": layout.project,
        "image": str(wanted.get("image")),
        "base_port": layout.base_port,
        "instances_by": "host" if auto and not count else "inventory",
        "gpus_by": "host" if auto else "inventory" if any(one.gpus for one in found) else "none",
        "gpu_vendor": vendor,
        "gpu_runtime": way,
        "gateway": str(wanted.get("gateway") or ""),
        "store_volume": str(wanted.get("store_volume")),
        "models": [{"name": one.name.display, "state": one.state, "digest": one.digest or ""} for one in models],
        "residents": [wish.name.display for wish in _wishes(wanted)],
        "instances": [_row(one, auto, residents.get(one.name, [])) for one in known],
    }


def _row(one: Instance, auto: bool, residents: Iterable[str]) -> dict[str, Any]:
    gpus = [AUTO] if auto else list(one.gpus)
    kept = {key: getattr(one, key) for key in ("name", "port", "url", "container", "data_volume")}
    return {**kept, "gpus": gpus, "residents": list(residents)}


def _residents(
    wanted: Mapping[str, Any], found: Iterable[Instance], host: str, problems: list[str]
) -> dict[str, list[str]]:
    names = [one.name for one in found]
    wished = _tried(lambda: wishes_of(wishes(wanted.get("residents")), names, strict=bool(names)), host, problems) or {}
    return {name: [wish.name.display for wish in of] for name, of in wished.items()}


def _wishes(wanted: Mapping[str, Any]) -> Iterable[Any]:
    try:
        return wishes(wanted.get("residents"))
    except CorralError:
        return ()


def _twice(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Two names for one machine, with ports in common: two fleets would be built over each other."""
    seen: dict[tuple[str, int], str] = {}
    told: set[tuple[str, str]] = set()
    for row in rows:
        for port in [one["port"] for one in row["instances"]] or [row["base_port"]]:
            other = seen.setdefault((row["address"], port), row["host"])
            if other != row["host"] and (other, row["host"]) not in told:
                told.add((other, row["host"]))
                yield f"{row['host']}: it has the address {row['address']} and the port {port} of {other}."


def _tried(work: Any, host: str, problems: list[str]) -> Any:
    try:
        return work()
    except CorralError as error:
        text = f"{host}: {error}"
        if text not in problems:
            problems.append(text)
        return None


def _count(wanted: Mapping[str, Any]) -> int:
    return _whole(wanted.get("instance_count"))


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def headline(plan: Mapping[str, Any]) -> str:
    """One sentence: how many of what, and the verdict."""
    count = plan["summary"]
    words = [counted(count[f"{noun}s"], noun) for noun in ("host", "instance", "model")]
    open_hosts = sum(row["instances_by"] == "host" for row in plan["hosts"])
    later = f", {counted(open_hosts, 'host')} with an instance for each GPU" if open_hosts else ""
    verdict = counted(count["problems"], "problem") if count["problems"] else "no host was touched"
    return f"Plan for {', '.join(words)}{later}: {verdict}. {plan['generated_at']}"
