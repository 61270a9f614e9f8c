# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at many servers at once: which models each lists, and how that differs from what is declared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..core.declared import Declared, declared_models
from ..core.errors import CorralError
from ..core.names import Key, parse_name
from ..server.client import OllamaClient
from ..server.recheck import by_key, listed, settled
from .at_once import each


def model_report(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of ``model_info``. A server that does not answer is a finding, not an error of the module."""
    models = declared_models(params["models"])
    reports = each(params["servers"], lambda one: server_report(one, models, params), params["concurrency"])
    inconsistent = _inconsistent(reports, models)
    return {
        "ok": not inconsistent and all(_is_right(report) for report in reports),
        "servers": reports,
        "inconsistent": inconsistent,
    }


def server_report(
    server: Mapping[str, str],
    models: Iterable[Declared],
    params: Mapping[str, Any],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """One server: reachable or why not, its models, and what is missing, differs or should not be there."""
    looks: dict[str, Any] = {"rechecks": params["rechecks"], "delay": params["recheck_delay"], "sleep": sleep}
    report: dict[str, Any] = {
        "name": server["name"],
        "url": server["url"],
        "reachable": False,
        "version": "",
        "error": "",
        "models": [],
        "running_digests": [],
        "missing": [model.name.display for model in models if model.state != "absent"],
        "differs": [],
        "unwanted": [],
    }
    try:
        report["version"] = wait_for_version(server["url"], params["timeout"], params["wait"], sleep)
        report["reachable"] = True
        client = OllamaClient(server["url"], params["timeout"])
        found = listed(client, [model.name.key for model in models if model.state != "absent"], **looks)
        running = settled(client.ps, lambda _entries: True, **looks)
    except CorralError as error:
        report["error"] = error.message
        return report
    loaded = by_key(running)
    report["models"] = [_entry(key, found[key], loaded) for key in sorted(found)]
    # also of models that are listed in another digest by now, or not at all
    report["running_digests"] = sorted({str(entry.get("digest") or "") for entry in running})
    return {**report, **_compared(models, found)}


def wait_for_version(url: str, timeout: float, wait: float, sleep: Callable[[float], None] = time.sleep) -> str:
    """The version, as soon as the server serves (its port accepts earlier); raises ServerError after ``wait`` s."""
    deadline = time.monotonic() + wait
    pause = 0.05
    while True:
        left = deadline - time.monotonic()
        try:
            return OllamaClient(url, min(timeout, max(left, 1.0)) if wait else timeout).version()
        except CorralError as error:
            if left <= 0 or error.kind == "missing_library":
                raise
        sleep(min(pause, max(left, 0.0)))
        pause = min(1.0, pause * 2)


def _entry(key: Key, entry: Mapping[str, Any], loaded: Mapping[Key, Mapping[str, Any]]) -> dict[str, Any]:
    """One model in our words; older servers leave out capabilities, and families may be null."""
    running = loaded.get(key)
    return {
        "name": parse_name(str(entry.get("name") or entry.get("model"))).display,
        "digest": str(entry.get("digest") or ""),
        "size": int(entry.get("size") or 0),
        "modified_at": str(entry.get("modified_at") or ""),
        "details": entry.get("details") or {},
        "capabilities": list(entry.get("capabilities") or []),
        "loaded": running is not None,
        "size_vram": int((running or {}).get("size_vram") or 0),
    }


def _compared(models: Iterable[Declared], found: Mapping[Key, Mapping[str, Any]]) -> dict[str, Any]:
    missing, differs, unwanted = [], [], []
    for model in models:
        name, entry = model.name.display, found.get(model.name.key)
        if model.state == "absent":
            unwanted.extend([name] if entry else [])
        elif entry is None:
            missing.append(name)
        elif model.digest and entry.get("digest") != model.digest:
            differs.append({"name": name, "expected": model.digest, "found": str(entry.get("digest") or "")})
    return {"missing": missing, "differs": differs, "unwanted": unwanted}


def _is_right(report: Mapping[str, Any]) -> bool:
    return bool(report["reachable"]) and not any(
        report[problem] for problem in ("error", "missing", "differs", "unwanted")
    )


def _inconsistent(reports: Iterable[Mapping[str, Any]], models: Iterable[Declared]) -> list[dict[str, Any]]:
    """Declared models that servers list under different digests: they cannot be reading the same store."""
    wanted = {model.name.display.lower(): model.name.display for model in models}
    seen: dict[str, dict[str, list[str]]] = {}
    for report in reports:
        for entry in report["models"]:
            name = wanted.get(entry["name"].lower())
            if name:
                seen.setdefault(name, {}).setdefault(entry["digest"], []).append(report["name"])
    return [
        {"name": name, "digests": [{"digest": digest, "servers": names} for digest, names in sorted(digests.items())]}
        for name, digests in seen.items()
        if len(digests) > 1
    ]
