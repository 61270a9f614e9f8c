# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share; each dictionary is documented by ``options.<name>`` in doc_fragments."""

from __future__ import annotations

from typing import Any

Spec = dict[str, dict[str, Any]]

STORE: Spec = {"path": {"type": "path", "required": True}}

LEASE: Spec = {"lease_token": {"type": "str", "required": True, "no_log": False}}

PROJECT: Spec = {"project": {"type": "str", "default": "ollama"}}

ENGINE: Spec = {"engine_timeout": {"type": "float", "default": 60.0}}

GATEWAY: Spec = {
    "run_dir": {"type": "path", "required": True},
    "timeout": {"type": "float", "default": 10.0},
}

ROLLOUT: Spec = {
    "rollout_path": {"type": "path", "required": True},
    "audit_path": {"type": "path", "required": True},
    "token": {"type": "str", "default": "", "no_log": False},
}

REGISTRY: Spec = {
    "registry_endpoints": {"type": "dict", "default": {}},
    "registry_ca_path": {"type": "path"},
    "registry_timeout": {"type": "float", "default": 30.0},
}

SERVER: Spec = {
    "url": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 30.0},
}

SERVERS: Spec = {
    "servers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
        },
    },
    "concurrency": {"type": "int", "default": 16},
}

RECHECKS: Spec = {
    "rechecks": {"type": "int", "default": 3},
    "recheck_delay": {"type": "float", "default": 0.25},
}

PROGRESS: Spec = {"progress_path": {"type": "path"}}

PULL: Spec = {
    "stall_timeout": {"type": "float", "default": 120.0},
    "retries": {"type": "int", "default": 3},
    "backoff": {"type": "float", "default": 1.0},
    **PROGRESS,
}


def merged(*specs: Spec) -> Spec:
    """One argument spec out of several; a later one wins, and none is shared with the caller."""
    return {name: dict(option) for spec in specs for name, option in spec.items()}
