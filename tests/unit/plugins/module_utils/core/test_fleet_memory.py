# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs and memory in words: what is declared, what is seen, what is loaded where."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_memory import memory_table, share
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.tests.unit.paged import NOW, gpus, host, log, resident
from ansible_collections.corral.ollama.tests.unit.strict_page import Page

HALF = resident("big:70b", size=40_000_000_000, size_vram=20_000_000_000, expires="2026-11-22T10:05:00Z")


def report(**told):
    return fleet_report({"h": host(2, **told)}, NOW)


def lines(**told):
    return memory_table(report(**told), 100).splitlines()


def test_instances_that_are_alike_are_one_line():
    names = [f"ollama-server-{number}" for number in range(1, 9)]
    assert lines(residents={name: [resident()] for name in names}) == [
        "",
        "Memory of h",
        "  ollama-server-1 … ollama-server-8 (8)  mistral:7b (1.0 kB, 100% on GPU, context 4096, for ever)",
    ]


def test_each_says_what_it_has():
    told = {"ollama-server-1": [HALF, resident()], "ollama-server-2": []}
    assert lines(gpus=[gpus(1), gpus(2, seen=[], library="cpu")], residents=told)[2:] == [
        "  ollama-server-1  GPU 1, sees NVIDIA H100 79.6 GiB: big:70b (40.0 GB, 50% on GPU, context 4096,",
        "                   until 10:05Z); mistral:7b (1.0 kB, 100% on GPU, context 4096, for ever)",
        "  ollama-server-2  GPU 1, sees none: nothing",
    ]


def test_a_fleet_without_gpus_says_nothing_of_them():
    told = {"gpus": [gpus(1, expected=[], seen=[], library="cpu")], "residents": {"ollama-server-1": []}}
    assert lines(**told)[2:] == ["  ollama-server-1  nothing"]


def test_without_a_word_there_is_no_table():
    assert lines() == []


def test_many_models_are_bounded():
    told = lines(residents={"ollama-server-1": [resident(f"m{number}:1") for number in range(30)]})
    assert "and 10 more models" in " ".join(told)


def test_many_hosts_are_bounded():
    hosts = {f"gpu-{number}": host(1, residents={"ollama-server-1": []}) for number in range(25)}
    assert memory_table(fleet_report(hosts, NOW), 100).splitlines()[-1] == "Memory of 5 more hosts: see fleet.html"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"size": 100, "size_vram": 100}, "100% on GPU"),
        ({"size": 100, "size_vram": 0}, "on CPU"),
        ({"size": 0, "size_vram": 0}, ""),
        ({"size": "x", "size_vram": None}, ""),
        ({}, ""),
    ],
)
def test_how_much_of_it_is_on_a_gpu(model, told):
    assert share(model) == told


def test_the_page_has_gpus_memory_and_logs():
    told = {"ollama-server-1": [HALF], "ollama-server-2": []}
    page = Page(fleet_page(report(gpus=[gpus(1), gpus(2)], residents=told, logs=[log(1), log(2, 12)])))
    assert "ollama-server-11NVIDIA H100 79.6 GiBCUDAbig:70b (40.0 GB, 50% on GPU" in page.text
    assert "In 1 log of 2 nothing was seen." in page.text
    assert "h: ollama-server-2http_404✗ more than allowed1212" in page.text


def test_a_log_that_could_not_be_read_is_told():
    page = Page(fleet_page(report(logs=[log(1, problem="the driver none keeps nothing.")])))
    assert "✗ could not be read" in page.text
    assert "the driver none keeps nothing." in page.text
