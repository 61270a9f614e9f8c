# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scrub reads: tables, and stores that change from run to run."""

from __future__ import annotations

import random

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.receipts import Receipt, Stamp
from ansible_collections.corral.ollama.plugins.module_utils.core.scrub_plan import (
    CYCLE_LIFE,
    FULL,
    INCREMENTAL,
    QUICK,
    Part,
    Past,
    Wish,
    known_runs,
    parse_part,
    scrub_plan,
)

NOW = 1_000_000.0
DAY = 86400.0


def name(number):
    return f"{number:064x}"


A, B, C, D = (name(number) for number in (1, 2, 3, 4))


def stamp(size=100, inode=1):
    return Stamp(inode, size, 5, 6)


def receipt(digest, at, size=100, inode=1, found=""):
    return Receipt(digest, found or digest, stamp(size, inode), at)


STORE = {A: stamp(100), B: stamp(300), C: stamp(200), D: stamp(50)}
#: B was read first, then A, then D; C never.
READ = {A: receipt(A, NOW - 200), B: receipt(B, NOW - 300, 300), D: receipt(D, NOW - 100, 50)}


NO_PAST = Past()


def plan(past=NO_PAST, receipts=None, store=None, now=NOW, **wish):
    receipts, store = READ if receipts is None else receipts, STORE if store is None else store
    return scrub_plan(Wish(**{"mode": INCREMENTAL, **wish}), store, receipts, past, now)


def reads(**given):
    return [one.digest for one in plan(**given).reads]


TABLE = [
    ("nothing is read", {"mode": QUICK}, []),
    ("budgets make it read nothing", {"mode": QUICK, "max_bytes": 1000, "max_seconds": 5}, []),
    ("what has no receipt", {}, [C]),
    ("a budget is used up, the oldest first", {"max_seconds": 9}, [C, B, A, D]),
    ("as many bytes as fit", {"max_bytes": 500, "max_seconds": 9}, [C, B]),
    ("it ends before what does not fit", {"max_bytes": 499, "max_seconds": 9}, [C]),
    ("one blob above the budget is read all the same", {"max_bytes": 1, "max_seconds": 9}, [C]),
    ("what is old enough", {"max_age": 150, "max_load": 9}, [C, B, A]),
    ("with an age, a budget is no wish", {"max_age": 250, "max_bytes": 9999, "max_load": 9}, [C, B]),
    ("all of it, the oldest first", {"mode": FULL, "max_seconds": 9}, [C, B, A, D]),
    ("with nothing to end it, the largest first", {"mode": FULL}, [B, C, A, D]),
    ("at least a share", {"part": Part(1, 4), "max_load": 9}, [C]),
    ("a share is rounded up to blobs", {"part": Part(1, 3), "max_load": 9}, [C, B]),
    ("the whole", {"part": Part(7, 7), "max_load": 9}, [C, B, A, D]),
    ("a share within a budget", {"part": Part(1, 1), "max_bytes": 510, "max_load": 9}, [C, B]),
]


@pytest.mark.parametrize(("wish", "wanted"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_read_in_which_order(wish, wanted):
    assert reads(**wish) == wanted


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        (stamp(100, inode=2), True),
        (Stamp(1, 101, 5, 6), True),
        (Stamp(1, 100, 7, 6), True),
        (Stamp(1, 100, 5, 7), True),
        (stamp(100), False),
    ],
)
def test_a_receipt_holds_for_the_file_as_it_was(changed, again):
    assert (A in reads(store={**STORE, A: changed})) is again


def test_a_bad_receipt_is_believed_and_not_read_again_until_its_turn():
    bad = {**READ, A: receipt(A, NOW - 200, found=B)}
    assert A not in reads(receipts=bad)
    assert plan(receipts=bad).believed[A].found == B
    assert A in reads(receipts=bad, mode=FULL)


@pytest.mark.parametrize(("ahead", "believed"), [(0.0, True), (30.0, True), (61.0, False), (1e12, False), (-NOW, True)])
def test_receipts_from_the_future_are_not_believed(ahead, believed):
    seen = plan(receipts={**READ, A: receipt(A, NOW + ahead)})
    assert (A in seen.believed) is believed
    assert (A in {one.digest for one in seen.reads}) is not believed
    assert seen.future == (0 if believed else 1)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), float("-inf"), -1.0])
def test_times_that_are_none_are_not_believed(at):
    assert A not in plan(receipts={**READ, A: receipt(A, at)}).believed


def test_a_full_scrub_goes_on_where_it_was():
    begun = Past(full_since=NOW - 250)
    assert reads(mode=FULL, past=begun, max_seconds=9) == [C, B]
    assert plan(mode=FULL, past=begun).since == NOW - 250


@pytest.mark.parametrize("since", [NOW - CYCLE_LIFE - 1, NOW + 1, 0.0])
def test_a_full_scrub_of_long_ago_or_of_tomorrow_is_begun_anew(since):
    seen = plan(mode=FULL, past=Past(full_since=since))
    assert (len(seen.reads), seen.since) == (4, NOW)


