# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one model on one server should be, is, and needs. Reading here, deciding in pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.declared import Declared, declared_models
from ..core.digests import parse_digest
from ..core.errors import CorralError
from ..core.names import ModelName, parse_name
from ..core.plans import Plan, Step
from ..core.units import human_bytes
from ..registry.client import RegistryClient, RemoteManifest
from ..server.client import OllamaClient
from ..server.errors import ServerError
from ..server.recheck import listed, settled
from ..store.layout import store_at
from ..store.reading import stored_model


@dataclass(frozen=True)
class Desired:
    """The model, the name it is copied from if any, and the server's store on this host if known."""

    model: Declared
    source: ModelName | None = None
    store_path: str | None = None


@dataclass(frozen=True)
class Actual:
    """Digests are empty for what is not listed. ``remote`` is there only where the decision needs it.

    ``hidden``: there is a manifest, and it is damaged so that the server does not list it.
    """

    digest: str = ""
    size: int = 0
    source_digest: str = ""
    remote: RemoteManifest | None = None
    same_content: bool = False
    hidden: bool = False


def desired_model(params: Mapping[str, Any]) -> Desired:
    """From the module's parameters; refuses what contradicts itself."""
    name = parse_name(params["name"])
    digest = parse_digest(params["digest"]) if params["digest"] else None
    entry = {"name": name.full, "digest": digest, "insecure": params["insecure"], "state": params["state"]}
    model = declared_models([entry])[0]
    source = parse_name(params["source"]) if params["source"] else None
    if source and (model.state != "present" or model.digest):
        raise CorralError(
            f"source makes {model.name.display} a copy, which goes with neither digest nor state {model.state}.",
            kind="bad_input",
            remedy="Leave out digest, and use state present.",
            model=model.name.display,
        )
    return Desired(model, source, params["store_path"])


def actual_model(desired: Desired, client: OllamaClient, registry: RegistryClient, looks: Mapping[str, Any]) -> Actual:
    """Ask the server, and the registry where the answer decides."""
    model = desired.model
    wanted = {model.name.key} | ({desired.source.key} if desired.source else set())
    found = listed(client, wanted, **looks)
    entry = found.get(model.name.key, {})
    digest = str(entry.get("digest") or "")
    source = found.get(desired.source.key, {}) if desired.source else {}
    pinned_elsewhere = model.digest is not None and model.digest != digest
    ask = model.state == "latest" or (model.state == "present" and pinned_elsewhere)
    remote = registry.manifest(model.name, model.insecure) if ask else None
    return Actual(
        digest,
        int(entry.get("size") or 0),
        str(source.get("digest") or ""),
        remote,
        remote is not None and bool(digest) and _same_content(desired, digest, remote),
        model.state == "absent" and not digest and _hidden(client, model.name, looks),
    )


def _hidden(client: OllamaClient, name: ModelName, looks: Mapping[str, Any]) -> bool:
    try:
        settled(lambda: client.show(name.display), lambda _answer: True, **looks)
    except ServerError as error:
        return error.status == 500
    return True


def _same_content(desired: Desired, digest: str, remote: RemoteManifest) -> bool:
    """An Ollama before 0.19 wrote manifests anew: another digest, the same config and layers."""
    if digest == remote.digest or not desired.store_path:
        return digest == remote.digest
    stored = stored_model(store_at(desired.store_path), desired.model.name)
    manifest = stored.manifest if stored else None
    return manifest is not None and manifest.digest == digest and manifest.content_key == remote.manifest.content_key


def plan_model(desired: Desired, actual: Actual, url: str) -> Plan:
    """At most one step: ``delete``, ``copy`` or ``pull``. Raises for what cannot be had."""
    name = desired.model.name.display
    state = "present" if actual.digest else "damaged" if actual.hidden else "absent"
    before = {"model": name, "state": state, "digest": actual.digest}
    step = _step(desired, actual, url)
    if step is None:
        return Plan((), before, before)
    if step.action == "delete":
        return Plan((step,), before, {"model": name, "state": "absent", "digest": ""})
    after = {"model": name, "state": "present", "digest": predicted_digest(desired, actual)}
    return Plan((step,), before, after)


def predicted_digest(desired: Desired, actual: Actual) -> str:
    """The digest after a copy or pull; empty when only the pull can tell."""
    return actual.source_digest or (actual.remote.digest if actual.remote else "")


def _step(desired: Desired, actual: Actual, url: str) -> Step | None:
    model, name = desired.model, desired.model.name.display
    if model.state == "absent":
        return Step("delete", name, url) if actual.digest or actual.hidden else None
    if desired.source:
        return _copy(desired.source, actual, name, url)
    if model.digest is None:
        current = actual.same_content if model.state == "latest" else bool(actual.digest)
    else:
        current = actual.digest == model.digest
        if not current:
            _require_served(model, actual)
    size = f", {human_bytes(actual.remote.manifest.total_size)}" if actual.remote else ""
    return None if current else Step("pull", name, f"{url}{size}")


def _copy(source: ModelName, actual: Actual, name: str, url: str) -> Step | None:
    if not actual.source_digest:
        raise ServerError(
            f"{url} has no model {source.display}, of which {name} should become a copy.",
            kind="model_not_found",
            remedy="Pull the source first, or correct its name.",
            model=source.display,
            url=url,
        )
    return None if actual.digest == actual.source_digest else Step("copy", name, f"from {source.display} on {url}")


def _require_served(model: Declared, actual: Actual) -> None:
    served = actual.remote.digest if actual.remote else ""
    if served == model.digest:
        return
    raise CorralError(
        f"{model.name.display} is pinned to digest {model.digest}, and the registry now serves {served}"
        f" (the server has {actual.digest or 'none'}).",
        kind="digest_unavailable",
        remedy="Pin the digest that is served after reviewing it, or copy the pinned model from a server that has it.",
        model=model.name.display,
        expected=model.digest,
        found=served,
        present=actual.digest,
    )
