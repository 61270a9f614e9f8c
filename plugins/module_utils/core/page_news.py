# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, what to do next, and what is different from the report before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .columns import counted, short
from .fleet_said import said
from .markup import Markup, element, fragment, visible
from .page_parts import names, places, section, table
from .verify_finding import NOTE, PROBLEM, WARNING

_MOST = 300
_SENTENCE = 1500
_DIGEST = 12
_KINDS = {
    "instance_new": "new instance",
    "instance_gone": "instance is not in the report any more",
    "model_new": "new model",
    "model_gone": "model is not in the report any more",
    "well": "verdict",
    "image_digest": "image digest",
    "gpus": "GPUs",
    "state": "state of the container",
    "answers": "answer",
}


def page_problems(report: Mapping[str, Any]) -> Markup:
    """The same sentence about many hosts is told once."""
    items = _items(report, PROBLEM)
    return section("problems", "Problems", element("ul", *_most(items)) if items else "")


def page_findings(report: Mapping[str, Any]) -> Markup:
    """What is no problem, and may become one."""
    warnings, notes = _items(report, WARNING), _items(report, NOTE)
    told = element("ul", *_most(warnings)) if warnings else ""
    more = element("details", element("summary", counted(len(notes), "note")), element("ul", *_most(notes)))
    return section("findings", "Worth a look", told, more if notes else "")


def _items(report: Mapping[str, Any], severity: str) -> list[Markup]:
    return [element("li", *_about(where), _sentence(text)) for text, where in said(report, severity).items()]


def page_next(report: Mapping[str, Any]) -> Markup:
    steps = [
        element(
            "li",
            element("code", f"ansible-playbook -i INVENTORY corral.ollama.{step['playbook']}"),
            " – ",
            _sentence(step["why"]),
        )
        for step in report["next"]
    ]
    return section("next", "What to do next", element("ol", *steps) if steps else element("p", "Nothing."))


def page_changes(report: Mapping[str, Any]) -> Markup:
    found = report.get("changes")
    if not found:
        return section("changes", "What changed", element("p", "There is no earlier report to compare with."))
    rows = [_change(item) for item in found["items"]]
    said = [("new problem", text) for text in found["problems_new"]]
    said += [("solved", text) for text in found["problems_gone"]]
    items = [element("li", element("strong", f"{word}: "), _sentence(text)) for word, text in said]
    since = element("p", f"Since the report of {found['since']}.", class_="note")
    if not rows and not items:
        return section("changes", "What changed", since, element("p", "Nothing."))
    told = table("Changes of instances and models", ("What", "Before", "Now", "Where"), rows[:_MOST]) if rows else ""
    more = [element("p", _more(len(rows)))] if len(rows) > _MOST else []
    return section("changes", "What changed", since, element("ul", *_most(items)) if items else "", told, *more)


def _change(item: Mapping[str, Any]) -> tuple[Markup, list[Markup]]:
    kind = _KINDS.get(item["kind"], item["kind"])
    what = fragment(kind, " ", names([item["model"]])) if item["model"] else fragment(kind)
    cut = _DIGEST if "digest" in item["kind"] else _SENTENCE
    return what, [_sentence(item[when][:cut] or "–") for when in ("before", "after")] + [places(item["where"])]


def _about(where: Sequence[str]) -> Iterable[object]:
    return (element("strong", names(dict.fromkeys(where)), ": "),) if where else ()


def _sentence(text: str) -> Markup:
    return element("bdi", short(visible(text), _SENTENCE))


def _most(items: Sequence[Markup]) -> Sequence[Markup]:
    return items if len(items) <= _MOST else [*items[:_MOST], element("li", _more(len(items)))]


def _more(count: int) -> str:
    return f"And {count - _MOST} more: fleet.json has them all."
