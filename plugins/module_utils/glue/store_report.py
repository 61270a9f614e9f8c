# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a store, and asking registries, for what the declared models need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..core.declared import Declared, declared_models
from ..core.errors import CorralError
from ..core.manifests import Blob, Manifest
from ..core.store_needs import (
    PULL,
    Held,
    Need,
    lacking_of,
    layers_of,
    must_ask,
    need_of,
    require_space,
    row,
    to_fetch,
    to_update,
    together,
)
from ..registry.client import RegistryClient
from ..store.layout import ModelTree, store_at
from ..store.preparing import space
from ..store.reading import has_blob, incomplete, stored_model
from .at_once import each

_AT_ONCE = 8


def store_report(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of ``store_info``; all models that cannot be had are one error, unless they are to be reported."""
    paths = store_at(params["path"])
    models = declared_models(params["models"])
    held = [_held(paths, model) for model in models]
    needs = _needs(models, held, params)
    there = {blob.digest: has_blob(paths, blob) for blob in _blobs(needs)}
    by_model, bytes_to_fetch = to_fetch(needs, there)
    free = space(paths.root)
    pulled = [need.model.name.display for need in needs if need.action == PULL]
    if params["on_unavailable"] == "fail":
        require_space(paths.root, bytes_to_fetch, params["reserve_bytes"], free["free_bytes"], pulled)
    return {
        "path": paths.root,
        "models": [_row(need, by_model[need.model.name.display], there, params["layers"]) for need in needs],
        "missing": [need.model.name.display for need in needs if need.missing],
        "bytes_to_fetch": bytes_to_fetch,
        **free,
    }


def _row(need: Need, bytes_to_fetch: int, there: Mapping[str, bool], layers: bool) -> dict[str, Any]:
    basic = row(need, bytes_to_fetch, to_update(need, there))
    return {**basic, **layers_of(need), "lacking": lacking_of(need, there)} if layers else basic


def _held(tree: ModelTree, model: Declared) -> Held:
    stored = stored_model(tree, model.name)
    if stored is None:
        return Held()
    lacking = incomplete(tree, stored.manifest) if stored.manifest else ()
    return Held(True, stored.manifest, lacking, stored.problem)


def _needs(models: Iterable[Declared], held: Iterable[Held], params: Mapping[str, Any]) -> list[Need]:
    pairs = list(zip(models, held))
    asked = [model for model, has in pairs if must_ask(model, has, params["compare"])]
    answers = _ask(asked, params) if asked else {}
    needs: list[Need] = []
    errors: list[CorralError] = []
    for model, has in pairs:
        answer = answers.get(model)
        try:
            if isinstance(answer, CorralError):
                raise answer
            needs.append(need_of(model, has, answer))
        except CorralError as error:
            errors.append(error)
            remote = answer if isinstance(answer, Manifest) else None
            need = need_of(model, has, None)
            needs.append(replace(need, remote=remote, problem=str(error), problem_kind=error.kind))
    if errors and params["on_unavailable"] == "fail":
        raise together(errors)
    return needs


def _ask(models: list[Declared], params: Mapping[str, Any]) -> dict[Declared, Manifest | CorralError]:
    registry = RegistryClient(params["registry_endpoints"], params["registry_ca_path"], params["registry_timeout"])
    return dict(zip(models, each(models, partial(_answer, registry), _AT_ONCE)))


def _answer(registry: RegistryClient, model: Declared) -> Manifest | CorralError:
    try:
        return registry.manifest(model.name, model.insecure).manifest
    except CorralError as error:
        return error


def _blobs(needs: Iterable[Need]) -> list[Blob]:
    manifests = [manifest for need in needs for manifest in (need.remote, need.held.manifest) if manifest]
    return [blob for manifest in manifests for blob in manifest.blobs]
