# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether all instances are the same, and what was declared: images, versions, environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .digests import sha256_bytes
from .verify_finding import NOTE, PROBLEM, WARNING, VerifyFinding

#: What every instance gets besides what a user wants: without it, it would prune the store, or not be reached.
MODELS_DIR = "/root/.ollama/models"
_APPLY = "Run the playbook rolling_restart."
_ROLLING = "A rollout is under way; look again when it is through."


def image_findings(
    rows: Iterable[Mapping[str, Any]], declared: str, declared_id: str, rolling: Collection[str]
) -> list[VerifyFinding]:
    """``declared_id``: what the declared image is on the host now, "" where it is not there (then its name counts).
    ``rolling``: the instances that a rollout which is under way has yet to finish."""
    found = []
    for row in rows:
        name, image, runs = str(row["name"]), str(row["image"]), str(row["image_digest"])
        if not declared or (runs == declared_id if declared_id else image == declared):
            continue
        if image == declared:
            what = f"the image {runs[:12]}, and {declared} is {declared_id[:12]} on this host now"
        else:
            what = f"{image} ({runs[:12]}), and {declared} is declared"
        found.append(_skewed("image_skew", f"{name} runs {what}.", name, rolling))
    return found


def version_findings(
    versions: Mapping[str, str], told: Collection[str], rolling: Collection[str]
) -> list[VerifyFinding]:
    """``versions``: what the servers say, by instance, "" left out. ``told``: of whose image something is said."""
    known = {name: version for name, version in versions.items() if version}
    counts = Counter(known.values())
    if len(counts) < 2:
        return []
    usual, often = counts.most_common(1)[0]
    found = []
    for name, version in known.items():
        if version != usual and name not in told:
            text = f"{name} is of version {version}, and {often} of {len(known)} instances are of {usual}."
            found.append(_skewed("version_skew", text, name, rolling))
    return found


def environment_findings(
    name: str,
    environment: Mapping[str, str],
    of_image: Mapping[str, str],
    declared: Mapping[str, str],
    rolling: Collection[str],
) -> list[VerifyFinding]:
    """``environment`` is what the container really has; ``declared``: by name, the SHA-256 of the value (hex). Values
    are secrets: a message has names only. ``of_image``: what the image itself sets."""
    missing = [key for key in declared if key not in environment]
    others = [key for key in declared if key in environment and fingerprint(environment[key]) != declared[key]]
    found = []
    if missing or others:
        parts = [f"{', '.join(missing)} missing" if missing else "", f"{', '.join(others)} different" if others else ""]
        text = f"{name} runs without the declared environment: {', '.join(part for part in parts if part)}."
        found.append(_skewed("environment", text, name, rolling))
    store = environment.get("OLLAMA_MODELS", MODELS_DIR).strip().strip("\"'")
    if "OLLAMA_MODELS" not in declared and store.rstrip("/") != MODELS_DIR:
        text = f"{name} runs with OLLAMA_MODELS set, so it does not read the shared store. {_APPLY}"
        found.append(VerifyFinding("environment", PROBLEM, text, name))
    more = [key for key in environment if key.startswith("OLLAMA_") and key not in declared and key != "OLLAMA_MODELS"]
    more = [key for key in more if of_image.get(key) != environment[key]]
    if more:
        text = f"{name} runs with {', '.join(sorted(more))}, which nobody declared (corral_environment). {_APPLY}"
        found.append(VerifyFinding("environment", NOTE if name in rolling else WARNING, text, name))
    return found


def fingerprint(value: str) -> str:
    """By this a declared value reaches the host, where it is compared: the value itself does not have to."""
    return sha256_bytes(value.encode("utf-8", "surrogatepass"))


def _skewed(check: str, text: str, name: str, rolling: Collection[str]) -> VerifyFinding:
    if name in rolling:
        return VerifyFinding(check, NOTE, f"{text} {_ROLLING}", name)
    return VerifyFinding(check, PROBLEM, f"{text} {_APPLY}", name)
