# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory means, and what of it cannot be deployed."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_plan import fleet_plan, stats_of
from ansible_collections.corral.ollama.plugins.module_utils.core.plan_table import plan_table
from ansible_collections.corral.ollama.tests.unit.planned import AT, INVENTORIES, host, plan


def test_one_host():
    made = plan("one host")
    assert (made["ok"], made["problems"]) == (True, [])
    row = made["hosts"][0]
    assert row["instances"][1] == {
        "name": "ollama-server-2",
        "port": 11435,
        "url": "http://127.0.0.1:11435",
        "container": "ollama-ollama-server-2",
        "data_volume": "ollama_data_2",
        "gpus": [],
        "residents": [],
    }
    assert (row["instances_by"], row["gpus_by"], row["gpu_runtime"]) == ("inventory", "none", "nvidia")
    assert row["models"] == [{"name": "mistral:7b", "state": "present", "digest": ""}]
    assert stats_of(made) == {"ok": True, "hosts": 1, "instances": 2, "gpus": 0, "models": 1, "problems": 0}


def test_what_the_host_decides_is_said_to_be_so():
    rows = {row["host"]: row for row in plan("kinds")["hosts"]}
    assert (rows["b1"]["instances"], rows["b1"]["instances_by"], rows["b1"]["gpus_by"]) == ([], "host", "host")
    assert rows["b1"]["residents"] == ["mistral:7b"]
    assert [one["gpus"] for one in rows["b2"]["instances"]] == [["auto"]] * 3
    assert [one["gpus"] for one in rows["c1"]["instances"]] == [["all"]] * 2
    assert rows["c1"]["gpu_runtime"] == "devices"
    assert plan("kinds")["summary"] == {"hosts": 6, "instances": 11, "gpus": 6, "models": 1, "problems": 0}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("h1", "corral_instance_count is 0"),
        ("h2", "corral_gpus cannot be read: 'x'"),
        ("h2", "MISTRAL:7b was declared already"),
        ("h3", "is to be resident on ollama-server-9, and this host has ollama-server-1, ollama-server-2"),
        ("h4", "corral_gpus names GPU-1"),
        ("h5", "by the runtime 'runc'"),
        ("h7", "it has the address 10.0.0.1 and the port 12001 of h6"),
        ("h8", "corral_base_port 0"),
        ("h8", "residents entry 1"),
    ],
)
def test_what_cannot_be_deployed_is_said_with_its_host(name, said):
    problems = plan("wrong")["problems"]
    assert [text for text in problems if text.startswith(f"{name}: ") and said in text], problems


def test_everything_wrong_is_said_once_and_the_rest_is_planned():
    made = plan("wrong")
    assert made["ok"] is False
    assert len(made["problems"]) == len(set(made["problems"])) == 9
    assert [len(row["instances"]) for row in made["hosts"]] == [0, 0, 2, 2, 2, 2, 2, 0]


def test_an_empty_play_is_a_problem():
    assert plan("nobody")["problems"] == ["The play has no host: nothing is planned."]


@pytest.mark.parametrize("about", INVENTORIES)
@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits(about, width):
    table = plan_table(plan(about), width)
    assert max(map(len, table.splitlines())) <= width
    assert all(name in table for name in INVENTORIES[about])


def test_hosts_that_are_alike_are_told_once():
    table = plan_table(plan("kinds"))
    assert "\na1, a2\n" in table
    assert table.count("ollama-server-1 ") == 4
    assert "An instance for each GPU, from port 11434 on; the host says how many; resident: mistral:7b." in table
    assert "mistral:7b at aaaaaaaaaaaa" in table
    assert "llava:7b (absent)" in table
    assert table.startswith(
        "Plan for 6 hosts, 11 instances, 1 model, 1 host with an instance for each GPU: no host was"
    )
    assert "✗ h1: corral_instance_count is 0" in plan_table(plan("wrong"))


def test_two_hundred_hosts_of_one_kind_are_one_table():
    made = fleet_plan({f"gpu-{number:03}": host(instance_count=8, gpus=list(range(8))) for number in range(200)}, AT)
    assert (made["summary"]["instances"], made["summary"]["gpus"]) == (1600, 1600)
    assert len(plan_table(made).splitlines()) < 50
