# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listening TCP sockets of the host, straight from the kernel."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..core.host import Listener

PROC = Path("/proc")
_LISTEN = "0A"
_FIELDS = 10


def listeners(wanted: Iterable[int], known: Iterable[int] = (), proc: Path = PROC) -> tuple[Listener, ...]:
    """Listening sockets on the wanted ports; which process has one is looked up only where nothing else knows."""
    ports, explained = set(wanted), set(known)
    found = [
        entry for table in ("net/tcp", "net/tcp6") for entry in parse_sockets(_read(proc / table)) if entry[1] in ports
    ]
    open_questions = {inode for _address, port, inode in found if port not in explained}
    processes = _processes(open_questions, proc) if open_questions else {}
    return tuple(Listener(address, port, processes.get(inode, "")) for address, port, inode in found)


def bindable(address: str) -> bool:
    """Whether this host has the address; an unreadable one is judged elsewhere."""
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
        return True
    except ValueError:
        return True
    except OSError as error:
        return error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def parse_sockets(text: str) -> list[tuple[str, int, str]]:
    """(address, port, inode) of each listening socket in the text of /proc/net/tcp or tcp6."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= _FIELDS and fields[3] == _LISTEN:
            address, _colon, port = fields[1].partition(":")
            found.append((_address(address), int(port, 16), fields[9]))
    return found


def _address(text: str) -> str:
    """The kernel prints the address as 32-bit words in the byte order of the machine."""
    words = [int(text[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _processes(inodes: set[str], proc: Path) -> Mapping[str, str]:
    """inode → "name (pid N)", as far as this user may look."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, str] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        for target in _targets(entry / "fd"):
            if target in wanted:
                found[wanted[target]] = f"{_read(entry / 'comm').strip()} (pid {entry.name})"
        if len(found) == len(inodes):
            break
    return found


def _targets(folder: Path) -> list[str]:
    targets = []
    try:
        for name in os.listdir(folder):
            targets.append(os.readlink(folder / name))
    except OSError:
        # The process ended meanwhile, or belongs to somebody else.
        pass
    return targets


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
