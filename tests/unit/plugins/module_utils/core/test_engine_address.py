# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines by their addresses, and what an inventory says of their instances."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.engine_address import EngineAddress, parse_engines
from ansible_collections.corral.ollama.plugins.module_utils.core.instance_hosts import (
    host_name,
    image_version,
    is_ours,
    project_label,
)

LABELS = {
    "corral.project": "ollama",
    "corral.instance": "ollama-server-1",
    "com.docker.compose.service": "ollama-server-1",
}


def test_every_kind_of_address():
    pair = {"client_cert": "/c.pem", "client_key": "/k.pem"}
    entries = [
        "unix:///var/run/docker.sock",
        "ssh://ops@gpu1.example:2222",
        "ssh://gpu2",
        {"url": "tcp://10.0.0.12:2376", "name": "gpu3", "ca_path": "/ca.pem", **pair},
        "tcp://[fd00::1]:2375",
    ]
    assert parse_engines(entries) == (
        EngineAddress("localhost", entries[0], "unix"),
        EngineAddress("gpu1.example", entries[1], "ssh", "gpu1.example", 2222, "ops"),
        EngineAddress("gpu2", entries[2], "ssh", "gpu2"),
        EngineAddress("gpu3", "tcp://10.0.0.12:2376", "tcp", "10.0.0.12", 2376, tls=("/ca.pem", "/c.pem", "/k.pem")),
        EngineAddress("fd00--1", entries[4], "tcp", "fd00::1", 2375),
    )
    assert [engine.login() for engine in parse_engines(entries)] == [
        {"ansible_connection": "local"},
        {"ansible_host": "gpu1.example", "ansible_port": 2222, "ansible_user": "ops"},
        {"ansible_host": "gpu2"},
        {"ansible_host": "10.0.0.12"},
        {"ansible_host": "fd00::1"},
    ]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "no list of engines"),
        ("ssh://gpu1", "no list of engines"),
        ({"url": "ssh://gpu1"}, "no list of engines"),
        ([7], "a value that is no text"),
        ([{"url": "ssh://gpu1", "user": "ops"}], "'user'"),
        ([{"name": "gpu1"}], "docker_hosts has ''"),
        (["ssh://-oProxyCommand=touch"], "docker_hosts has"),
        (["ssh://-oX@gpu1"], "docker_hosts has"),
        (["ssh://gpu1;reboot"], "docker_hosts has"),
        (["ssh://gpu1\n"], "docker_hosts has"),
        (["http://gpu1"], "docker_hosts has"),
        (["unix://relative"], "docker_hosts has"),
        (["tcp://gpu1"], "the engine's port"),
        (["tcp://gpu1:70000"], "the engine's port"),
        ([{"url": "ssh://gpu1", "ca_path": "/ca.pem"}], "only tcp:// uses them"),
        ([{"url": "ssh://gpu1", "name": "a/../b"}], "none for a host"),
        (["ssh://gpu1", "tcp://gpu1:2375"], "gpu1 twice"),
    ],
)
def test_what_cannot_be_meant(entries, said):
    with pytest.raises(BadInput) as caught:
        parse_engines(entries)
    assert said in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("container", "ours"),
    [
        ({"Name": "/ollama-ollama-server-1", "Config": {"Labels": LABELS}}, True),
        ({"Name": "/x", "Config": {"Labels": None}}, False),
        ({"Name": "/x"}, False),
        ({"Name": "/x y", "Config": {"Labels": LABELS}}, False),
        ({"Name": "/x", "Config": {"Labels": {**LABELS, "corral.project": "{{ 1 }}"}}}, False),
        ({"Name": "/x", "Config": {"Labels": {**LABELS, "com.docker.compose.service": "gateway"}}}, False),
        ({"Name": "/x", "Config": {"Labels": {**LABELS, "corral.instance": "../x"}}}, False),
    ],
)
def test_only_what_corral_made_and_under_a_name_for_a_host(container, ours):
    assert is_ours(container) is ours


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("ollama/ollama:0.32.15", "0.32.15"),
        ("127.0.0.1:5443/ollama:0.32.15-practice@sha256:" + "a" * 64, "0.32.15-practice"),
        ("127.0.0.1:5443/ollama", ""),
        ("ollama/ollama:rocm", ""),
        ("sha256:" + "a" * 64, ""),
    ],
)
def test_the_version_that_a_name_has(image, version):
    assert image_version(image) == version


def test_labels_and_names():
    assert project_label("") == []
    assert project_label("shop") == ["corral.project=shop"]
    with pytest.raises(BadInput, match="no name of a project"):
        project_label("a b")
    assert host_name(EngineAddress("gpu1", "ssh://gpu1", "ssh"), {"container": "c"}) == "gpu1-c"
