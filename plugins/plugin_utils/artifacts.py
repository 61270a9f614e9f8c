# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the controller for people and for other programs: whole or not there, and never a late surprise."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from typing import Any

from ..module_utils.core.errors import CorralError

REPORT = "fleet.json"
PAGE = "fleet.html"


class Unwritable(CorralError):
    """The artifacts directory cannot take a file."""

    kind = "artifacts_unwritable"


def report_path(directory: str, name: str = REPORT) -> str:
    """Of the report; a relative directory is below the folder from which the playbook is run."""
    return os.path.join(os.path.abspath(os.path.expanduser(directory)), name)


def check_writable(directory: str, name: str = REPORT) -> None:
    """Raise Unwritable unless the report could be written there; leaves nothing behind, not even the directory."""
    path = report_path(directory, name)
    if os.path.isdir(path):
        raise _unwritable(directory, f"{path} is a directory")
    folder = os.path.dirname(path)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    try:
        # Only writing shows a full disk, a quota or a read-only mount to root.
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b" " * 4096)
    except OSError as error:
        raise _unwritable(directory, f"{folder}: {error.strerror or error}") from error


def write_report(directory: str, report: Mapping[str, Any], name: str = REPORT) -> str:
    """Write the report in one step and return its path."""
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    # Half a character, which an answer can bring along and UTF-8 cannot hold, becomes the escape that JSON has for it.
    return write_text(directory, text.encode("utf-8", "backslashreplace").decode("utf-8"), name)


def write_text(directory: str, text: str, name: str) -> str:
    """Write any file of the directory in one step and return its path."""
    path = report_path(directory, name)
    try:
        write_whole(path, text)
    except OSError as error:
        raise _unwritable(directory, error.strerror or str(error)) from error
    return path


def read_report(directory: str, name: str = REPORT) -> Any:
    """What was written there last; None where nothing is, or nothing that can be read."""
    try:
        with open(report_path(directory, name), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError):
        return None


def write_whole(path: str, text: str) -> None:
    """The file has the old text or the new one, never a part of it; raises OSError."""
    temporary = ""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path), delete=False, encoding="utf-8") as file:
            temporary = file.name
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _unwritable(directory: str, why: str) -> Unwritable:
    folder = os.path.dirname(report_path(directory))
    return Unwritable(
        f"The artifacts directory {folder} on the controller cannot be written: {why}.",
        remedy="Set corral_artifacts_dir to a directory that this user may write.",
        path=report_path(directory),
    )