def test_what_is_left():
    seen = plan(mode=FULL, past=Past(full_since=NOW - 250), max_bytes=1)
    assert sorted(seen.left(STORE, READ, ())) == [B, C]
    assert seen.left(STORE, {**READ, C: receipt(C, NOW)}, ()) == [B]
    assert seen.left(STORE, READ, {C}) == [B]
    assert seen.left({A: STORE[A]}, READ, ()) == []
    assert seen.cut == "max_bytes"


@pytest.mark.parametrize(
    ("text", "wanted"), [("", None), ("1/7", Part(1, 7)), ("3/3", Part(3, 3)), ("1/1000", Part(1, 1000))]
)
def test_shares(text, wanted):
    assert parse_part(text) == wanted


@pytest.mark.parametrize(
    "text", ["7", "0/7", "8/7", "1/0", "-1/7", "1/7 ", "1/1001", "a/b", "１/7", "1/7\n", "1" * 99 + "/1"]
)
def test_what_is_no_share(text):
    with pytest.raises(BadInput, match="part is"):
        parse_part(text)


def test_the_runs_that_count():
    past = Past(part_runs=(NOW + 5, 3.0, 1.0, 2.0))
    assert known_runs(past, Part(1, 3), NOW) == (2.0, 3.0)
    assert known_runs(past, Part(1, 9), NOW) == (1.0, 2.0, 3.0)
    assert known_runs(past, Part(1, 1), NOW) == ()


class Simulation:
    """A store over many runs by part. Whatever is there, unchanged, for ``runs`` runs is read in one of them."""

    def __init__(self, part, seed):
        self.part, self.random = part, random.Random(seed)
        self.store, self.receipts, self.past = {}, {}, Past()
        self.now, self.serial = NOW, 0
        self.waited = {}

    def add(self, received):
        self.serial += 1
        digest = name(self.serial)
        self.store[digest] = stamp(self.random.choice((0, 1, 50, 1000, 30_000)), self.serial)
        if received:
            self.receipts[digest] = Receipt(digest, digest, self.store[digest], self.now)

    def change(self):
        for digest in self.random.sample(sorted(self.store), self.random.randint(0, len(self.store) // 3)):
            del self.store[digest]
            self.waited.pop(digest, None)
        for _unused in range(self.random.randint(0, 25)):
            self.add(self.random.random() < 0.7)
        for digest in self.random.sample(sorted(self.store), min(3, len(self.store))):
            self.serial += 1
            self.store[digest] = stamp(self.store[digest].size, self.serial)
            self.waited.pop(digest, None)

    def run(self, killed=False):
        wish = Wish(INCREMENTAL, part=self.part, max_load=1)
        seen = scrub_plan(wish, self.store, self.receipts, self.past, self.now)
        began, todo = self.now, list(seen.reads)
        if killed:
            todo = todo[: len(todo) // 2]
        for one in todo:
            self.now += 1
            self.receipts[one.digest] = Receipt(one.digest, one.digest, self.store[one.digest], self.now)
            self.waited[one.digest] = 0
        if not killed:
            self.past = Past(part_runs=(*known_runs(self.past, self.part, began), began))
            read = {one.digest for one in todo}
            for digest in self.store:
                self.waited[digest] = 0 if digest in read else self.waited.get(digest, 0) + 1
        self.now += DAY
        return sum(one.size for one in todo)


PARTS = [Part(1, 1), Part(1, 2), Part(1, 7), Part(2, 7), Part(1, 30)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_share_covers_everything_in_its_runs_while_the_store_changes(part, seed):
    world = Simulation(part, seed)
    for _unused in range(40):
        world.add(False)
    for _unused in range(6 * part.runs):
        world.change()
        if world.random.random() < 0.2:
            world.run(killed=True)
        world.run()
        late = {digest: count for digest, count in world.waited.items() if digest in world.store}
        assert max(late.values(), default=0) < part.runs


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_share_of_a_store_at_rest_is_about_that_much(part):
    world = Simulation(part, 1)
    for _unused in range(300):
        world.add(False)
    total = sum(one.size for one in world.store.values())
    share = total * part.count / part.of
    # never more than two blobs above the share: what is late is made up for evenly
    read = [world.run() for _unused in range(3 * part.runs)]
    assert all(min(total, share) <= one <= share + 2 * 30_000 for one in read[:-1]), (share, read)


def test_much_that_is_new_does_not_keep_the_old_from_its_turn():
    world = Simulation(Part(1, 7), 2)
    for _unused in range(70):
        world.add(True)
    old = set(world.store)
    world.now += DAY
    began = world.now
    for _unused in range(7):
        for _unused in range(200):
            world.add(False)
        world.run()
    assert all(world.receipts[digest].verified_at > began for digest in old)
