# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One model on one host: what is wanted, what is in the store, what the instances list, what the registry serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .columns import counted
from .declared import Declared
from .errors import CorralError
from .lockfile import Locked
from .names import parse_name


@dataclass(frozen=True)
class Seen:
    """``listed``: the digest that each answering instance lists, "" for none. ``remote``: "" where it is not known."""

    host: str
    model: Declared
    pin: Locked | None
    digest: str
    complete: bool
    listed: Mapping[str, str]
    remote: str
    newer: bool
    bytes_to_update: int
    forged: bool

    @property
    def wanted(self) -> str:
        """The digest that counts, empty where nothing is pinned."""
        return self.pin.digest if self.pin else self.model.digest or ""


def seen_of(
    host: str, model: Declared, row: Mapping[str, Any], servers: Iterable[Mapping[str, Any]], pin: Locked | None
) -> Seen:
    """From a row of ``store_info`` (empty: nothing is known) and the servers of ``model_info`` that answered."""
    here, there = _content(row.get("layers")), _content(row.get("target_layers"))
    digest = str(row.get("digest") or "")
    locked = [(blob.digest, blob.size) for blob in pin.layers] if pin else []
    newer = bool(there and here and there != here)
    return Seen(
        host=host,
        model=model,
        pin=pin,
        digest=digest,
        complete=bool(row.get("complete")),
        listed={str(server["name"]): _listed(server, model) for server in servers},
        remote=str(row.get("target_digest") or "") if there else "",
        newer=newer,
        bytes_to_update=int(row.get("bytes_to_update") or 0) if newer else 0,
        # A digest stands for its manifest, which names the layers: a lock that says otherwise was edited.
        forged=bool(pin and here and pin.digest == digest and locked != here),
    )


def judge(one: Seen, apart: str) -> dict[str, Any]:
    """The row of the report. ``apart``: why the hosts disagree about this model, where nothing is pinned."""
    verdict, reason = _verdict(one, apart)
    agreeing = [digest for digest in one.listed.values() if digest and digest == (one.wanted or one.digest)]
    return {
        "host": one.host,
        "model": one.model.name.display,
        "state": one.model.state,
        "lock": one.pin.digest if one.pin else "",
        "wanted": one.wanted,
        "store": one.digest,
        "complete": one.complete,
        "instances": {"asked": len(one.listed), "agree": len(agreeing), "listed": dict(one.listed)},
        "registry": one.remote,
        "bytes_to_update": one.bytes_to_update,
        "verdict": verdict,
        "reason": reason,
    }


def _verdict(one: Seen, apart: str) -> tuple[str, str]:
    if one.model.state == "absent":
        return _verdict_absent(one)
    if not one.digest:
        return "missing", "it is not in the store. Run the playbook corral.ollama.site."
    if not one.complete:
        return "missing", "blobs of it are missing in the store. See the module corral.ollama.digest_check."
    if one.wanted and one.digest != one.wanted:
        whose = "the lock pins it to" if one.pin else "it is declared with"
        text = f"the store has {one.digest[:12]}, and {whose} {one.wanted[:12]}"
        return "differs", f"{text}. Run the playbook corral.ollama.site."
    if one.forged:
        return "differs", "the lock's layers are not those of its manifest. Get the lock back from version control."
    lacking = [name for name, digest in one.listed.items() if not digest]
    if lacking:
        return "missing", f"{_some(lacking)} does not list it. Restart what stays so, after corral.ollama.verify."
    others = [f"{name}: {digest[:12]}" for name, digest in one.listed.items() if digest != one.digest]
    if others:
        text = f"instances list another digest than the store's {one.digest[:12]} ({_some(others)})"
        return "differs", f"{text}. Restart them."
    if apart:
        return "differs", apart
    if one.newer:
        return "outdated", f"the registry now serves {one.remote[:12]}."
    return "ok", ""


def _verdict_absent(one: Seen) -> tuple[str, str]:
    there = [name for name, digest in one.listed.items() if digest]
    if one.digest or there:
        where = "the store" if one.digest else counted(len(there), "instance")
        return "differs", f"it is declared absent, and still in {where}. Run the playbook corral.ollama.site."
    return "ok", ""


def _listed(server: Mapping[str, Any], model: Declared) -> str:
    for entry in server.get("models") or ():
        try:
            if parse_name(entry["name"]).key == model.name.key:
                return str(entry.get("digest") or "")
        except CorralError:
            continue
    return ""


def _content(layers: Any) -> list[tuple[str, int]]:
    """Two manifests of the same content may have different digests: an Ollama before 0.19 wrote them anew."""
    return [(str(layer["digest"]), int(layer["size"])) for layer in layers or ()]


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
