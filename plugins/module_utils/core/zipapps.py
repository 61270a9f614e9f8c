# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that are made from this collection's own code, for hosts that run them without Ansible."""

from __future__ import annotations

from typing import Any

#: By name: the module below module_utils whose main(arguments, version) is the program.
APPS = {"exporter": "exporter.main"}

OPTIONS: dict[str, dict[str, Any]] = {
    "app": {"type": "str", "choices": sorted(APPS), "default": "exporter"},
    "dest": {"type": "path", "required": True},
    "mode": {"type": "str", "default": "0644"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
}


def starter(package: str, module: str, version: str) -> str:
    """The text of __main__.py."""
    return f"import sys\n\nfrom {package}.{module} import main\n\nsys.exit(main(sys.argv[1:], {version!r}))\n"
