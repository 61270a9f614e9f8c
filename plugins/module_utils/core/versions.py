# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions of Ollama may serve one store together, and what each learnt when: seen with the real servers, or read
in their source and tracker."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .problems import Problem

# `ollama --version` without a server says the second; with one the first, and the second only where the two differ.
_SAYS = (
    re.compile(r"client version is (\S+)"),
    re.compile(r"ollama version is (\S+)"),
    re.compile(r"ollama version (\d\S*)"),
)
_VERSION = re.compile(r"v?(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?(?:[-+.]?([0-9A-Za-z][0-9A-Za-z.+-]*))?")
_EARLY = re.compile(r"(?:rc|alpha|beta|pre|dev)[0-9.]*\b", re.IGNORECASE)

Version = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rule:
    """What servers before ``since`` do on a store that they share; ``kind`` names the rule for good."""

    kind: str
    since: str
    text: str


#: Without these no fleet on a shared store is correct: an image that breaks one is refused.
REFUSED = (
    Rule("wedges_on_bad_manifest", "0.4.0", "stop working altogether when one manifest cannot be read"),
    Rule("ignores_noprune", "0.4.0", "prune although OLLAMA_NOPRUNE is set (ollama/ollama#6333)"),
    Rule(
        "lists_other_digests",
        "0.19.0",
        "write manifests anew, so that a model has another digest than in the registry and on the other instances",
    ),
)

#: What a downgrade gives up, for the warning.
LEARNT = (
    Rule("prunes_at_once", "0.21.0", "spare what is younger than an hour when they prune"),
    Rule("show_cache", "0.23.2", "keep what /api/show said"),
    Rule("list_cache", "0.30.0", "keep the list of models, and run models with llama-server"),
    Rule("inference_cache", "0.32.15", "keep what a model can do, so that damage is remembered until a restart"),
)


def parse_version(text: str) -> Version | None:
    """(major, minor, patch, 0 for a preview of it or 1), ``None`` for what is no version. 0.0.0 is one: a build of
    somebody's own."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        return None
    early = bool(found[4] and _EARLY.match(found[4]))
    return (int(found[1]), int(found[2]), int(found[3] or 0), 0 if early else 1)


def version_said(output: str) -> str:
    """The version in what ``ollama --version`` printed, "" without one."""
    for says in _SAYS:
        found = says.search(output)
        if found and parse_version(found[1]):
            return found[1]
    return ""


def is_release(version: str) -> bool:
    """Whether it tells what a server is: a build of somebody's own says 0.0.0."""
    parsed = parse_version(version)
    return parsed is not None and parsed[:3] != (0, 0, 0)


def older_than(version: str, since: str) -> bool:
    """Whether a version is before another; an unreadable one is before all."""
    return (parse_version(version) or (0, 0, 0, 0)) < (parse_version(since) or (0, 0, 0, 0))


def image_problems(image: str, version: str, running: Iterable[str] = ()) -> list[Problem]:
    """Why an image is not to be started on a shared store: one problem for each rule that its version breaks.

    ``running``: the versions that serve the store now, for the message.
    """
    serving = sorted(set(running))
    facts = {"image": image, "version": version, "running": serving}
    if not is_release(version):
        said = f"says that it is {version}" if version else "does not say which version of Ollama it is"
        return [
            Problem(
                "unknown_version",
                f"The image {image} {said}, and what it does to a shared store depends on it.",
                "If it is a build of your own, say which release it is made from: corral_image_version.",
                {**facts, "rule": "unknown_version"},
            )
        ]
    beside = f", and {_named(serving)} on this store" if serving else ""
    return [
        Problem(
            "version_skew",
            f"The image {image} is Ollama {version}{beside}: versions before {rule.since} {rule.text} ({rule.kind}).",
            f"Take an image of {REFUSED[-1].since} or later for a shared store.",
            {**facts, "rule": rule.kind, "since": rule.since},
        )
        for rule in REFUSED
        if older_than(version, rule.since)
    ]


def downgrade_warnings(image: str, version: str, running: Iterable[str]) -> list[str]:
    """One sentence for the newest version that serves now, if the image is an older one; nothing for unknown ones."""
    known = [text for text in set(running) if parse_version(text)]
    newest = max(known, key=lambda text: parse_version(text) or (0, 0, 0, 0), default="")
    if not newest or not parse_version(version) or not older_than(version, newest):
        return []
    lost = [rule for rule in LEARNT if older_than(version, rule.since) and not older_than(newest, rule.since)]
    text = "; ".join(f"those from {rule.since} on {rule.text}" for rule in lost)
    more = f" What is given up: {text}." if lost else ""
    return [f"The image {image} is Ollama {version}, and {newest} runs: a downgrade.{more}"]


def _named(versions: list[str]) -> str:
    return f"{' and '.join(versions)} {'serves' if len(versions) == 1 else 'serve'}"
