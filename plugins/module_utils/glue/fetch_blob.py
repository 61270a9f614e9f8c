# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One blob from many sources: pieces of it at the same time, and who gave wrong ones is found out and named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from ..core.distribution import Part
from ..core.errors import CorralError
from ..core.manifests import Blob
from ..registry.errors import RegistryError
from ..registry.peers import WRONG, PeerError
from ..store.hashing import Cancelled, Hashed
from ..store.layout import StorePaths
from ..store.pieces import PieceFile
from .fetch_sources import UPSTREAM, Roster, Source

_LOOK = 0.25
#: Seconds before a source is asked again that has just failed, doubled each time.
PAUSE = 0.5
_LONGEST_PAUSE = 8.0
#: So many bytes at a stretch are progress: failures before them are forgiven.
_PROGRESS = 1024 * 1024


@dataclass
class FetchedBlob:
    """``given``: bytes by source; ``resumed``: those of an earlier run."""

    blob: Blob
    hashed: Hashed = field(default_factory=lambda: Hashed(""))
    resumed: int = 0
    given: dict[str, int] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        peers = {name: count for name, count in sorted(self.given.items()) if name != UPSTREAM}
        return {
            "digest": self.blob.digest,
            "size": self.blob.size,
            "bytes_resumed": self.resumed,
            "bytes_from_peers": sum(peers.values()),
            "bytes_from_upstream": self.given.get(UPSTREAM, 0),
            "peers": sorted(peers),
        }


@dataclass(frozen=True)
class Shared:
    """What all blobs of a run share. ``passed`` is told of every piece and may wait; ``check`` raises to end it all."""

    paths: StorePaths
    sources: Mapping[str, Source]
    roster: Roster
    connections: int
    check: Callable[[], None]
    passed: Callable[[int], None]


class BlobFetch:
    """Fetches one blob into ``file``; raises what the last source said when none of them has it right."""

    def __init__(self, shared: Shared, part: Part, file: PieceFile) -> None:
        self._shared, self._file = shared, file
        self._blob = Blob(part.digest, part.size)
        # a host that was to serve and could not is not among the peers
        self._names = [name for name in (*part.peers, *part.spares) if name in shared.sources]
        self._first = set(part.peers)
        #: Sources that do not have this one blob, or have it wrong.
        self._out: set[str] = set()
        self._last: CorralError | None = None
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._got = FetchedBlob(self._blob)

    def run(self, upstream: bool) -> FetchedBlob:
        """``upstream``: the registry may be asked for what no peer gives."""
        file = self._file
        names = [*self._names, *([UPSTREAM] if upstream else [])]
        self._got.resumed = file.resumed
        self._fill(names)
        if self._is_right():
            return self._got
        digests, givers, resumed = file.piece_digests(), dict(file.giver), file.resumed
        if len(set(givers.values())) == 1 and not resumed:
            # it gave all of it
            self._wrong(givers[0], "its bytes do not hash to the blob's name")
        for name in names:
            if name in self._out or name in self._shared.roster.bad:
                continue
            file.restart()
            self._got.resumed = 0
            try:
                self._fill([name])
            except (PeerError, RegistryError) as error:
                self._last = error
                continue
            if self._is_right():
                self._find_liars(digests, givers)
                return self._got
            self._wrong(name, "its bytes do not hash to the blob's name")
        file.drop()
        raise self._last or self._nobody()

    def _is_right(self) -> bool:
        found = self._got.hashed = self._file.finish()
        return not found.problem and (found.digest, found.size) == (self._blob.digest, self._blob.size)

    def _find_liars(self, digests: Mapping[int, str], givers: Mapping[int, str]) -> None:
        """Now that the right pieces are known: whose were others?"""
        right = self._file.piece_digests()
        for number, name in sorted(givers.items()):
            if digests.get(number) != right.get(number):
                self._wrong(name, f"piece {number} of what it sent was wrong")

    def _wrong(self, name: str, reason: str) -> None:
        self._out.add(name)
        who = f"The peer {name}" if name else "The registry"
        self._last = CorralError(
            f"{who} does not have the blob {self._blob.digest} right: {reason}.",
            kind="digest_mismatch",
            remedy="Check its store (playbook corral.ollama.scrub there).",
            digest=self._blob.digest,
            peer=name,
        )
        if name != UPSTREAM:
            self._shared.roster.blame(name, WRONG, reason, self._blob.digest)

    def _fill(self, names: Iterable[str]) -> None:
        """All that is missing, by several threads; raises when no source is left for it."""
        names, threads = list(names), max(1, self._shared.connections)
        with ThreadPoolExecutor(threads, "fetch") as pool:
            futures = {pool.submit(self._work, index, names) for index in range(threads)}
            try:
                self._wait(futures)
            except BaseException:
                self._stop.set()
                raise
        if not self._file.complete:
            raise self._last or self._nobody()

    def _wait(self, futures: set[Future[None]]) -> None:
        left = futures
        while left:
            ended, left = wait(left, _LOOK)
            for future in ended:
                future.result()
            self._shared.check()

    def _work(self, index: int, names: list[str]) -> None:
        while not self._stop.is_set():
            name = self._choice(index, names)
            if name is None:
                return
            claim = self._file.claim(self._shared.sources[name].claim)
            if claim is None:
                return
            seen = self._shared.roster.failures(name)
            try:
                self._take(name, claim)
            except (PeerError, RegistryError) as error:
                self._last = error
                if self._shared.roster.failed(name, error, self._blob.digest, seen):
                    self._out.add(name)
            except Cancelled:
                return
            finally:
                self._file.give_back(claim)

    def _choice(self, index: int, names: list[str]) -> str | None:
        """Threads are dealt over the peers that do well; one that failed is waited for only when there is no other."""
        roster = self._shared.roster
        groups = roster.order(name for name in names if name not in self._out)
        if not groups:
            return None
        group = [name for name in groups[0] if name in self._first] or groups[0]
        name = group[index % len(group)]
        failures = roster.failures(name)
        if failures:
            self._stop.wait(min(PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE))
        return name

    def _take(self, name: str, claim: tuple[int, int]) -> None:
        at = claim[0]

        def write(piece: bytes) -> None:
            nonlocal at
            if self._stop.is_set():
                raise Cancelled
            self._file.write(at, piece)
            at += len(piece)
            with self._lock:
                self._got.given[name] = self._got.given.get(name, 0) + len(piece)
            self._file.has(claim, at, name)
            if at - claim[0] >= _PROGRESS:
                self._shared.roster.worked(name)
            self._shared.passed(len(piece))

        self._shared.sources[name].read(self._blob, claim[0], claim[1], write)
        self._shared.roster.worked(name)

    def _nobody(self) -> CorralError:
        return CorralError(
            f"Nobody is left to give the blob {self._blob.digest}.",
            kind="no_source",
            remedy="See bad_peers for why; allow the registry (fallback), or repair a peer.",
            digest=self._blob.digest,
        )
