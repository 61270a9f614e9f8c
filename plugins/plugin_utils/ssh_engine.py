# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine on another machine, asked by the ``docker`` that is there, over the ``ssh`` that is here.

OpenSSH reads the user's own configuration, so keys, jump hosts and shared connections work as everywhere else; the
Docker SDK would need paramiko for it, and would wait for a password for ever.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from ..module_utils.core.engine_address import EngineAddress
from ..module_utils.core.errors import CorralError

_ID = re.compile(r"[0-9a-f]{12,64}")
# More than any host has: each of them becomes a word of one command.
_MOST = 1000


def inspected(engine: EngineAddress, labels: list[str], timeout: float) -> list[dict[str, Any]]:
    """The containers that carry the labels, as ``docker inspect`` prints them."""
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    listed = _asked(engine, ["docker", "ps", "--all", "--quiet", "--no-trunc", *filters], timeout)
    names = [line.strip() for line in listed.split("\n") if line.strip()]
    if len(names) > _MOST or not all(_ID.fullmatch(name) for name in names):
        raise _error(engine, f"`docker ps` printed {listed[:200]!a}")
    if not names:
        return []
    # One that was removed meanwhile is left out of what is printed.
    printed = _asked(engine, ["docker", "inspect", "--type", "container", *names], timeout, gone="No such container")
    try:
        found = json.loads(printed)
    except (ValueError, RecursionError) as error:
        raise _error(engine, f"`docker inspect` printed no JSON ({error})") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _error(engine, "`docker inspect` printed no list of containers")
    return found


def _asked(engine: EngineAddress, words: list[str], timeout: float, gone: str = "") -> str:
    """What a command prints there. The words are constants, checked labels and checked ids: none needs quoting."""
    login = ["-p", str(engine.port)] if engine.port else []
    login += ["-l", engine.user] if engine.user else []
    options = ["-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(timeout))}"]
    command = ["ssh", *options, *login, "--", engine.host, *words]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False, encoding="utf-8"
        )
    except FileNotFoundError as error:
        raise _error(engine, "this controller has no command ssh") from error
    except subprocess.TimeoutExpired as error:
        raise _error(engine, f"no answer within {timeout:g} seconds") from error
    except UnicodeDecodeError as error:
        raise _error(engine, "what it printed is no text") from error
    if told.returncode and not (gone and gone in told.stderr):
        raise _error(engine, " ".join(told.stderr.split())[-400:] or f"ssh ended with {told.returncode}")
    return told.stdout


def _error(engine: EngineAddress, why: str) -> CorralError:
    user = f"{engine.user}@" if engine.user else ""
    port = f"-p {engine.port} " if engine.port else ""
    return CorralError(
        f"The Docker engine at {engine.url} cannot be asked: {why}.",
        kind="engine_not_answering",
        remedy=f"See that `ssh {port}{user}{engine.host} docker ps` works without a question.",
        engine=engine.url,
    )
