# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing the one step that a model on a server needs, and believing only what the server lists afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..core.errors import CorralError
from ..glue.model_state import Actual, Desired
from ..glue.progress_file import ProgressFile
from ..glue.pull_progress import PullReporter
from ..server.client import OllamaClient
from ..server.errors import PullError, ServerError
from ..server.pull import pull_model
from ..server.pull_state import PullOutcome
from ..server.recheck import listed


def apply_step(
    action: str, desired: Desired, actual: Actual, client: OllamaClient, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Do ``delete``, ``copy`` or ``pull``; returns the results that only doing can tell."""
    begun = time.monotonic()
    name = desired.model.name.display
    looks = {"rechecks": params["rechecks"], "delay": params["recheck_delay"]}
    outcome = PullOutcome()
    with _told(action, name, client.url):
        if action == "delete":
            deleted = client.delete(name)
            return {"changed": deleted, "seconds": round(time.monotonic() - begun, 3)}
        if action == "copy" and desired.source:
            client.copy(desired.source.display, name)
        else:
            outcome = _pull(desired, actual, client, params)
    entry = listed(client, [desired.model.name.key], **looks).get(desired.model.name.key, {})
    digest, size = str(entry.get("digest") or ""), int(entry.get("size") or 0)
    _verify(desired, digest, size, client.url)
    return {
        "changed": digest != actual.digest,
        "digest": digest,
        "bytes_total": size,
        "bytes_fetched": outcome.fetched_of(size) if action == "pull" else 0,
        "layers_reused": outcome.reused_layers,
        "seconds": round(time.monotonic() - begun, 3),
        "retries": [retry.as_dict() for retry in outcome.retries],
    }


def _pull(desired: Desired, actual: Actual, client: OllamaClient, params: Mapping[str, Any]) -> PullOutcome:
    name = desired.model.name.display
    total = actual.remote.manifest.total_size if actual.remote else 0
    reporter = PullReporter(name, ProgressFile(params["progress_path"]), total)
    return pull_model(
        client,
        name,
        insecure=desired.model.insecure,
        stall_timeout=params["stall_timeout"],
        retries=params["retries"],
        backoff=params["backoff"],
        on_event=reporter.on_event,
        on_retry=reporter.on_retry,
    )


class _told:
    """A read-only store answers deletes and copies with 500 and a path: say what it means."""

    def __init__(self, action: str, name: str, url: str) -> None:
        self._action, self._name, self._url = action, name, url

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, ServerError) and "read-only file system" in str(error.facts.get("text", "")):
            raise CorralError(
                f"{self._url} cannot {self._action} {self._name}: its store is mounted read-only.",
                kind="read_only_store",
                remedy="Serving instances never write: use corral.ollama.store_model on the store (role models).",
                model=self._name,
                url=self._url,
            ) from error


def _verify(desired: Desired, digest: str, size: int, url: str) -> None:
    """``success`` proves nothing: the model must be listed, hold something and be what was pinned."""
    name, pinned = desired.model.name.display, desired.model.digest
    facts: dict[str, Any] = {"model": name, "url": url, "found": digest}
    if not digest:
        raise PullError(
            f"{url} said success for {name} and does not list it.",
            kind="not_listed",
            remedy="Its manifest or config is damaged: run corral.ollama.digest_check on the store.",
            **facts,
        )
    if size == 0:
        raise PullError(
            f"{url} said success for {name}, and the model is empty: the registry served a manifest without layers.",
            remedy="Delete it (state: absent), and check the registry.",
            **facts,
        )
    if pinned and digest != pinned:
        raise PullError(
            f"{name} on {url} has digest {digest} after the pull, and is pinned to {pinned}.",
            kind="digest_mismatch",
            remedy="The registry's tag moved during the pull, or the server (before 0.19) writes manifests anew.",
            expected=pinned,
            **facts,
        )
