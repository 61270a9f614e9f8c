# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exporter takes for its file, and what it refuses."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_config import Times, config_from
from ansible_collections.corral.ollama.tests.unit.exported import config, document

URLS = ["http://127.0.0.1:11434", "http://127.0.0.1:11435"]


def test_what_the_role_writes_is_understood():
    models = ["mistral:7b", {"name": "llava", "digest": "sha256:" + "a" * 64}, {"name": "old:1b", "state": "absent"}]
    residents = ["mistral:7b", {"name": "LLAVA", "instances": ["ollama-server-2", "elsewhere"]}]
    found = config(URLS, models=models, residents=residents, times={"probe": 0}, probe_load=True)
    assert {name.display: digest for name, digest in found.models.items()} == {
        "mistral:7b": "",
        "llava:latest": "a" * 64,
    }
    assert sorted((server, key[2]) for server, key in found.residents) == [
        ("ollama-server-1", "mistral"),
        ("ollama-server-2", "llava"),
        ("ollama-server-2", "mistral"),
    ]
    assert (found.times.probe, found.times.cache, found.load) == (0, Times().cache, True)


def test_gpus_are_counted_as_far_as_they_are_declared():
    servers = [
        {"name": name, "url": URLS[0], "gpus": gpus}
        for name, gpus in (("a", ["all"]), ("b", ["0", "1"]), ("c", []), ("d", "0"))
    ]
    assert config([], servers=servers).gpus == {"a": 1, "b": 2, "c": 0, "d": 0}


@pytest.mark.parametrize(
    "broken",
    [
        {"schema": 2},
        {"project": 5},
        {"project": ""},
        {"servers": {}},
        {"servers": [{"name": "a", "url": "file:///etc/passwd"}]},
        {"servers": [{"name": "a", "url": "http://x"}, {"name": "a", "url": "http://y"}]},
        {"models": ["a b"]},
        {"models": [{"name": "a", "digest": "sha256:short"}]},
        {"models": "mistral:7b"},
        {"residents": [5]},
        {"port": 0},
        {"port": True},
        {"port": float("nan")},
        {"times": []},
        {"times": {"cache": -1}},
        {"times": {"part": 0}},
        {"times": {"part": "5"}},
        {"concurrency": 0},
        {"store_path": None},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(broken):
    with pytest.raises(CorralError):
        config_from({**document(URLS), **broken})


@pytest.mark.parametrize("text", [None, [], "x", 5])
def test_it_has_to_be_an_object(text):
    with pytest.raises(CorralError, match="schema 1"):
        config_from(text)
