# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was proven once: that an instance, running an image, really answered with the bytes of a model, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 1
KEEP_SECONDS = 90 * 86400.0

ProofKey = tuple[str, str, str, str]


@dataclass(frozen=True)
class Proof:
    """``instance`` with ``image`` (its digest, or the server's version) answered ``model`` at ``digest``.

    ``at`` is in Unix seconds; ``endpoint`` is how it answered.
    """

    instance: str
    image: str
    model: str
    digest: str
    at: float
    endpoint: str = ""

    @property
    def key(self) -> ProofKey:
        return (self.instance, self.image, self.model, self.digest)


Proofs = Mapping[ProofKey, Proof]


def fresh(proofs: Proofs, key: ProofKey, now: float, max_age: float, deep: bool = False) -> Proof | None:
    """The proof that still counts. One from the future does not: the clock was wrong then, or is now."""
    proof = proofs.get(key)
    if deep or proof is None or not all(key) or not 0 <= now - proof.at < max_age:
        return None
    return proof


def merged(proofs: Proofs, proven: Iterable[Proof], failed: Iterable[ProofKey], now: float) -> Proofs:
    """What is known now: new proofs in, disproved ones out (a failure has to be asked again), old ones dropped."""
    kept = {**proofs, **{proof.key: proof for proof in proven}}
    for key in failed:
        kept.pop(key, None)
    return {key: proof for key, proof in kept.items() if abs(now - proof.at) <= KEEP_SECONDS}


def dumped(proofs: Proofs) -> str:
    """The text of the file that remembers them."""
    entries = [asdict(proofs[key]) for key in sorted(proofs)]
    return json.dumps({"schema": SCHEMA, "proofs": entries}, indent=1) + "\n"


def loaded(text: str) -> Proofs:
    """The proofs of such a file; raises ValueError when it is damaged or of another schema."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is not of the schema {SCHEMA}")
    entries = document.get("proofs")
    if not isinstance(entries, list):
        raise ValueError("it has no list of proofs")
    proofs = [_proof(entry) for entry in entries]
    return {proof.key: proof for proof in proofs}


def _proof(entry: Any) -> Proof:
    if not isinstance(entry, dict):
        raise ValueError(f"{str(entry)[:80]} is not a proof")
    instance, image, model, digest = (entry.get(name) for name in ("instance", "image", "model", "digest"))
    at = entry.get("at")
    texts = all(isinstance(text, str) for text in (instance, image, model, digest))
    if not texts or isinstance(at, bool) or not isinstance(at, (int, float)):
        raise ValueError(f"{str(entry)[:80]} is not a proof")
    return Proof(str(instance), str(image), str(model), str(digest), float(at), str(entry.get("endpoint", "")))
