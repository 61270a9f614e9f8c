# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet consists of: figures, versions and GPUs, gateways and rollouts, stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .columns import short
from .markup import Markup, element, name, visible
from .page_parts import places, section, table
from .service_table import gateway_rows, rollout_fate
from .storage_table import storage_rows
from .told import mapping, texts

_LONG = 1500
_FIGURES = (
    ("hosts", "hosts"),
    ("instances", "instances"),
    ("instances_ok", "instances well"),
    ("models", "models"),
    ("asked", "answers asked for now"),
    ("problems", "problems"),
)

Rows = Sequence[tuple[str, str]]


def page_figures(report: Mapping[str, Any]) -> Markup:
    """The numbers of the summary."""
    pairs = (element("div", element("dt", word), element("dd", report["summary"][key])) for key, word in _FIGURES)
    return element("dl", *pairs, class_="figures")


def page_versions(report: Mapping[str, Any]) -> Markup:
    """Which versions, images and GPUs there are, and where: a fleet of one mind is one row."""
    groups: dict[tuple[str, str, str, str], dict[str, list[str]]] = {}
    for entry in report["instances"]:
        key = (
            str(entry["version"] or "unknown"),
            str(entry.get("image") or "unknown"),
            str(entry.get("image_digest") or "unknown")[:12],
            _gpus(entry.get("gpus")),
        )
        groups.setdefault(key, {}).setdefault(entry["host"], []).append(entry["name"])
    rows = [
        (name(version), [name(image), name(digest), name(gpus), places(where)])
        for (version, image, digest, gpus), where in groups.items()
    ]
    heads = ("Ollama", "Image", "Image digest", "GPUs each", "Where")
    return section("versions", "Versions and GPUs", table("What runs", heads, rows) if rows else "")


def _gpus(given: Any) -> str:
    """How many: which ones they are differs from instance to instance and is in the matrix."""
    if not isinstance(given, list):
        return "unknown"
    return "all" if given == ["all"] else str(len(given) or "none")


def page_service(report: Mapping[str, Any]) -> Markup:
    service = mapping(report, "service")
    gateways = {
        host: gateway_rows(mapping(told, "gateway")) for host, told in service.items() if mapping(told, "gateway")
    }
    rollouts = [
        element("li", "The last rollout of ", name(host), f" {rollout_fate(one)}. ", _sentences(one))
        for host, one in ((host, mapping(told, "rollout")) for host, told in service.items())
        if rollout_fate(one)
    ]
    told = _by_host("Gateway of each host", gateways)
    return section("service", "Gateways and rollouts", told, element("ul", *rollouts) if rollouts else "")


def page_storage(report: Mapping[str, Any]) -> Markup:
    stores = {
        host: storage_rows(mapping(told, "storage"), mapping(told, "scrub"))
        for host, told in report.get("storage", {}).items()
        if mapping(told, "storage")
    }
    return section("storage", "Stores", _by_host("Store of each host", stores))


def _by_host(caption: str, found: Mapping[str, Rows]) -> Markup:
    labels = list(dict.fromkeys(label for rows in found.values() for label, _text in rows))
    if not labels:
        return Markup("")
    told = {host: dict(rows) for host, rows in found.items()}
    rows = [(name(host), [_cut(texts.get(label, "–")) for label in labels]) for host, texts in told.items()]
    return table(caption, ("Host", *labels), rows)


def _sentences(rollout: Mapping[str, Any]) -> Markup:
    return element("bdi", _cut(" ".join(texts(rollout, "sentences"))))


def _cut(text: str) -> str:
    return short(visible(text), _LONG)
