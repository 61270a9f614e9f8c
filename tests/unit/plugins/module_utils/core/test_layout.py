# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of a host: names, ports and GPUs, and every input that cannot work."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.layout import Layout, instances, store_volume


def layout(**changes):
    given = {"project": "ollama", "count": 8, "base_port": 11434, "bind_address": "127.0.0.1", "gpus": []}
    return Layout(**{**given, **changes})


def test_the_situation_of_the_product_page():
    fleet = instances(layout())
    assert [instance.name for instance in fleet] == [f"ollama-server-{number}" for number in range(1, 9)]
    assert [instance.port for instance in fleet] == list(range(11434, 11442))
    assert [instance.data_volume for instance in fleet] == [f"ollama_data_{number}" for number in range(1, 9)]
    assert fleet[7].as_dict() == {
        "name": "ollama-server-8",
        "index": 8,
        "port": 11441,
        "url": "http://127.0.0.1:11441",
        "data_volume": "ollama_data_8",
        "container": "ollama-ollama-server-8",
        "gpus": [],
    }
    assert store_volume("ollama") == "ollama_models"


@pytest.mark.parametrize(
    ("gpus", "dealt"),
    [
        ([], [(), (), ()]),
        (None, [(), (), ()]),
        ("", [(), (), ()]),
        ("all", [("all",)] * 3),
        (["all"], [("all",)] * 3),
        ([0, 1], [("0",), ("1",), ("0",)]),
        ([[0, 1], [2, 3]], [("0", "1"), ("2", "3"), ("0", "1")]),
        (["GPU-8932f937-d72c", "MIG-GPU-1/0/2"], [("GPU-8932f937-d72c",), ("MIG-GPU-1/0/2",), ("GPU-8932f937-d72c",)]),
        ([0, [1, 2]], [("0",), ("1", "2"), ("0",)]),
    ],
)
def test_gpus_are_dealt_out_in_turn(gpus, dealt):
    assert [instance.gpus for instance in instances(layout(count=3, gpus=gpus))] == dealt


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("::", "http://[::1]:11434"),
        ("fd00::7", "http://[fd00::7]:11434"),
        ("10.0.0.7", "http://10.0.0.7:11434"),
    ],
)
def test_the_url_is_one_that_the_host_can_reach(bind, url):
    assert instances(layout(count=1, bind_address=bind))[0].url == url


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"count": 0}, "instance_count", "corral_instance_count is 0, and a host has 1 to 128 instances"),
        ({"count": 1000}, "instance_count", "corral_instance_count is 1000"),
        ({"base_port": 65530}, "port_range", "needs the ports 65530 to 65537"),
        ({"base_port": 0}, "port_range", "ports go from 1 to 65535"),
        ({"bind_address": "localhost"}, "bind_address", "'localhost', which is not an IP address"),
        ({"bind_address": "127.0.0.1:80"}, "bind_address", "not an IP address"),
        ({"project": "My Fleet"}, "bad_project", "corral_project is 'My Fleet'"),
        ({"project": ""}, "bad_project", "corral_project is ''"),
        ({"gpus": "0,1"}, "bad_gpus", "'0,1' is neither a list nor 'all'"),
        ({"gpus": {"a": 1}}, "bad_gpus", "neither a list nor"),
        ({"gpus": [True]}, "bad_gpus", "True is neither an index"),
        ({"gpus": [-1]}, "bad_gpus", "-1 is neither an index"),
        ({"gpus": [[0, 0]]}, "bad_gpus", "names a device twice"),
        ({"gpus": [[]]}, "bad_gpus", "the entry [] is empty"),
    ],
)
def test_inputs_that_cannot_work(changes, kind, said):
    with pytest.raises(CorralError) as raised:
        instances(layout(**changes))
    assert raised.value.kind == kind
    assert said in str(raised.value)
    assert raised.value.remedy


def test_all_bad_inputs_come_in_one_error():
    with pytest.raises(
        CorralError, match=r"4 things are in the way\. \(1\) .*corral_project.*\(4\) .*corral_gpus"
    ) as raised:
        instances(Layout("Ollama", 1000, 11434, "::x", "1,2"))
    assert raised.value.facts["kinds"] == ["bad_project", "instance_count", "bind_address", "bad_gpus"]
