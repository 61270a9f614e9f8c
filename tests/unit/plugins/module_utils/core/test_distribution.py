# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: each blob from upstream once, nobody serves more than it may, and everybody has everything in the end."""

from __future__ import annotations

import random

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.distribution import (
    Caps,
    Host,
    Part,
    after,
    next_wave,
    plan_waves,
)

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def host(name, has=(), **lacks):
    return Host(name, frozenset(has), {digest * 64: size for digest, size in lacks.items()})


def told(wave):
    return {
        transfer.host: {part.digest[0]: (part.peers or ("upstream",), part.spares) for part in transfer.parts}
        for transfer in wave
    }


def test_nobody_lacks_anything():
    assert plan_waves([host("h1", [A]), host("h2", [A])]) == ()


def test_one_takes_it_from_upstream_and_the_others_from_those_that_have_it():
    waves = plan_waves([host(f"h{number}", a=10) for number in (1, 2, 3, 4)])
    assert [sorted(told(wave)) for wave in waves] == [["h1"], ["h2"], ["h3", "h4"]]
    assert told(waves[0]) == {"h1": {"a": (("upstream",), ())}}
    assert {peers for ((peers, _spares),) in (row.values() for row in told(waves[2]).values())} == {("h1",), ("h2",)}


def test_who_has_it_already_serves_it():
    assert told(next_wave([host("new", a=10), host("old", [A])])) == {"new": {"a": (("old",), ())}}


def test_more_at_a_time_takes_fewer_waves():
    hosts = [host(f"h{number}", a=10) for number in range(9)]
    assert [len(plan_waves(hosts, fan_out)) for fan_out in (1, 2, 8)] == [5, 3, 2]


def test_different_sets_of_models_share_what_they_have_in_common():
    waves = plan_waves([host("h1", a=5, b=1), host("h2", b=1, c=3)])
    assert told(waves[0]) == {
        "h1": {"a": (("upstream",), ()), "b": (("upstream",), ())},
        "h2": {"c": (("upstream",), ())},
    }
    assert told(waves[1]) == {"h2": {"b": (("h1",), ())}}


def test_an_idle_peer_helps_and_the_others_are_spares():
    wave = next_wave([host("new", a=10), *(host(f"old{number}", [A]) for number in range(6))])
    assert told(wave) == {"new": {"a": (("old0", "old1"), ("old2", "old3", "old4"))}}


def test_a_bad_peer_is_not_asked_and_the_last_one_leaves_upstream():
    hosts = [host("h1", [A]), host("h2", a=10)]
    assert told(next_wave(hosts, bad=["h1"])) == {"h2": {"a": (("upstream",), ())}}


def test_an_empty_blob_is_taken_too():
    waves = plan_waves([host("h1", a=0), host("h2", a=0, b=1)])
    assert len(waves) == 2
    assert told(waves[1]) == {"h1": {"a": (("h2",), ())}}


@pytest.mark.parametrize(
    ("caps", "count", "each"),
    [
        (Caps(), 4, 0),
        (Caps(host=100), 4, 100),
        (Caps(fleet=100), 4, 25),
        (Caps(host=20, fleet=100), 4, 20),
        (Caps(host=50, fleet=100), 4, 25),
        (Caps(fleet=2), 4, 1),
        (Caps(fleet=100), 0, 100),
    ],
)
def test_caps(caps, count, each):
    assert caps.each(count) == each


def test_the_fleet_s_cap_is_shared_by_those_who_fetch_in_a_wave():
    waves = plan_waves([host(f"h{number}", a=10) for number in (1, 2, 3, 4)], caps=Caps(fleet=1000))
    assert [[transfer.bytes_per_second for transfer in wave] for wave in waves] == [[1000], [1000], [500, 500]]


def test_what_a_part_and_a_transfer_tell():
    transfer = next_wave([host("h1", [A]), host("h2", [A]), host("h3", a=10, b=5)])[0]
    assert transfer.from_upstream == 5
    assert transfer.peers == ("h1", "h2")
    assert Part(A, 1, ("h1",)).as_dict() == {"digest": A, "size": 1, "peers": ["h1"], "spares": []}


def test_it_does_not_depend_on_the_order_of_the_hosts():
    hosts = [host(f"h{number}", [A] if number % 3 else [], b=3) for number in range(12)]
    plan = plan_waves(hosts, 2)
    assert plan_waves(list(reversed(hosts)), 2) == plan


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_hosts_have_each_blob_comes_from_upstream_once_and_everybody_gets_it(seed):
    dice = random.Random(seed)
    sizes = {f"{number:064x}": dice.choice([0, 1, 100, 10**9]) for number in range(dice.randint(1, 8))}
    hosts = []
    for number in range(dice.randint(1, 20)):
        wanted = [digest for digest in sizes if dice.random() < 0.7]
        has = {digest for digest in wanted if dice.random() < dice.choice([0.0, 0.3])}
        hosts.append(
            Host(f"h{number}", frozenset(has), {digest: sizes[digest] for digest in wanted if digest not in has})
        )
    bad = [one.name for one in hosts if dice.random() < 0.1]
    fan_out = dice.randint(1, 3)
    now = {one.name: one for one in hosts}
    upstream = []
    for wave in plan_waves(hosts, fan_out, bad):
        serves = {}
        for transfer in wave:
            assert len({part.digest for part in transfer.parts}) == len(transfer.parts)
            assert all(now[transfer.host].lacks[part.digest] == part.size for part in transfer.parts)
            upstream += [part.digest for part in transfer.parts if not part.peers]
            for peer in {peer for part in transfer.parts for peer in part.peers}:
                serves[peer] = serves.get(peer, 0) + 1
            for part in transfer.parts:
                for peer in (*part.peers, *part.spares):
                    assert peer not in bad
                    assert part.digest in now[peer].has, "a peer has to have it before the wave begins"
        assert all(count <= fan_out for count in serves.values())
        for transfer in wave:
            now[transfer.host] = after(now[transfer.host], [part.digest for part in transfer.parts])
    assert not any(one.lacks for one in now.values() if one.name not in bad), "everybody has it all"
    held = {digest for one in hosts if one.name not in bad for digest in one.has}
    needed = {digest for one in hosts for digest in one.lacks} - held
    good_seeds = [digest for digest in upstream if digest in needed]
    assert set(good_seeds) == needed
    if not bad:
        assert sorted(upstream) == sorted(needed), "each once"


@pytest.mark.parametrize(("count", "waves"), [(1, 1), (2, 2), (3, 3), (4, 3), (8, 4), (64, 7), (200, 9)])
def test_the_number_of_waves_grows_with_the_logarithm_of_the_hosts(count, waves):
    assert len(plan_waves([host(f"h{number}", a=10) for number in range(count)])) == waves
