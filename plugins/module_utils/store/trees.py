# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of manifests that nothing is left in."""

from __future__ import annotations

import os

from ..core.names import ModelName
from .layout import ModelTree


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
