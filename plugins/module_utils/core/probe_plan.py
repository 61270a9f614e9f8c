# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which models of which servers have to answer, and what is known about each in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .declared import BadInput, declared_models
from .names import ModelName
from .proofs import ProofKey


@dataclass(frozen=True)
class Server:
    """One Ollama server; ``image`` is the digest of the image it runs, "" when that is not known."""

    name: str
    url: str
    image: str = ""


@dataclass(frozen=True)
class WantedModel:
    """A model that a server has to list, at ``digest`` unless that is "", and to answer with."""

    name: ModelName
    digest: str = ""


@dataclass(frozen=True)
class ModelResult:
    """What was found out about one model on one server. ``problem`` is "" when everything is as it has to be."""

    name: str
    expected: str = ""
    digest: str = ""
    listed: bool = False
    answered: bool = False
    asked: bool = False
    from_proof: bool = False
    proven_at: float | None = None
    failed_at: float | None = None
    endpoint: str = ""
    seconds: float = 0.0
    load_seconds: float = 0.0
    tokens: int = 0
    tokens_per_second: float = 0.0
    dimensions: int = 0
    size: int = 0
    size_vram: int = 0
    retries: int = 0
    problem: str = ""
    kind: str = ""

    def as_dict(self) -> dict[str, Any]:
        rounded = {name: round(getattr(self, name), 3) for name in ("seconds", "load_seconds", "tokens_per_second")}
        times = {name: iso_time(getattr(self, name)) for name in ("proven_at", "failed_at")}
        return {**vars(self), **rounded, **times}


@dataclass(frozen=True)
class ServerResult:
    """Everything about one server."""

    server: Server
    version: str = ""
    problem: str = ""
    kind: str = ""
    models: tuple[ModelResult, ...] = ()

    @property
    def problems(self) -> list[tuple[str, str]]:
        """(kind, text) of the server itself, or of each of its models; the server is named in each."""
        if self.problem:
            return [(self.kind, self.problem)]
        return [(model.kind, model.problem) for model in self.models if model.problem]

    def as_dict(self) -> dict[str, Any]:
        return {
            "server": self.server.name,
            "url": self.server.url,
            "image_digest": self.server.image,
            "version": self.version,
            "ok": not self.problems,
            "problem": self.problem,
            "models": [model.as_dict() for model in self.models],
        }


@dataclass(frozen=True)
class Report:
    """All servers, and the pairs that had no proof: they were asked or, in check mode, would be."""

    results: tuple[ServerResult, ...]
    to_ask: tuple[tuple[str, str], ...] = ()

    @property
    def problems(self) -> list[tuple[str, str]]:
        return [problem for result in self.results for problem in result.problems]

    def as_dict(self) -> dict[str, Any]:
        asked = sum(model.asked for result in self.results for model in result.models)
        return {
            "ok": not self.problems,
            "asked": asked,
            "to_ask": [{"server": server, "model": model} for server, model in self.to_ask],
            "problems": [text for _kind, text in self.problems],
            "results": [result.as_dict() for result in self.results],
        }


def servers_from(entries: Iterable[Mapping[str, Any]]) -> tuple[Server, ...]:
    """From dictionaries with ``name`` and ``url`` (results of instance_info among them); other keys are let be."""
    found: dict[str, Server] = {}
    for entry in entries:
        name, url = str(entry.get("name") or ""), str(entry.get("url") or "")
        if not name or not url.startswith(("http://", "https://")):
            raise BadInput(f"The server {name or str(dict(entry))[:80]!r} needs a name and an http:// or https:// url.")
        if name in found:
            raise BadInput(f"The server {name} is listed twice.", remedy="Give each server a name of its own.")
        found[name] = Server(name, url.rstrip("/"), str(entry.get("image_digest") or ""))
    return tuple(found.values())


def models_from(entries: Iterable[Any]) -> tuple[WantedModel, ...]:
    """The declared models that have to be there; one with ``state: absent`` is left out."""
    declared = declared_models(entries)
    return tuple(WantedModel(model.name, model.digest or "") for model in declared if model.state != "absent")


def proof_key(server: Server, version: str, model: str, digest: str) -> ProofKey:
    """A server outside of a container is known by its version instead of its image."""
    return (server.name, server.image or (f"version {version}" if version else ""), model, digest)


def iso_time(at: float | None) -> str:
    """2026-11-21T22:00:00Z, "" for never."""
    return "" if at is None else datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
