# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_fetch``: what a store lacks of its models, taken from peers or the registry."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ..core.bundle_plan import present_ones
from ..core.declared import BadInput, Declared, declared_models
from ..core.distribution import Part
from ..core.errors import CorralError
from ..core.fetch_plan import WAIT, FetchTask, fetch_plan, parts_for, parts_given, with_whole
from ..core.manifests import Blob, InvalidManifest, parse_manifest
from ..core.store_needs import NONE, Held, require_space
from ..core.windows import Window, parse_window
from ..registry.peers import LACKS, WRONG, PeerClient
from ..store.layout import StorePaths, store_at
from ..store.pieces import room_taken
from ..store.preparing import space
from ..store.reading import has_blob, incomplete, stored_model
from ..store.staging import leftovers
from .fetch_apply import Fetching, apply_fetch
from .fetch_sources import FromUpstream, Roster, peers_from
from .run import Work


@dataclass(frozen=True)
class _Wanted:
    """What the parameters mean."""

    paths: StorePaths
    models: tuple[Declared, ...]
    parts: tuple[Part, ...] | None
    peers: Mapping[str, PeerClient]
    window: Window | None
    upstream: FromUpstream
    roster: Roster


def prepare_fetch(params: Mapping[str, Any]) -> Work:
    """The five steps of ``store_fetch`` for its parameters."""
    wanted = _desired(params)
    found = [_task(wanted, model, params["fallback"]) for model in wanted.models]
    every = {blob for task in found if task.target for blob in task.target.blobs}
    there = {blob.digest for blob in every if has_blob(wanted.paths, blob)}
    parts = parts_for(found, there, wanted.parts, [name for name in wanted.peers if name not in wanted.roster.bad])
    tasks = with_whole(found, {*there, *(part.digest for part in parts)})
    names = [task.model.name.display for task in tasks if task.action != NONE]
    room = space(wanted.paths.root)["free_bytes"]
    needed = sum(part.size - room_taken(wanted.paths, Blob(part.digest, part.size)) for part in parts)
    require_space(wanted.paths.root, needed, params["reserve_bytes"], room, names)
    tidy = leftovers(wanted.paths)
    fetching = Fetching(wanted.paths, tasks, parts, wanted.peers, wanted.upstream, wanted.roster, wanted.window, tidy)
    plan = fetch_plan(tasks, parts, tidy)
    return Work(plan, fetching.result(parts), lambda: _apply(fetching, params))


def _apply(fetching: Fetching, params: Mapping[str, Any]) -> Mapping[str, Any]:
    with ExitStack() as stack:
        for peer in fetching.peers.values():
            stack.callback(peer.close)
        return apply_fetch(fetching, params)


def _desired(params: Mapping[str, Any]) -> _Wanted:
    for key in ("bytes_per_second", "reserve_bytes", "retries"):
        if params[key] < 0:
            raise BadInput(f"{key} is less than 0.", remedy="Give 0 for none.")
    if not 1 <= params["connections"] <= 64:
        raise BadInput(f"connections is {params['connections']}, not 1 to 64.", remedy="Four is a good number.")
    models = present_ones(declared_models(params["models"]))
    if not models:
        raise BadInput("No model is named.", remedy="Give a list of models.")
    peers, parts = peers_from(params), parts_given(params["blobs"])
    upstream = FromUpstream(params, frozenset(model.name.key for model in models if model.insecure))
    roster = Roster(params["retries"])
    return _Wanted(store_at(params["path"]), models, parts, peers, parse_window(params["window"]), upstream, roster)


def _task(wanted: _Wanted, model: Declared, fallback: bool) -> FetchTask:
    stored = stored_model(wanted.paths, model.name)
    held = Held()
    if stored is not None:
        lacking = incomplete(wanted.paths, stored.manifest) if stored.manifest else ()
        held = Held(True, stored.manifest, lacking, stored.problem)
    if held.complete and model.digest in (None, held.digest):
        return FetchTask(model, held, NONE)
    reason = "it is not in the store" if not held.present else "what the store has of it is not what is wanted"
    if stored is not None and stored.manifest is not None and model.digest in (None, held.digest):
        return FetchTask(model, held, WAIT, reason, stored.manifest, stored.raw)
    try:
        raw = _manifest(wanted, model, fallback)
    except CorralError as error:
        return FetchTask(model, held, WAIT, str(error))
    return FetchTask(model, held, WAIT, reason, parse_manifest(raw), raw)


def _manifest(wanted: _Wanted, model: Declared, fallback: bool) -> bytes:
    """From the first peer that has the right one, else from the registry. Raises when nobody does."""
    last: CorralError | None = None
    for name, peer in wanted.peers.items():
        if name in wanted.roster.bad:
            continue
        try:
            raw = peer.manifest(model.name)
            found = parse_manifest(raw)
            if not found.is_empty and model.digest in (None, found.digest):
                return raw
            last = CorralError(f"The peer {name} has another {model.name.display}: {found.digest}.", kind=LACKS)
        except InvalidManifest as error:
            last = error
            wanted.roster.blame(name, WRONG, error.message, "")
        except CorralError as error:
            last = error
            if error.kind != LACKS:
                wanted.roster.blame(name, error.kind, str(error.facts.get("reason", error.message)), "")
    seeds = wanted.parts is not None and any(not part.peers for part in wanted.parts)
    if not (fallback or seeds or not wanted.peers):
        raise last or CorralError("No peer is left to ask.", kind="no_source")
    client, insecure = wanted.upstream.client(), wanted.upstream.insecure(model.name)
    if model.digest:
        return client.manifest_at(model.name, model.digest, insecure).raw
    return client.manifest(model.name, insecure).raw
