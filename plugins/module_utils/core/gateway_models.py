# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances are asked for which model, and every way in which a request may spell the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import CorralError
from .names import DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG, ModelName, parse_name
from .problems import Problem, as_problem

_INPUT = "corral_gateway_model_instances"


@dataclass(frozen=True)
class Subset:
    """A backend for the models that only some instances serve."""

    backend: str
    instances: tuple[str, ...]
    spellings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"backend": self.backend, "instances": list(self.instances), "spellings": list(self.spellings)}


def spellings(name: ModelName) -> tuple[str, ...]:
    """The model as requests may name it, in lower case: with and without what Ollama would add."""
    host, namespace, model, tag = name.key
    heads = [f"{host}/{namespace}/{model}"]
    if host == DEFAULT_HOST:
        heads.append(f"{namespace}/{model}")
        if namespace == DEFAULT_NAMESPACE:
            heads.append(model)
    tags = [f":{tag}", *([""] if tag == DEFAULT_TAG else [])]
    return tuple(head + tail for head in heads for tail in tags)


def subsets(declared: Any, known: Sequence[str]) -> tuple[tuple[Subset, ...], list[Problem]]:
    """One backend per set of instances. A model that all of them serve needs none."""
    if not isinstance(declared, Mapping):
        return (), [_bad(f"{_INPUT} is no mapping of a model to a list of instances.", "Use {} when all serve all.")]
    problems: list[Problem] = []
    by_set: dict[tuple[str, ...], list[str]] = {}
    seen: dict[tuple[str, ...], str] = {}
    for text, listed in declared.items():
        try:
            name = parse_name(text)
        except CorralError as error:
            problems.append(as_problem(error))
            continue
        problem = _list_problem(text, listed, known) or _doubled(text, seen.setdefault(name.key, text))
        if problem:
            problems.append(problem)
            continue
        members = tuple(instance for instance in known if instance in listed)
        if members != tuple(known):
            by_set.setdefault(members, []).extend(spellings(name))
    found = enumerate(sorted(by_set.items()), 1)
    return tuple(Subset(f"models-{n}", members, tuple(sorted(names))) for n, (members, names) in found), problems


def map_text(found: Sequence[Subset]) -> str:
    """models.map: the backend by the name of the model."""
    lines = sorted(f"{spelling} {subset.backend}" for subset in found for spelling in subset.spellings)
    return "# The backend by the model's name, in lower case. Written by corral.ollama.gateway.\n" + "".join(
        f"{line}\n" for line in lines
    )


def _list_problem(text: str, listed: Any, known: Sequence[str]) -> Problem | None:
    if isinstance(listed, (str, bytes)) or not isinstance(listed, Sequence) or not listed:
        return _bad(f"{_INPUT} names no instances for {text!r}.", f"Give it a list, for example [{known[0]}].")
    strangers = [str(entry)[:80] for entry in listed if entry not in known]
    if strangers:
        message = f"{_INPUT} wants {text!r} on {', '.join(strangers)}, and the fleet has {', '.join(known)}."
        return _bad(message, "Name instances of the fleet, or leave the model out.")
    return None


def _doubled(text: str, first: str) -> Problem | None:
    if text == first:
        return None
    return _bad(f"{_INPUT} names one model twice: {first!r} and {text!r}.", "Keep one of them.")


def _bad(message: str, remedy: str) -> Problem:
    return Problem("bad_model_instances", message, remedy)
