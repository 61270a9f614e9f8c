# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The maps of a running gateway, exchanged as a whole: the old one counts until the new one is complete."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from .cli import ADMIN, Cli
from .errors import GatewayError

_PATH = re.compile(r"[A-Za-z0-9_./-]{1,512}")
_WORD = re.compile(r"[A-Za-z0-9_.:/@=+~-]{1,512}")
_LINE = re.compile(r"-?\d+ \((?P<path>[^)]+)\)")
_VERSION = re.compile(r"New version created: (\d+)")
_REMEDY = "Nothing has changed for the clients. Look at the gateway's log (docker logs), and run again."


class Maps:
    """What ``show map``, ``prepare map``, ``add map`` and ``commit map`` do, each reply looked at."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli

    def find(self, file: str) -> str:
        """The path by which the running configuration knows the map ``file``; "" when it does not use it."""
        found = (_LINE.match(line) for line in self._cli.ask(ADMIN, "show map").splitlines())
        paths = [match["path"] for match in found if match and os.path.basename(match["path"]) == file]
        return paths[0] if paths else ""

    def entries(self, path: str) -> list[tuple[str, str]]:
        """Keys and values in the order in which they count; a key may be there twice."""
        reply = self._ask(f"show map {_checked(path, _PATH)}")
        lines = [line.split(" ", 2) for line in reply.splitlines() if line]
        if any(len(words) != 3 or not words[0].startswith("0x") for words in lines):
            raise self._refused(path, "it answers with something that is no list of entries")
        return [(key, value) for _pointer, key, value in lines]

    def replace(self, path: str, wanted: Mapping[str, str]) -> None:
        """Let the map hold exactly ``wanted``. Killed in the middle, it is as it was."""
        _checked(path, _PATH)
        pairs = [(_checked(key, _WORD), _checked(value, _WORD)) for key, value in wanted.items()]
        reply = self._ask(f"prepare map {path}")
        version = _VERSION.match(reply)
        if version is None:
            raise self._refused(path, reply)
        for key, value in pairs:
            self._done(path, self._ask(f"add map @{version[1]} {path} {key} {value}"))
        self._done(path, self._ask(f"commit map @{version[1]} {path}"))
        found = self.entries(path)
        if sorted(found) != sorted(pairs):
            raise self._refused(path, f"{len(found)} entries instead of {len(pairs)} after the exchange")

    def _ask(self, command: str) -> str:
        return self._cli.ask(ADMIN, command)

    def _done(self, path: str, reply: str) -> None:
        if reply.strip():
            raise self._refused(path, reply)

    def _refused(self, path: str, words: str) -> GatewayError:
        told = words.strip().splitlines()[0][:200] if words.strip() else "an empty reply"
        return GatewayError(f"The gateway refuses to change its map {path}: {told}.", remedy=_REMEDY, map=path)


def _checked(text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise GatewayError("An entry or the path of a map has characters that no command may have.", kind="bad_entry")
    return text
