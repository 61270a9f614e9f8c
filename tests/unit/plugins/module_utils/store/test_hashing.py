# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashing: right in every size, from the cache and past it, and without leaving traces in the cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store import hashing
from ansible_collections.corral.ollama.plugins.module_utils.store.residency import Residency

MIB = 1024 * 1024
SIZES = [0, 1, 511, 4095, 4096, 4097, MIB - 1, MIB, 4 * MIB, 4 * MIB + 1, 9 * MIB + 12345]


def make(path, size):
    data = hashlib.shake_128(str(size).encode()).digest(size)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def drop(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def resident(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        found = os.fstat(fd)
        absent = Residency(fd, found).absent(0, found.st_size)
        return found.st_size - min(found.st_size, sum(length for _start, length in absent))
    finally:
        os.close(fd)


@pytest.fixture
def on_disk():
    """/tmp may be memory, whose files are always resident; so may be the place of a staged copy of the tree."""
    cache = Path(__file__).resolve().parents[5] / ".cache"
    cache.mkdir(exist_ok=True)
    for base in (cache, Path("/var/tmp"), Path.home()):
        with tempfile.TemporaryDirectory(dir=base) as path:
            make(Path(path) / "probe", MIB)
            drop(Path(path) / "probe")
            if resident(Path(path) / "probe") == 0:
                yield Path(path)
                return
    pytest.fail("no directory was found that is on a disk")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("direct", [True, False])
def test_every_size(on_disk, monkeypatch, size, cached, direct):
    if not direct:
        monkeypatch.setattr(hashing, "_DIRECT", 0)
    path = on_disk / "blob"
    digest = make(path, size)
    if not cached:
        drop(path)
    hashed = hashing.hash_file(str(path), window=MIB)
    assert (hashed.problem, hashed.size, hashed.digest) == ("", size, digest)


@pytest.mark.parametrize("direct", [True, False])
def test_the_cache_stays_as_it_was(on_disk, monkeypatch, direct):
    if not direct:
        monkeypatch.setattr(hashing, "_DIRECT", 0)
    cold, warm = on_disk / "cold", on_disk / "warm"
    for path in (cold, warm):
        make(path, 16 * MIB)
    drop(cold)
    assert resident(cold) == 0
    hashing.hash_files([(str(cold), 16 * MIB), (str(warm), 16 * MIB)], 2)
    assert resident(cold) <= MIB // 4
    assert resident(warm) == 16 * MIB


def test_direct_reading_that_is_refused_half_way(on_disk, monkeypatch):
    path = on_disk / "blob"
    digest = make(path, 5 * MIB)
    drop(path)
    real, refused = os.preadv, []

    def preadv(fd, buffers, offset):
        if os.readlink(f"/proc/self/fd/{fd}") == str(path) and len(buffers[0]) == MIB and offset >= 2 * MIB:
            refused.append(offset)
            raise OSError(22, "Invalid argument")
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    assert hashing.hash_file(str(path), window=MIB).digest == digest
    assert len(refused) == 1


def test_many_files_the_largest_first(tmp_path):
    sizes = [10, 3 * MIB, 2 * MIB, 5, 4 * MIB]
    expected = {str(tmp_path / str(size)): make(tmp_path / str(size), size) for size in sizes}
    order = []
    hashed = hashing.hash_files(
        [(str(tmp_path / str(size)), size) for size in sizes], 1, lambda one: order.append(one.size)
    )
    assert {one.path: one.digest for one in hashed} == expected
    assert order == sorted(sizes, reverse=True)


def test_a_file_that_changes_meanwhile_has_no_digest(tmp_path, monkeypatch):
    path = tmp_path / "blob"
    make(path, 3 * MIB)
    real = os.preadv

    def preadv(*args):
        with path.open("ab") as file:
            file.write(b"more")
        return real(*args)

    monkeypatch.setattr(os, "preadv", preadv)
    hashed = hashing.hash_file(str(path))
    assert (hashed.digest, hashed.problem) == ("", "it was changed while it was read")


@pytest.mark.parametrize("make_it", ["symlink", "fifo", "directory", "nothing"])
def test_what_is_no_file_is_a_problem(tmp_path, make_it):
    path = tmp_path / "blob"
    if make_it == "symlink":
        path.symlink_to("/etc/hostname")
    elif make_it == "fifo":
        os.mkfifo(path)
    elif make_it == "directory":
        path.mkdir()
    assert hashing.hash_file(str(path)).problem


def test_identity_survives_links_and_not_changes(tmp_path):
    path = tmp_path / "blob"
    make(path, 1000)
    first = hashing.hash_file(str(path)).identity
    os.link(path, tmp_path / "link")
    assert hashing.identity(os.stat(path)) == first
    path.write_bytes(b"other")
    assert hashing.identity(os.stat(path)) != first


def test_it_can_be_given_up(tmp_path):
    path = tmp_path / "blob"
    make(path, 3 * MIB)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(hashing.Cancelled):
        hashing.hash_file(str(path), cancel=cancel)


@pytest.mark.parametrize("threads", [1, 2, 4, 7, 32])
def test_the_buffers_of_all_threads_together_are_bounded(threads):
    window = hashing.window_size(threads)
    assert window % 4096 == 0
    assert window * threads <= 16 * MIB
