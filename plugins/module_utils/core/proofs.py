# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was proven once: that an instance, running an image, really answered with the bytes of a model, and when; and
what failed when it was last asked, so that whoever only looks can tell."""

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

    ``at`` is in Unix seconds; ``endpoint`` is how it answered, ``seconds`` how long that took (0: not known).
    """

    instance: str
    image: str
    model: str
    digest: str
    at: float
    endpoint: str = ""
    seconds: float = 0.0

    @property
    def key(self) -> ProofKey:
        return (self.instance, self.image, self.model, self.digest)


@dataclass(frozen=True)
class Failure:
    """The same for one that did not answer; ``kind`` says how. The next proof, or 90 days, takes it away."""

    instance: str
    image: str
    model: str
    digest: str
    at: float
    kind: str = ""

    @property
    def key(self) -> ProofKey:
        return (self.instance, self.image, self.model, self.digest)


Proofs = Mapping[ProofKey, Proof]
Failures = Mapping[ProofKey, Failure]


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


def still_failing(failures: Failures, proven: Iterable[Proof], failed: Iterable[Failure], now: float) -> Failures:
    """The same for what failed: a proof ends it."""
    kept = {**failures, **{failure.key: failure for failure in failed}}
    for proof in proven:
        kept.pop(proof.key, None)
    return {key: failure for key, failure in kept.items() if abs(now - failure.at) <= KEEP_SECONDS}


def dumped(proofs: Proofs, failures: Failures) -> str:
    """The text of the file that remembers them."""
    entries = [asdict(proofs[key]) for key in sorted(proofs)]
    wrong = [asdict(failures[key]) for key in sorted(failures)]
    return json.dumps({"schema": SCHEMA, "proofs": entries, "failures": wrong}, indent=1) + "\n"


def loaded(text: str) -> Proofs:
    """The proofs of such a file; raises ValueError when it is damaged or of another schema."""
    entries = _document(text).get("proofs")
    if not isinstance(entries, list):
        raise ValueError("it has no list of proofs")
    proofs = [_proof(entry) for entry in entries]
    return {proof.key: proof for proof in proofs}


def loaded_failures(text: str) -> Failures:
    """What failed, of such a file; one that was written before failures were remembered has none."""
    entries = _document(text).get("failures")
    known = [_failure(entry) for entry in entries] if isinstance(entries, list) else []
    return {failure.key: failure for failure in known}


def _document(text: str) -> dict[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is not of the schema {SCHEMA}")
    return document


def _proof(entry: Any) -> Proof:
    key, at = _head(entry)
    seconds = entry.get("seconds")
    took = float(seconds) if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) else 0.0
    return Proof(*key, at, str(entry.get("endpoint", "")), took)


def _failure(entry: Any) -> Failure:
    key, at = _head(entry)
    return Failure(*key, at, str(entry.get("kind", "")))


def _head(entry: Any) -> tuple[ProofKey, float]:
    if not isinstance(entry, dict):
        raise ValueError(f"{str(entry)[:80]} is not a proof")
    instance, image, model, digest = (entry.get(name) for name in ("instance", "image", "model", "digest"))
    at = entry.get("at")
    texts = all(isinstance(text, str) for text in (instance, image, model, digest))
    if not texts or isinstance(at, bool) or not isinstance(at, (int, float)):
        raise ValueError(f"{str(entry)[:80]} is not a proof")
    return (str(instance), str(image), str(model), str(digest)), float(at)
