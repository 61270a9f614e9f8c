# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker engines by their addresses, as an inventory of instances names them, and how to log in where they run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .declared import BadInput

TLS = ("ca_path", "client_cert", "client_key")
_KEYS = {"url", "name", *TLS}
# None of it may begin with a dash: user and host become words of a command line.
_URL = re.compile(
    r"(?P<kind>ssh|tcp)://(?:(?P<user>\w[\w.-]{0,63})@)?(?P<host>\w[\w.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)
_SOCKET = re.compile(r"unix://(?P<path>/[!-~]{1,200})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
_FORMS = "unix:///var/run/docker.sock, ssh://user@host or tcp://host:2376"


@dataclass(frozen=True)
class EngineAddress:
    """One engine. ``kind`` is unix, ssh or tcp; ``port`` is 0 where the address has none, ``host`` has no brackets."""

    name: str
    url: str
    kind: str
    host: str = ""
    port: int = 0
    user: str = ""
    tls: tuple[str, ...] = ()

    def login(self) -> dict[str, Any]:
        """The variables with which Ansible reaches the machine of the engine."""
        if self.kind == "unix":
            return {"ansible_connection": "local"}
        found: dict[str, Any] = {"ansible_host": self.host}
        if self.kind == "ssh" and self.port:
            found["ansible_port"] = self.port
        if self.kind == "ssh" and self.user:
            found["ansible_user"] = self.user
        return found


def parse_engines(entries: Any) -> tuple[EngineAddress, ...]:
    """Each entry is an address or a mapping with ``url`` and more; every engine has a name of its own."""
    if isinstance(entries, (str, Mapping)) or not isinstance(entries, Sequence) or not entries:
        raise BadInput("docker_hosts is no list of engines.", remedy=f"Name at least one, such as {_FORMS}.")
    found = tuple(_engine(entry) for entry in entries)
    names = [engine.name for engine in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(
            f"docker_hosts has {twice[0]} twice.", remedy="Give one of them another name: {url: ..., name: ...}."
        )
    return found


def _engine(entry: Any) -> EngineAddress:
    known = dict(entry) if isinstance(entry, Mapping) else {"url": entry}
    strange = sorted(str(key) for key in set(known) - _KEYS)
    if strange or not all(isinstance(value, str) for value in known.values()):
        raise BadInput(
            f"An entry of docker_hosts has {ascii(strange[0])[:60] if strange else 'a value that is no text'}.",
            remedy=f"Use an address, or a mapping of {', '.join(sorted(_KEYS))}.",
        )
    url = known.get("url", "")
    socket, remote = _SOCKET.fullmatch(url), _URL.fullmatch(url)
    if remote is None and socket is None:
        raise BadInput(f"docker_hosts has {ascii(url)[:200]}.", remedy=f"Use {_FORMS}.", url=url[:200])
    tls = tuple(known.get(key, "") for key in TLS)
    if any(tls) and (remote is None or remote["kind"] != "tcp"):
        raise BadInput(f"{url} has certificates, and only tcp:// uses them.", remedy="Leave them out.", url=url)
    if remote is None:
        return EngineAddress(_named(known, "localhost"), url, "unix")
    host, port = remote["host"].strip("[]"), int(remote["port"] or 0)
    if port > 65535 or (remote["kind"] == "tcp" and not port):
        raise BadInput(f"docker_hosts has {url}.", remedy="Give it the engine's port, 1 to 65535.", url=url)
    name = _named(known, host.replace(":", "-").strip("-"))
    return EngineAddress(name, url, remote["kind"], host, port, remote["user"] or "", tls if any(tls) else ())


def _named(entry: Mapping[str, str], name: str) -> str:
    name = entry.get("name", "") or name
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"The name {ascii(name)[:100]} is none for a host of an inventory.",
            remedy="Use letters, digits, `_`, `.` and `-`.",
        )
    return name
