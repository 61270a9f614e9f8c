# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory may say about the gateway, and what it must never be able to say."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_settings import RANGES, Wish, settings
from ansible_collections.corral.ollama.plugins.module_utils.core.layout import Layout, instances

FLEET = [one.as_dict() for one in instances(Layout("ollama", 3, 11434, "127.0.0.1"))]
KEY = {"name": "webshop", "key": "k" * 32}


def judged(**wishes):
    return settings(Wish(FLEET, **wishes)).as_dict()


def refusal(**wishes):
    with pytest.raises(CorralError) as raised:
        judged(**wishes)
    return str(raised.value)


def test_without_a_word_it_is_for_this_host_only():
    made = judged()
    assert (made["bind"], made["url"]) == ("127.0.0.1:11433", "http://127.0.0.1:11433")
    assert (made["tls"], made["anonymous"], made["clients"], made["subsets"]) == (False, True, [], [])
    assert made["servers"][0] == {"name": "ollama-server-1", "address": "127.0.0.1:11434"}
    assert len(made["servers"]) == 3


@pytest.mark.parametrize(
    ("wishes", "tls", "anonymous"),
    [
        ({"bind_address": "0.0.0.0", "keys": [KEY]}, True, False),
        ({"bind_address": "10.0.0.7", "keys": [KEY], "tls": False}, False, False),
        ({"bind_address": "0.0.0.0", "allow_anonymous": True}, True, True),
        ({"bind_address": "0.0.0.0", "keys": [KEY], "allow_anonymous": True}, True, True),
        ({"bind_address": "127.0.0.2", "keys": [KEY]}, False, False),
        ({"bind_address": "::1", "tls": True}, True, True),
    ],
)
def test_what_listens_beyond_loopback_is_encrypted_and_asks_for_keys(wishes, tls, anonymous):
    made = judged(**wishes)
    assert (made["tls"], made["anonymous"]) == (tls, anonymous)


@pytest.mark.parametrize(
    ("address", "bind", "url"),
    [
        ("0.0.0.0", "0.0.0.0:11433", "https://127.0.0.1:11433"),
        ("::", "[::]:11433", "https://[::1]:11433"),
        ("10.0.0.7", "10.0.0.7:11433", "https://10.0.0.7:11433"),
    ],
)
def test_where_it_listens_and_how_the_host_itself_reaches_it(address, bind, url):
    made = judged(bind_address=address, keys=[KEY])
    assert (made["bind"], made["url"]) == (bind, url)


def test_a_key_leaves_as_a_hash():
    made = judged(keys=[KEY, {"name": "boss", "sha256": "a" * 64, "admin": True}])
    assert [(one["name"], one["admin"]) for one in made["clients"]] == [("boss", True), ("webshop", False)]
    assert KEY["key"] not in str(made)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"bind_address": "0.0.0.0"}, ["0.0.0.0:11433", "corral_gateway_keys is empty", "openssl rand -hex 32"]),
        ({"bind_address": "::"}, ["corral_gateway_keys is empty", "corral_gateway_allow_anonymous=true"]),
        ({"bind_address": "gateway.example"}, ["not an IP address"]),
        ({"bind_address": "0.0.0.0 ssl"}, ["not an IP address"]),
        ({"bind_address": "127.0.0.1\n  bind :80"}, ["not an IP address"]),
        ({"port": 443}, ["443", "1024 to 65535", "redirect to :11433"]),
        ({"port": 70000}, ["1024 to 65535"]),
        ({"port": 11435}, ["port of ollama-server-2"]),
        ({"metrics_port": 80}, ["corral_gateway_metrics_port is 80", "1024 to 65535", "0 for none"]),
        ({"metrics_port": 11433}, ["corral_gateway_metrics_port is 11433", "the gateway's own"]),
        ({"metrics_port": 11435}, ["corral_gateway_metrics_port is 11435", "that of ollama-server-2"]),
        ({"tls": "perhaps"}, ["corral_gateway_tls", "auto"]),
        ({"certificate": "/etc/a.pem"}, ["only one is set"]),
        ({"certificate": "a.pem", "certificate_key": "a.key"}, ["a.pem and a.key", "absolute"]),
        ({"names": ["ok.example", "not ok"]}, ["corral_gateway_tls_names", "not ok"]),
        ({"names": ["a,DNS:evil.example"]}, ["corral_gateway_tls_names"]),
        ({"keys": [{"name": "x", "key": "short"}]}, ["'x'", "shorter than 20"]),
        ({"keys": {"webshop": "k" * 32}}, ["no list of mappings"]),
        ({"keys": ["k" * 32]}, ["no list of mappings"]),
        ({"keys": "k" * 32}, ["no list of mappings"]),
        ({"model_instances": {"mistral:7b": ["ollama-server-9"]}}, ["'mistral:7b'", "ollama-server-9"]),
        ({"model_instances": ["mistral:7b"]}, ["no mapping"]),
        ({"model_instances": {"mis tral": ["ollama-server-1"]}}, ["not a model name"]),
        ({"limits": {"tls_days": 10, "tls_renew_days": 10}}, ["gateway_tls_renew_days", "fewer days"]),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_remedy(wishes, words):
    said = refusal(**wishes)
    assert [word for word in words if word not in said] == []


def test_everything_wrong_is_said_at_once_and_no_key_is_in_it():
    said = refusal(port=80, tls="?", keys=[{"name": "a", "key": "hunter2"}, {"name": "b c", "key": "secret" * 5}])
    assert "3 things are in the way" in said
    assert "hunter2" not in said
    assert "secret" not in said


def test_a_key_given_as_a_number_is_not_shown_either():
    assert "12345" not in refusal(keys=[{"name": "a", "key": 12345}])


@pytest.mark.parametrize("name", sorted(RANGES))
def test_numbers_have_limits(name):
    low, high = RANGES[name]
    others = {"tls_days": 3650, "tls_renew_days": 1}
    assert f"gateway_{name} is {low - 1}" in refusal(limits={**others, name: low - 1})
    assert f"gateway_{name} is {high + 1}" in refusal(limits={**others, name: high + 1})


def test_the_certificate_names_what_can_be_named():
    made = judged(
        bind_address="10.0.0.7",
        keys=[KEY],
        own_names=["gpu_1", "GPU-2", "10.0.0.8", "", "a" * 64],
        names=["*.example", "10.0.0.7"],
    )
    assert made["alt_names"] == [
        "DNS:localhost",
        "IP:127.0.0.1",
        "IP:::1",
        "IP:10.0.0.7",
        "DNS:gpu-2",
        "IP:10.0.0.8",
        "DNS:*.example",
    ]
