# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the requests go: by which address, and what is refused."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.load_targets import FilterModule
from ansible_collections.corral.ollama.plugins.module_utils.core.layout import Layout, instances

TWO = [one.as_dict() for one in instances(Layout("ollama", 2, 11434, "127.0.0.1", []))]
load_targets = FilterModule().filters()["load_targets"]


@pytest.mark.parametrize(
    ("address", "tls", "url"),
    [
        ("127.0.0.1", "auto", "http://127.0.0.1:11433"),
        ("127.0.0.1", True, "https://127.0.0.1:11433"),
        ("127.0.0.1", "True", "https://127.0.0.1:11433"),
        ("0.0.0.0", "auto", "https://127.0.0.1:11433"),
        ("0.0.0.0", False, "http://127.0.0.1:11433"),
        ("10.0.0.5", "auto", "https://10.0.0.5:11433"),
        ("::", "auto", "https://[::1]:11433"),
    ],
)
def test_the_gateway(address, tls, url):
    assert load_targets("gateway", TWO, bind_address=address, port="11433", tls=tls) == [
        {"name": "gateway", "url": url}
    ]


def test_every_instance():
    assert load_targets("instances", TWO) == [
        {"name": "ollama-server-1", "url": "http://127.0.0.1:11434"},
        {"name": "ollama-server-2", "url": "http://127.0.0.1:11435"},
    ]


def test_an_address_of_ones_own():
    assert load_targets("url", TWO, url="http://router:4000") == [{"name": "url", "url": "http://router:4000"}]


@pytest.mark.parametrize(
    ("target", "url", "words"),
    [
        ("url", "", "load_test_target is 'url' and load_test_url is ''"),
        ("gateway", "http://x", "Set load_test_target=url together with load_test_url, or neither."),
        ("everywhere", "", "load_test_target is 'everywhere'. Use gateway, instances or url."),
    ],
)
def test_what_does_not_fit_together(target, url, words):
    with pytest.raises(AnsibleFilterError, match=words):
        load_targets(target, TWO, url=url)


def test_an_address_that_is_none():
    with pytest.raises(AnsibleFilterError, match=r"corral\.ollama\.load_targets: "):
        load_targets("gateway", TWO, bind_address="nowhere")
