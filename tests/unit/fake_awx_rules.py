# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX 24.6.1 accepts and refuses, as it was seen to: the rules of the stand-in AWX."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SURVEY_TYPES = ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float")
NOT_PROMPTED = "Field is not configured to prompt on launch."


class Refused(Exception):
    """A 400 with this body."""

    def __init__(self, body: Any) -> None:
        super().__init__(str(body))
        self.body = body


def survey(spec: Any) -> None:
    if not all(isinstance(spec.get(key), str) for key in ("name", "description")):
        raise Refused({"error": "'name' and 'description' have to be strings."})
    if not isinstance(spec.get("spec"), list) or not spec["spec"]:
        raise Refused({"error": "'spec' doesn't contain any items."})
    names = [item.get("variable") for item in spec["spec"]]
    for number, item in enumerate(spec["spec"]):
        for key, kind in (("question_name", str), ("variable", str), ("type", str), ("required", bool)):
            if not isinstance(item.get(key), kind):
                raise Refused({"error": f"'{key}' in survey question {number} expected to be {kind.__name__}."})
        if item["type"] not in SURVEY_TYPES:
            raise Refused({"error": f"'{item['type']}' in survey question {number} is not one of the allowed types."})
        if names.count(item["variable"]) > 1:
            raise Refused({"error": f"'variable' '{item['variable']}' duplicated in survey question {number}."})
        _survey_values(item, number)


def _survey_values(item: Mapping[str, Any], number: int) -> None:
    for limit in ("min", "max"):
        if not isinstance(item.get(limit), (int, type(None))) or isinstance(item.get(limit), bool):
            raise Refused({"error": f"The {limit} limit in survey question {number} expected to be integer."})
    expected = {"integer": (int, str), "float": (int, float)}.get(item["type"], (str,))
    wrong = "default" in item and not isinstance(item["default"], expected)
    if item["type"] == "integer" and isinstance(item.get("default"), str) and item["default"]:
        wrong = True
    if wrong:
        raise Refused({"error": f"Default value {item['default']} in survey question {number} has another type."})
    if item["type"] in ("multiplechoice", "multiselect"):
        if "choices" not in item:
            raise Refused({"error": f"Survey question {number} must specify choices."})
        if item["type"] == "multiplechoice" and item.get("default", "") not in ("", *item["choices"]):
            raise Refused({"error": f"Default choice must be answered from the choices listed ({number})."})


def launch(template: Mapping[str, Any], given: Mapping[str, Any], asks_variables: bool) -> None:
    """As for a schedule's extra_data: every required question, and nothing that is not asked for."""
    asked = (template.get("survey_spec") or {}).get("spec") or [] if template.get("survey_enabled") else []
    missing = [item["variable"] for item in asked if item["required"] and item["variable"] not in given]
    if missing:
        raise Refused({"variables_needed_to_start": [f"'{name}' value missing" for name in missing]})
    known = [item["variable"] for item in asked]
    foreign = [name for name in given if name not in known]
    if foreign and not asks_variables:
        raise Refused({"extra_data": [f"Variables {', '.join(foreign)} are not allowed on launch."]})


def rrule(text: str) -> None:
    words = text.split()
    starts = [word for word in words if word.startswith("DTSTART")]
    rules = [word for word in words if word.startswith("RRULE")]
    checks = (
        (len(starts) != 1, "Valid DTSTART required in rrule."),
        (not re.search(r"DTSTART(;TZID=\S+)?:\d{8}T\d{6}", text), "DTSTART has a wrong form."),
        (
            bool(starts) and "TZID" not in starts[0] and not starts[0].endswith("Z"),
            "DTSTART cannot be a naive datetime.",
        ),
        (not rules, "RRULE required in rrule."),
        (any("INTERVAL" not in rule for rule in rules), "INTERVAL required in rrule."),
        ("SECONDLY" in text, "SECONDLY is not supported."),
        ("COUNT" in text and "UNTIL" in text, "RRULE may not contain both COUNT and UNTIL."),
        ("RDATE" in text, "RDATE not supported."),
    )
    for wrong, message in checks:
        if wrong:
            raise Refused({"rrule": [message]})


def credential_type(fields: Mapping[str, Any]) -> None:
    if fields.get("kind") not in ("cloud", "net"):
        raise Refused({"kind": ["Must be 'cloud' or 'net', not " + str(fields.get("kind"))]})
    for name in (fields.get("injectors") or {}).get("env") or {}:
        if name.startswith("ANSIBLE_") or name == "PATH":
            raise Refused({"injectors": [f"Environment variable {name} is not allowed to be used in credentials."]})


def notification(fields: Mapping[str, Any]) -> None:
    configuration = fields.get("notification_configuration") or {}
    if fields.get("notification_type") == "webhook":
        missing = [key for key in ("url", "headers") if key not in configuration]
        if missing:
            raise Refused({"notification_configuration": [f"Missing required fields: {missing}."]})
    for body in re.findall(r"{{\s*(\w+)", str(fields.get("messages") or {})):
        if body not in ("job", "job_friendly_name", "job_metadata", "url", "workflow_url", "approval_node_name"):
            raise Refused({"messages": [f"Field '{body}' unavailable"]})


def text_only(fields: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(fields.get(name) or "", str):
            raise Refused({name: ["Not a valid string."]})


def no_circle(nodes: list[Mapping[str, Any]], before: int, after: int) -> None:
    """Raise when an edge from ``before`` to ``after`` closes a circle."""
    by_id = {node["id"]: node for node in nodes}
    reached, ahead = set(), [after]
    while ahead:
        number = ahead.pop()
        if number == before:
            raise Refused({"Error": "Cycle detected."})
        if number not in reached:
            reached.add(number)
            node = by_id[number]
            ahead += [*node["success_nodes"], *node["failure_nodes"], *node["always_nodes"]]
