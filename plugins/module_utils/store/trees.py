# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories of a model tree: whether it is one, and those that nothing is left in."""

from __future__ import annotations

import os
import stat

from ..core.errors import CorralError
from ..core.names import ModelName
from .files import lstat, os_errors, what_is
from .layout import ModelTree


def require_tree(tree: ModelTree) -> tuple[tuple[str, os.stat_result], ...]:
    """Its own directory, ``blobs/`` and ``manifests/`` as they are; raises ``no_store`` unless all are directories."""
    seen = []
    with os_errors("look at", tree.root):
        for path in (tree.root, tree.blobs, tree.manifests):
            found = lstat(path)
            if found is None or not stat.S_ISDIR(found.st_mode):
                what = "does not exist" if found is None else f"is {what_is(found.st_mode)}, not a directory"
                raise CorralError(
                    f"{tree.root} is no model store: {path} {what}.",
                    kind="no_store",
                    remedy="Give the directory that holds blobs/ and manifests/.",
                    path=tree.root,
                )
            seen.append((path, found))
    return tuple(seen)


def remove_empty_parents(tree: ModelTree, name: ModelName) -> str:
    """The directories of a manifest that is gone, as far as they are empty. Returns the deepest that stays."""
    path = os.path.dirname(tree.manifest(name))
    while path != tree.manifests:
        try:
            os.rmdir(path)
        except FileNotFoundError:
            pass
        except OSError:
            return path
        path = os.path.dirname(path)
    return path
