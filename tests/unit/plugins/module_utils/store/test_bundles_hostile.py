# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that no honest tool would write: each refused with what is wrong, nothing read whole, nothing extracted."""

from __future__ import annotations

import os
import tarfile
import tracemalloc

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.store.bundles import open_bundle
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.bundled import (
    LAYOUT,
    blob,
    entry,
    export,
    index,
    member,
    model_members,
    tarred,
)
from ansible_collections.corral.ollama.tests.unit.staged import digest, manifest_of, put

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500
MODEL = (CONFIG, SHARED, ONE)
RAW = manifest_of(*MODEL)
OTHER = manifest_of(CONFIG, SHARED, TWO)  # of the same length


def refused(path, kind="bad_bundle"):
    with pytest.raises(CorralError) as error:
        open_bundle(str(path)).close()
    assert error.value.kind == kind
    assert str(path) in error.value.message
    return error.value.message


SPOILT = {
    "a name with dots": lambda: member("../../etc/cron.d/x", b"x"),
    "an absolute name": lambda: member("/etc/passwd", b"x"),
    "dots behind": lambda: member(f"blobs/sha256/../{'a' * 64}", b"x"),
    "another file": lambda: member("README", b"x"),
    "an upper-case digest": lambda: member(f"blobs/sha256/{'A' * 64}", b"x"),
    "a short digest": lambda: member("blobs/sha256/abc", b"x"),
    "another algorithm": lambda: member(f"blobs/sha512/{'a' * 64}", b"x"),
    "a symbolic link": lambda: member(f"blobs/sha256/{'a' * 64}", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": lambda: member(f"blobs/sha256/{'a' * 64}", type=tarfile.LNKTYPE, linkname="index.json"),
    "a device": lambda: member(f"blobs/sha256/{'a' * 64}", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "a pipe": lambda: member(f"blobs/sha256/{'a' * 64}", type=tarfile.FIFOTYPE),
    "a directory elsewhere": lambda: member("etc", type=tarfile.DIRTYPE),
    "a sparse file": lambda: member(f"blobs/sha256/{'a' * 64}", b"x", pax_headers={"GNU.sparse.major": "1"}),
    "a long name": lambda: member("blobs/sha256/" + "a" * 200, b"x"),
    "a blob that no manifest names": lambda: blob(b"stowaway"),
    "a member twice": lambda: blob(CONFIG),
    "the index twice": lambda: member("index.json", index(entry("a:1", RAW))),
}


SAID = {
    "a symbolic link": "is a symbolic link",
    "a hard link": "is a hard link",
    "a device": "is a device",
    "a pipe": "is a pipe",
    "a directory elsewhere": "a directory 'etc'",
    "a sparse file": "sparse",
    "a blob that no manifest names": "none of its manifests",
    "a member twice": "twice",
    "the index twice": "twice",
}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("what", SPOILT)
def test_members_that_no_bundle_has(tmp_path, what, form):
    if what == "a sparse file" and form == tarfile.GNU_FORMAT:
        return
    message = refused(tarred(tmp_path / "b.tar", [*model_members("a:1", *MODEL), SPOILT[what]()], form))
    assert SAID.get(what, "has a member" if form == tarfile.PAX_FORMAT else "member") in message


LIES = {
    "no layout": lambda parts: parts[1:],
    "a layout of the future": lambda parts: [member("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'), *parts[1:]],
    "no index": lambda parts: [parts[0], *parts[2:]],
    "no JSON": lambda parts: [parts[0], member("index.json", b"{"), *parts[2:]],
    "a list": lambda parts: [parts[0], member("index.json", b"[]"), *parts[2:]],
    "deep": lambda parts: [parts[0], member("index.json", b"[" * 100_000), *parts[2:]],
    "no models": lambda parts: [parts[0], member("index.json", index()), *parts[2:]],
    "schema 1": lambda parts: [parts[0], member("index.json", index(entry("a:1", RAW), schemaVersion=1)), *parts[2:]],
    "no manifest": lambda parts: [*parts[:2], *parts[3:]],
    "no layer": lambda parts: parts[:-1],
    "a short layer": lambda parts: [*parts[:-1], member(parts[-1][0].name, ONE[:-1])],
    "a manifest of another model": lambda parts: [*parts[:2], member(parts[2][0].name, OTHER), *parts[3:]],
    "an empty manifest": lambda parts: [parts[0], member("index.json", index(entry("a:1", b"{}"))), blob(b"{}")],
    "more JSON than 1 MB": lambda parts: [parts[0], member("index.json", b" " * 2**20 + parts[1][1]), *parts[2:]],
}
ENTRIES = {
    "twice": [entry("a:1", RAW), entry("A:1", RAW)],
    "a size that lies": [entry("a:1", RAW, size=len(RAW) + 1)],
    "a huge size": [entry("a:1", RAW, size=2**40)],
    "a size of no number": [entry("a:1", RAW, size="1")],
    "no digest": [entry("a:1", RAW, digest=None)],
    "a digest that climbs": [entry("a:1", RAW, digest="sha256:../../x")],
    "a name that climbs": [entry("../../x", RAW)],
    "no name": [entry("a:1", RAW, annotations={})],
    "no annotations": [{"digest": f"sha256:{digest(RAW)}", "size": len(RAW)}],
    "a cloud model": [entry("a:cloud", RAW)],
    "no object": ["a:1"],
}


@pytest.mark.parametrize("what", LIES)
def test_an_archive_that_is_not_what_it_says(tmp_path, what):
    message = refused(tarred(tmp_path / "b.tar", LIES[what](model_members("a:1", *MODEL))))
    assert what != "a manifest of another model" or "hashes to" in message


@pytest.mark.parametrize("what", ENTRIES)
def test_an_index_that_lies(tmp_path, what):
    parts = model_members("a:1", *MODEL)
    refused(tarred(tmp_path / "b.tar", [parts[0], member("index.json", index(*ENTRIES[what])), *parts[2:]]))


def test_a_document_of_a_gigabyte_is_not_read(tmp_path):
    info = tarfile.TarInfo("index.json")
    info.size = 2**30
    with open(tmp_path / "b.tar", "wb") as file:
        file.write(member("oci-layout", LAYOUT)[0].tobuf() + LAYOUT + bytes(512 - len(LAYOUT)) + info.tobuf())
        file.truncate(2**30 + 4096)
    tracemalloc.start()
    assert "1073741824 bytes" in refused(tmp_path / "b.tar")
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


def test_an_extended_header_of_a_gigabyte_is_not_read(tmp_path):
    info = tarfile.TarInfo("x")
    info.size, info.type = 2**30, tarfile.XHDTYPE
    with open(tmp_path / "b.tar", "wb") as file:
        file.write(info.tobuf())
        file.truncate(2**30 + 4096)
    assert "1073741824 bytes" in refused(tmp_path / "b.tar")


@pytest.mark.parametrize("raw", [b"99 size=1\n", b"x", b"0 size=1\n", b"11 size=-12\n", b"9 size=1\n" + b"\0" * 9])
def test_extended_headers_that_are_damaged(tmp_path, raw):
    parts = model_members("a:1", *MODEL)
    parts.insert(1, member("x", raw, type=tarfile.XHDTYPE))
    assert "extended header" in refused(tarred(tmp_path / "b.tar", parts, tarfile.USTAR_FORMAT))


def test_cut_off_anywhere(tmp_path):
    paths = staged.ready_store(tmp_path / "models")
    put(paths, "a:1", *MODEL)
    export(paths, tmp_path / "b.tar", "a:1")
    whole = (tmp_path / "b.tar").read_bytes()
    end = len(whole.rstrip(b"\0"))
    cuts = [0, 1, 511, 512, 700, 1024, 1536, 2048, 2600, end // 2, end - 1, end // 512 * 512, -(-end // 512) * 512]
    for cut in cuts:
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        assert "cut off" in refused(tmp_path / "cut.tar"), cut
    (tmp_path / "cut.tar").write_bytes(whole[: end - 1])
    assert f"member 'blobs/sha256/{digest(ONE)}' ends at {end}" in refused(tmp_path / "cut.tar")


def test_no_tar_at_all(tmp_path):
    (tmp_path / "b.tar").write_bytes(os.urandom(4096))
    assert "no header" in refused(tmp_path / "b.tar")
    (tmp_path / "link.tar").symlink_to(tmp_path / "b.tar")
    refused(tmp_path / "link.tar", "not_a_file")
    os.mkfifo(tmp_path / "pipe.tar")
    refused(tmp_path / "pipe.tar", "not_a_file")
    refused(tmp_path / "none.tar", "no_bundle")
