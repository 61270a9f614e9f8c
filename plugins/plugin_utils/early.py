# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads this collection's filters while nothing has been forked yet.

Ansible gives each task of each host a worker of its own, forked from its main process and gone with the task. The main
process loads action plugins and nothing else; so every worker that meets one of these filters would read and compile
all of them anew, with what they use of core, which is more work than most of what it was forked for. What the main
process has loaded, every worker has. An action plugin that comes early in a play calls this when it is imported.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ansible.plugins.loader import filter_loader

FILTERS = Path(__file__).resolve().parent.parent / "filter"


def load_filters() -> None:
    """Without a word if one cannot be loaded: whoever needs it is told why."""
    for path in sorted(FILTERS.glob("[!_]*.py")):
        with contextlib.suppress(Exception):
            filter_loader.get(f"corral.ollama.{path.stem}")
