# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exporter as a program: ``exporter.pyz FILE`` serves until it is stopped."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from wsgiref.simple_server import WSGIServer

from ..core.errors import CorralError
from ..core.exporter_config import Config, config_from
from ..store.files import os_errors, read_plain
from .collector import FleetCollector
from .web import app_for, server_for

_LIMIT = 4 * 1024 * 1024


def main(arguments: Sequence[str], version: str) -> int:
    """2 for what only a person can mend, with one line that says what."""
    try:
        if len(arguments) != 1:
            raise CorralError("Give one argument: the file that the role corral.ollama.exporter wrote.")
        server = serving(read_config(arguments[0]), version)
    except CorralError as error:
        say(str(error))
        return 2
    say(f"serving on {server.server_name} port {server.server_port}")
    server.serve_forever()
    return 0


def read_config(path: str) -> Config:
    """Raises CorralError for a file that is not there, or not one of ours."""
    with os_errors("read", path):
        raw = read_plain(path, _LIMIT)
    try:
        return config_from(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise CorralError(f"{path} is no JSON: {error}.", remedy="Run the role corral.ollama.exporter.") from error


def serving(config: Config, version: str) -> WSGIServer:
    """The server, bound, with everything behind it."""
    app = app_for(FleetCollector(config, version, say))
    with os_errors("listen on", f"{config.address} port {config.port}"):
        return server_for(config.address, config.port, app)


def say(text: str) -> None:
    """A line for the journal, whatever is in it."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    sys.stderr.write(shown.encode("ascii", "backslashreplace").decode("ascii") + "\n")
    sys.stderr.flush()
