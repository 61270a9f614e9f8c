# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a survey, before AWX takes it: AWX keeps many that then cannot be launched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

TYPES = ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float")
# The question's name, its variable, its type and whether it has to be answered.
REQUIRED_KEYS = ("question_name", "variable", "type", "required")
_CHOICES = ("multiplechoice", "multiselect")
_VARIABLE = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = ("vars", "hostvars", "groups", "environment", "name", "tags", "q", "lookup")


def survey_problems(spec: Any) -> list[str]:
    """One sentence per problem, empty when AWX takes the survey and every default of it can be launched."""
    if not isinstance(spec, Mapping) or not all(isinstance(spec.get(key), str) for key in ("name", "description")):
        return ["A survey has the texts name and description (they may be empty) and the list spec."]
    items = spec.get("spec")
    if not isinstance(items, list) or not items:
        return ["A survey has at least one question in spec. Without one, leave survey_spec out."]
    problems = [problem for item in items for problem in _item_problems(item)]
    names = [item.get("variable") for item in items if isinstance(item, Mapping)]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    return problems + [f"Two questions are for {name}." for name in twice]


def _item_problems(item: Any) -> Iterator[str]:
    if not isinstance(item, Mapping) or any(key not in item for key in REQUIRED_KEYS):
        yield f"A question has {', '.join(REQUIRED_KEYS)}: {str(item)[:120]}."
        return
    variable, kind = str(item["variable"]), item["type"]
    where = f"The question for {variable!r}"
    if not _VARIABLE.fullmatch(variable) or variable in _RESERVED:
        yield f"{where} has no name that a variable may have."
    if kind not in TYPES:
        yield f"{where} has the type {kind!r}; AWX has {', '.join(TYPES)}."
        return
    if not isinstance(item["required"], bool):
        yield f"{where}: required is {item['required']!r}, not true or false."
    if not str(item["question_name"]).strip():
        yield f"{where} has no text (question_name)."
    yield from (f"{where}: {problem}" for problem in (*_limits(item), *_choices(item), *_default(item)))


def _limits(item: Mapping[str, Any]) -> Iterator[str]:
    limits = [item[key] for key in ("min", "max") if item.get(key) is not None]
    if not all(_whole(limit) for limit in limits):
        yield "min and max have to be whole numbers."
    elif len(limits) == 2 and limits[0] > limits[1]:
        yield f"min {limits[0]} is more than max {limits[1]}."


def _choices(item: Mapping[str, Any]) -> Iterator[str]:
    if item["type"] not in _CHOICES:
        return
    choices = item.get("choices")
    if not isinstance(choices, list) or not choices:
        yield "choices has to be a list with something in it."
    elif not all(isinstance(choice, str) for choice in choices):
        yield "every choice has to be text; yes, no and numbers need quotes."


def _default(item: Mapping[str, Any]) -> Iterator[str]:
    if "default" not in item:
        return
    kind, default = item["type"], item["default"]
    if kind == "password":
        yield "a password has no default: it would be a change in every run."
    elif kind == "multiselect":
        yield "the default of a multiselect never reaches the job; leave it out."
    elif kind == "integer" and not _whole(default):
        yield f"the default {default!r} is no whole number."
    elif kind == "float" and not (_whole(default) or isinstance(default, float)):
        yield f"the default {default!r} is no number."
    elif kind in ("text", "textarea", "multiplechoice") and not isinstance(default, str):
        yield f"the default {default!r} is no text."
    elif kind in ("text", "textarea") and default == "":
        yield "an empty default arrives as an empty text; leave it out for a variable that is not set."
    elif kind == "multiplechoice" and default not in (item.get("choices") or ()):
        yield f"the default {default!r} is none of the choices."
    else:
        yield from _out_of_range(item, len(default) if isinstance(default, str) else default)


def _out_of_range(item: Mapping[str, Any], size: float) -> Iterator[str]:
    low, high = (item[key] if _whole(item.get(key)) else size for key in ("min", "max"))
    if not low <= size <= high:
        yield f"the default {item['default']!r} is outside of min and max: AWX drops it silently."


def _whole(value: Any) -> bool:
    """AWX takes true for a number; nobody means that."""
    return isinstance(value, int) and not isinstance(value, bool)
