# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pieces of a blob come from: peers, and the registry. And who of them is not asked any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.manifests import Blob
from ..core.names import Key, ModelName
from ..registry.errors import RegistryError
from ..registry.peers import LACKS, PeerClient, PeerError
from ..registry.ranges import RangeClient

UPSTREAM = ""
"""The name of the registry among the sources; no host has it."""

_MAX_PEERS = 1000


class Source(Protocol):
    """``claim``: how many pieces to ask for at a time."""

    claim: int

    def read(self, blob: Blob, start: int, stop: int, write: Callable[[bytes], None]) -> None: ...


class FromPeer:
    """A neighbour: near, so that a request for each piece costs nothing."""

    claim = 1

    def __init__(self, client: PeerClient) -> None:
        self.client = client

    def read(self, blob: Blob, start: int, stop: int, write: Callable[[bytes], None]) -> None:
        self.client.read(blob, start, stop, write)


class FromUpstream:
    """The registry that the names of a blob's models name; each request may be sent on to another host there."""

    claim = 8

    def __init__(self, params: Mapping[str, Any], insecure: frozenset[Key]) -> None:
        self._params, self._insecure = params, insecure
        self.names: dict[str, list[ModelName]] = {}

    def client(self) -> RangeClient:
        params = self._params
        return RangeClient(params["registry_endpoints"], params["registry_ca_path"], params["registry_timeout"])

    def insecure(self, name: ModelName) -> bool:
        return name.key in self._insecure

    def read(self, blob: Blob, start: int, stop: int, write: Callable[[bytes], None]) -> None:
        """Several models have the blob: one name that the registry still knows is enough."""
        names = self.names.get(blob.digest, [])
        for name in names[:-1]:
            try:
                return self.client().read(name, blob, start, stop, write, self.insecure(name))
            except RegistryError as error:
                if error.kind not in ("model_not_found", "registry_auth"):
                    raise
        return self.client().read(names[-1], blob, start, stop, write, self.insecure(names[-1]))


class Roster:
    """Counts failures in a row. ``bad``: peers that are left out from then on, each with why."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._last: dict[str, dict[str, str]] = {}
        self.bad: dict[str, dict[str, str]] = {}

    def failures(self, name: str) -> int:
        with self._lock:
            return self._failures.get(name, 0)

    def order(self, names: Iterable[str]) -> list[list[str]]:
        """Those that may be asked, in groups of equals, the best first; the registry last."""
        with self._lock:
            groups: dict[tuple[bool, int], list[str]] = {}
            for name in names:
                if name not in self.bad:
                    groups.setdefault((name == UPSTREAM, self._failures.get(name, 0)), []).append(name)
        return [groups[key] for key in sorted(groups)]

    def worked(self, name: str) -> None:
        with self._lock:
            self._failures.pop(name, None)
            self._last.pop(name, None)

    def failed(self, name: str, error: CorralError, digest: str, seen: int) -> bool:
        """Whether it is to be left out for this blob. A peer that does not serve as it should is left out for good.

        ``seen``: its failures when it was asked. What breaks several connections at once is one failure.
        """
        transient = isinstance(error, (PeerError, RegistryError)) and error.transient
        with self._lock:
            count = self._failures.get(name, 0)
            self._failures[name] = count = max(count, seen + 1)
            if name != UPSTREAM and error.kind != LACKS:
                self._last[name] = _why(name, error.kind, _reason(error), digest)
            if transient and count <= self._retries:
                return False
        if name != UPSTREAM and error.kind != LACKS:
            self.blame(name, error.kind, _reason(error), digest)
        return True

    def blame(self, name: str, kind: str, reason: str, digest: str) -> None:
        with self._lock:
            self.bad.setdefault(name, _why(name, kind, reason, digest))

    def told(self) -> list[dict[str, str]]:
        """Also those that failed when they were last asked: others gave what they did not."""
        every = {**self._last, **self.bad}
        return [every[name] for name in sorted(every)]


def _why(name: str, kind: str, reason: str, digest: str) -> dict[str, str]:
    return {"name": name, "kind": kind, "reason": reason, "digest": digest}


def _reason(error: CorralError) -> str:
    return str(error.facts.get("reason", error.message))


def peers_from(params: Mapping[str, Any]) -> dict[str, PeerClient]:
    """The peers by name, in the order given. Raises ``BadInput``."""
    found: dict[str, PeerClient] = {}
    if len(params["peers"]) > _MAX_PEERS:
        raise BadInput(f"More than {_MAX_PEERS} peers are given.", remedy="Give those that are near.")
    for entry in params["peers"]:
        name = entry["name"]
        if not name or name in found:
            raise BadInput(f"The peer {name[:80]!a} has no name, or one twice.", remedy="Correct the list of peers.")
        found[name] = PeerClient(
            name,
            entry["url"],
            params["peer_token"] or "",
            entry.get("fingerprint") or "",
            params["peer_timeout"],
            params["connections"],
        )
    return found
