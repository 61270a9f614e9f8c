# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blobs the manifests of a store name: what must stay, whatever else is thought of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIGEST = re.compile(rb"sha256[:-]([0-9a-fA-F]{64})")


@dataclass(frozen=True)
class Named:
    """One manifest. ``blobs`` are the digests that it names, ``digest`` its own (empty when it cannot be read).

    ``known``: it cannot be read, or is not there, and the blobs are those of the copy that was kept of it.
    """

    path: str
    display: str
    key: tuple[str, ...]
    digest: str
    blobs: frozenset[str]
    modified_at: float = 0.0
    known: bool = False


@dataclass(frozen=True)
class References:
    """``blockers``: what may name any blob, in words for people. As long as there is one, no blob is an orphan."""

    manifests: tuple[Named, ...]
    blockers: tuple[str, ...] = ()

    def names(self, digest: str) -> str:
        """The path of a manifest that names the blob, ``""`` for none."""
        return next((one.path for one in self.manifests if digest in one.blobs), "")

    @property
    def blobs(self) -> frozenset[str]:
        return frozenset().union(*(one.blobs for one in self.manifests))


def digests_in(raw: bytes) -> frozenset[str]:
    """Every digest that the text of a manifest shows, also one that we take for broken and a server may not."""
    return frozenset(match.decode().lower() for match in _DIGEST.findall(raw))
