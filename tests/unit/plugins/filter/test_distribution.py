# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From rows of store_info to the next wave."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.distribution import distribution_filter

A, B, OLD, NEW = ("a" * 64, "b" * 64, "0" * 64, "1" * 64)


def layers(*digests):
    return [{"digest": digest, "size": 10, "media_type": "x"} for digest in digests]


def row(action="pull", lacking=(A, B), target=(A, B), held=(), **more):
    return {
        "name": "m:1",
        "insecure": False,
        "action": action,
        "digest": OLD if held else "",
        "target_digest": NEW if target else "",
        "layers": layers(*held),
        "target_layers": layers(*target),
        "lacking": list(lacking),
        **more,
    }


def host(*rows, **more):
    return {"models": list(rows), **more}


def test_the_seed_and_those_who_wait():
    found = distribution_filter({"h1": host(row()), "h2": host(row())})
    assert found["waves"] == 2
    assert found["serving"] == []
    assert found["transfers"] == {
        "h1": {
            "models": [{"name": "m:1", "insecure": False, "digest": NEW}],
            "blobs": [{"digest": digest, "size": 10, "peers": [], "spares": []} for digest in (A, B)],
            "peers": [],
            "bytes": 20,
            "bytes_from_upstream": 20,
            "bytes_per_second": 0,
        }
    }


def test_what_was_got_since_counts():
    found = distribution_filter({"h1": host(row(), got=[A, B]), "h2": host(row())}, bytes_per_second=7)
    assert found["serving"] == ["h1"]
    assert found["transfers"]["h2"]["blobs"][0]["peers"] == ["h1"]
    assert found["transfers"]["h2"]["bytes_per_second"] == 7


def test_a_host_that_has_the_model_serves_it():
    whole = row("none", lacking=(), target=(), held=(A, B), target_digest=OLD)
    found = distribution_filter({"h1": host(whole, gone=True), "h2": host(row(lacking=[B]))})
    assert found["serving"] == ["h1"]
    assert [blob["digest"] for blob in found["transfers"]["h2"]["blobs"]] == [B]


def test_a_host_that_cannot_ask_the_registry_learns_from_another():
    blind = row(target=(), lacking=(), target_digest=NEW)
    found = distribution_filter({"h1": host(row(), got=[A, B]), "h2": host(blind)})
    assert [blob["digest"] for blob in found["transfers"]["h2"]["blobs"]] == [A, B]


def test_where_nobody_can_ask_the_registry_a_name_means_what_the_first_that_has_it_knows():
    blind = row(target=(), lacking=())
    there = row("none", lacking=(), target=(), held=(A, B))
    broken = row("none", lacking=[A], target=(), held=(A, B), digest=NEW)
    found = distribution_filter({"h0": host(broken), "h1": host(blind), "h2": host(there)})
    assert found["transfers"]["h1"]["models"] == [{"name": "m:1", "insecure": False, "digest": OLD}]
    assert all("h2" in blob["peers"] + blob["spares"] for blob in found["transfers"]["h1"]["blobs"])
    assert distribution_filter({"h1": host(blind)})["waves"] == 0


def test_who_was_bad_for_one_is_bad_for_all():
    seen = {"h1": host(row(), got=[A, B]), "h2": host(row(), bad=["h1"]), "h3": host(row())}
    found = distribution_filter(seen)
    assert found["bad"] == ["h1"]
    assert found["serving"] == []
    assert found["transfers"]["h2"]["bytes_from_upstream"] == 20


def test_one_that_takes_no_more_still_lacks_it():
    found = distribution_filter({"h1": host(row(), gone=True), "h2": host()})
    lacking = {"h1": {"blobs": 2, "bytes": 20}}
    assert found == {"waves": 0, "transfers": {}, "serving": [], "bad": [], "lacking": lacking}


@pytest.mark.parametrize(
    ("seen", "more", "text"),
    [
        ({"h1": host(row())}, {"fan_out": 0}, "fan-out"),
        ({"h1": host(row())}, {"bytes_per_second": -1}, "limit"),
        ({"h1": host({"name": "m:1"})}, {}, "what the hosts say"),
        ({"h1": host(row(target_layers=[{"digest": "../x", "size": 1}]))}, {}, "digest"),
    ],
)
def test_what_cannot_be_meant_is_refused(seen, more, text):
    with pytest.raises(AnsibleFilterError, match=text):
        distribution_filter(seen, **more)
