# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrupt weights: no answer tells of them, so a scrub has to."""

from __future__ import annotations

import json
import os
import time

from faults import EMBEDDING, Fault, Seen, Sign
from watched import Watched

KIND = "wrong_hash"
CORRUPT = Fault(
    "corrupt weights", "", {}, Sign("corral_store_findings", {"kind": KIND}), {"CorralStoreDamaged": {"kind": KIND}},
    (EMBEDDING, "damaged"),
)  # fmt: skip


def corrupt(watched: Watched) -> tuple[float, Seen]:
    """One bit of the weights, in place, and the scrub that finds it. Time counts from the end of the scrub: how long
    before it the damage was done is for the schedule to say."""
    name, _colon, tag = EMBEDDING.partition(":")
    manifest = watched.store / "manifests/registry.ollama.ai/library" / name / tag
    layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
    digest = next(layer["digest"] for layer in layers if layer["mediaType"].endswith("image.model"))
    with open(watched.store / "blobs" / digest.replace(":", "-"), "r+b") as file:
        file.seek(-100, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    done = watched.run("scrub")
    if done.rc == 0:
        raise AssertionError(f"the scrub found nothing:\n{done.output[-3000:]}")
    return time.monotonic(), Seen()
