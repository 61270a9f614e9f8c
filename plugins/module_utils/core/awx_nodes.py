# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a workflow: what is wrong with them, and in one form for what is declared and what AWX has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

EDGES = ("success_nodes", "failure_nodes", "always_nodes")
APPROVAL = "workflow_approval"
# As the API calls a job of such a template.
TYPES = {
    "job": "job_template",
    "project_update": "project",
    "inventory_update": "inventory_source",
    "workflow_job": "workflow_job_template",
    APPROVAL: APPROVAL,
}
_PROMPTS = ("extra_data", "limit", "scm_branch", "job_type", "job_tags", "skip_tags", "forks", "timeout", "verbosity")


def node_problems(nodes: Any) -> list[str]:
    """One sentence per problem; awx.awx has the text of a KeyError for most of them."""
    if not isinstance(nodes, list) or not all(isinstance(node, Mapping) for node in nodes):
        return ["workflow_nodes has to be a list of nodes."]
    problems = [problem for node in nodes for problem in _own_problems(node)]
    if problems:
        return problems
    names = [str(node["identifier"]) for node in nodes]
    problems += [f"Two nodes are called {name}." for name in sorted({name for name in names if names.count(name) > 1})]
    for node in nodes:
        for edge in EDGES:
            problems += [
                f"The node {node['identifier']} leads to {name}, which is no node."
                for name in edges(node, edge)
                if name not in names
            ]
    return problems or _circles(nodes)


def _own_problems(node: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(node.get("identifier"), str) or not node["identifier"]:
        yield f"A node needs an identifier: {str(node)[:120]}."
        return
    target = node.get("unified_job_template")
    if not isinstance(target, Mapping) or not target.get("name") or target.get("type") not in TYPES.values():
        yield (
            f"The node {node['identifier']} needs unified_job_template with a name and a type, one of"
            f" {', '.join(TYPES.values())}."
        )
    related = node.get("related") or {}
    if not isinstance(related, Mapping) or any(
        not isinstance(step, Mapping) or "identifier" not in step for edge in EDGES for step in related.get(edge) or []
    ):
        yield f"The edges of the node {node['identifier']} have to be lists of entries like {{identifier: NAME}}."


def edges(node: Mapping[str, Any], edge: str) -> list[str]:
    """The identifiers that ``edge`` of a declared node leads to, sorted."""
    return sorted(str(step["identifier"]) for step in (node.get("related") or {}).get(edge) or [])


def _circles(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    after = {str(node["identifier"]): [name for edge in EDGES for name in edges(node, edge)] for node in nodes}
    while True:
        ends = [name for name, steps in after.items() if not any(step in after for step in steps)]
        if not ends:
            return [f"The nodes {', '.join(sorted(after))} lead in a circle."] if after else []
        for name in ends:
            del after[name]


def declared_nodes(nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """By identifier, in the form that found_nodes has too."""
    return {
        str(node["identifier"]): {
            "runs": _target(node["unified_job_template"]),
            "all_parents_must_converge": bool(node.get("all_parents_must_converge")),
            **{edge: edges(node, edge) for edge in EDGES},
            **_prompts(node),
        }
        for node in nodes
        if node.get("state", "present") != "absent"
    }


def found_nodes(nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """By identifier, of what ``GET /workflow_job_templates/N/workflow_nodes/`` lists."""
    names = {node.get("id"): str(node.get("identifier")) for node in nodes}
    return {
        str(node.get("identifier")): {
            "runs": _found_target((node.get("summary_fields") or {}).get("unified_job_template") or {}),
            "all_parents_must_converge": bool(node.get("all_parents_must_converge")),
            **{edge: sorted(names.get(step, str(step)) for step in node.get(edge) or []) for edge in EDGES},
            **_prompts(node),
        }
        for node in nodes
    }


def _prompts(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: node[key] for key in _PROMPTS if node.get(key) not in (None, "", {})}


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"type": target["type"], "name": str(target["name"])}
    if target["type"] == APPROVAL:
        shown.update(description=str(target.get("description") or ""), timeout=int(target.get("timeout") or 0))
    return shown


def _found_target(target: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(target.get("unified_job_type"))
    return _target({**target, "type": TYPES.get(kind, kind), "name": target.get("name")})
