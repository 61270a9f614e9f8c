# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model names by Ollama's own rules (``types/model/name.go``): what is allowed, what is left out, what is the same."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import CorralError

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

Key = tuple[str, str, str, str]
"""The four parts of a name as Ollama compares them, ``ModelName.key``."""

_FIRST = frozenset(string.ascii_letters + string.digits + "_")
_REST = _FIRST | frozenset("-.")
_MAX_HOST = 350
_MAX_PART = 80


class InvalidName(CorralError):
    """The text is no model name that Ollama accepts."""

    kind = "bad_name"


@dataclass(frozen=True)
class ModelName:
    """A complete, valid name. Case is kept, and does not count when names are compared (``key``)."""

    host: str
    namespace: str
    model: str
    tag: str

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise _invalid("/".join(self.parts[:3]) + ":" + self.tag, problem)

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """The four directory levels below ``manifests/``."""
        return (self.host, self.namespace, self.model, self.tag)

    @property
    def key(self) -> Key:
        """What Ollama compares: the same name in any case."""
        return (self.host.lower(), self.namespace.lower(), self.model.lower(), self.tag.lower())

    @property
    def full(self) -> str:
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def display(self) -> str:
        """As ``/api/tags`` shows it: default host and namespace left out, the tag always there."""
        host, namespace, _model, _tag = self.key
        if host != DEFAULT_HOST:
            return self.full
        if namespace != DEFAULT_NAMESPACE:
            return f"{self.namespace}/{self.model}:{self.tag}"
        return f"{self.model}:{self.tag}"

    @property
    def is_cloud(self) -> bool:
        """A cloud model has no weights: no store can hold it."""
        tag = self.tag.lower()
        return tag == "cloud" or tag.endswith("-cloud")


def parse_name(text: str) -> ModelName:
    """``[scheme://][host/][namespace/]model[:tag]`` to a complete name; raises ``InvalidName``."""
    if not isinstance(text, str):
        raise _invalid(repr(text), "it is not text")
    rest, tag = text, DEFAULT_TAG
    if rest.endswith(":local"):
        rest = rest[: -len(":local")]
    if rest.rfind(":") > rest.rfind("/"):
        rest, _colon, tag = rest.rpartition(":")
    parts = rest.split("://", 1)[-1].split("/")
    if len(parts) > 3:
        raise _invalid(text, "it has more than host/namespace/model:tag")
    head = (DEFAULT_HOST, DEFAULT_NAMESPACE)[: 3 - len(parts)]
    try:
        return from_parts((*head, *parts, tag))
    except InvalidName as error:
        raise _invalid(text, str(error.facts["problem"])) from None


def from_parts(parts: Sequence[str]) -> ModelName:
    """The name of a manifest from its four directory levels; raises ``InvalidName``."""
    if len(parts) != 4:
        raise _invalid("/".join(parts), "it has not the four parts host/namespace/model/tag")
    return ModelName(*parts)


def _invalid(text: str, problem: str) -> InvalidName:
    shown = ascii(text)[1:-1]
    shown = shown if len(shown) <= 120 else shown[:117] + "..."
    return InvalidName(
        f"'{shown}' is not a model name: {problem}.",
        remedy="Write it as [host/][namespace/]model[:tag], for example mistral:7b.",
        name=shown,
        problem=problem,
    )


def _problem(name: ModelName) -> str:
    for label, part, extra, limit in (
        ("host", name.host, ":", _MAX_HOST),
        ("namespace", name.namespace, "", _MAX_PART),
        ("model", name.model, "", _MAX_PART),
        ("tag", name.tag, "", _MAX_PART),
    ):
        allowed = _REST | frozenset(extra)
        if label == "namespace":
            allowed = allowed - {"."}
        if not part:
            return f"the {label} is empty"
        if len(part) > limit:
            return f"the {label} is longer than {limit} characters"
        if part[0] not in _FIRST:
            return f"the {label} must begin with a letter, a digit or '_'"
        if not allowed.issuperset(part):
            wrong = next(char for char in part if char not in allowed)
            return f"{wrong!a} is not allowed in the {label}"
    return ""
