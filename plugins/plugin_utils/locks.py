# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lock is on the controller, what is in it, and how it gets there."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from typing import Any

import yaml

from ..module_utils.core.errors import CorralError
from ..module_utils.core.lockfile import MAX_LOCK_BYTES, Lock, bad_lock, parse_lock, render_lock
from .artifacts import write_whole

NAME = "corral.lock.yml"

# An alias can make a small file a huge value, and no lock has any.
_ANCHOR = re.compile(r"(?:^|[\s,\[{:-])&\S", re.MULTILINE)

# A template is evaluated many times in a task: what was read once is kept as long as the file is the same.
_read: dict[str, tuple[tuple[int, ...], Lock]] = {}


class _Strict(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML takes the last of two equal keys without a word; in a lock that is a merge gone wrong."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _value in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.MarkedYAMLError(problem=f"found {twice[0]!a} twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def lock_path(given: str, variables: Mapping[str, Any]) -> str:
    """The lock's absolute path: what was given, else next to the inventory, else in the current folder.

    An inventory that is a folder is read by Ansible file by file, and would take a lock in it for hosts and groups;
    there the lock lies in group_vars, which is not.
    """
    if given:
        return os.path.abspath(os.path.expanduser(given))
    folder = variables.get("inventory_dir")
    if not isinstance(folder, str) or not os.path.isdir(folder):
        return os.path.abspath(NAME)
    folder = os.path.abspath(folder)
    sources = variables.get("ansible_inventory_sources") or ()
    read_whole = any(_holds(str(source), folder) for source in sources)
    return os.path.join(folder, "group_vars", NAME) if read_whole else os.path.join(folder, NAME)


def read_lock(path: str) -> Lock:
    """The lock at ``path``, an empty one when there is none; raises BadLock for one that cannot be used."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise bad_lock(path, "it is a link that leads nowhere.") from None
        return Lock()
    except OSError as error:
        raise bad_lock(path, f"{error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise bad_lock(path, "it is no file.")
    if found.st_size > MAX_LOCK_BYTES:
        raise bad_lock(path, f"it has {found.st_size} bytes, and no lock has more than {MAX_LOCK_BYTES}.")
    stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    known = _read.get(path)
    if known is None or known[0] != stamp:
        known = _read[path] = (stamp, _parsed(path))
    return known[1]


def write_lock(path: str, lock: Lock) -> None:
    """Replace the lock in one step, a link's target where it is one."""
    try:
        write_whole(os.path.realpath(path), render_lock(lock))
    except OSError as error:
        raise CorralError(
            f"The lock {path} on the controller cannot be written: {error.strerror or error}.",
            kind="lock_unwritable",
            remedy="Set corral_lock_file to a file that this user may write.",
            path=path,
        ) from error


def _holds(source: str, folder: str) -> bool:
    source = os.path.abspath(source)
    return os.path.isdir(source) and os.path.commonpath([source, folder]) == source


def _parsed(path: str) -> Lock:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_LOCK_BYTES + 1)
        if _ANCHOR.search(text):
            raise bad_lock(path, "it has a YAML anchor, which no lock has.")
        document = yaml.load(text, Loader=_Strict)
    except OSError as error:
        raise bad_lock(path, f"{error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_lock(path, f"it is no YAML: {' '.join(str(error).split())[:200]}.") from error
    if not document:
        raise bad_lock(path, "it is empty.")
    return parse_lock(document, path)
