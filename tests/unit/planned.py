# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as the role plan hands them on, for the tests of the plan, of its table and of its schema."""

from __future__ import annotations

from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_plan import fleet_plan

AT = "2026-11-22T02:00:00Z"


def host(**changes: Any) -> dict[str, Any]:
    declared = {
        "address": "",
        "project": "ollama",
        "image": "ollama/ollama:0.32.15",
        "instance_count": 2,
        "base_port": 11434,
        "bind_address": "127.0.0.1",
        "gpus": [],
        "gpu_vendor": "nvidia",
        "gpu_runtime": "auto",
        "models": ["mistral:7b"],
        "residents": [],
        "store_volume": "ollama_models",
        "gateway": "127.0.0.1:11433",
    }
    return {**declared, **changes}


INVENTORIES: dict[str, dict[str, dict[str, Any]]] = {
    "one host": {"h1": host()},
    "nobody": {},
    "kinds": {
        "a1": host(gpus=[0, 1], residents=["mistral:7b"]),
        "a2": host(gpus=[0, 1], residents=["mistral:7b"]),
        "b1": host(gpus="auto", instance_count=0, residents=["mistral:7b"]),
        "b2": host(gpus="auto", instance_count=3, gateway=""),
        "c1": host(gpus="all", gpu_vendor="amd", models=[{"name": "mistral:7b", "digest": "a" * 64}]),
        "c2": host(gpus=["0:1", "1:0"], gpu_runtime="cdi", models=[{"name": "llava:7b", "state": "absent"}]),
    },
    "wrong": {
        "h1": host(instance_count=0),
        "h2": host(gpus=["x"], models=["mistral:7b", "MISTRAL:7b", "../etc"]),
        "h3": host(residents=[{"name": "mistral:7b", "instances": ["ollama-server-9"]}]),
        "h4": host(gpus=["GPU-1"], gpu_vendor="amd"),
        "h5": host(gpu_runtime="runc"),
        "h6": host(address="10.0.0.1", base_port=12000),
        "h7": host(address="10.0.0.1", base_port=12001),
        "h8": host(residents=[{"nam": 1}], base_port="many"),
    },
}


def plan(about: str) -> dict[str, Any]:
    return fleet_plan(INVENTORIES[about], AT)
