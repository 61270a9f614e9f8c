# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles: written the same each time, readable by other tools, and read without believing a word of them."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.store import bundle_writing
from ansible_collections.corral.ollama.plugins.module_utils.store.bundles import noted_index_digest, open_bundle
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.bundled import (
    LAYOUT,
    blob,
    chosen,
    entry,
    export,
    index,
    member,
    tarred,
)
from ansible_collections.corral.ollama.tests.unit.staged import digest, manifest_of, put

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 100_000, b"one" * 500, b"two" * 500
MODEL = (CONFIG, SHARED, ONE)
RAW = manifest_of(*MODEL)


@pytest.fixture
def paths(tmp_path):
    paths = staged.ready_store(tmp_path / "models")
    put(paths, "a:1", CONFIG, SHARED, ONE)
    put(paths, "me/b:2", CONFIG, SHARED, TWO)
    return paths


def test_any_tar_reads_it_and_each_blob_is_in_it_once(paths, tmp_path):
    written = export(paths, tmp_path / "b.tar", "a:1", "me/b:2")
    with tarfile.open(tmp_path / "b.tar", "r:") as tar:
        names = tar.getnames()
        contents = {info.name: tar.extractfile(info).read() for info in tar.getmembers()}
        assert {(info.mtime, info.uid, info.gid, info.uname, info.mode) for info in tar} == {(0, 0, 0, "", 0o644)}
    manifests = [manifest_of(CONFIG, SHARED, ONE), manifest_of(CONFIG, SHARED, TWO)]
    blobs = [*manifests, CONFIG, SHARED, ONE, TWO]
    assert names == ["oci-layout", "index.json", *(f"blobs/sha256/{digest(data)}" for data in blobs)]
    assert [contents[name] for name in names[2:]] == blobs
    assert written.index_digest == digest(contents["index.json"])
    assert (
        written.size
        == os.path.getsize(tmp_path / "b.tar")
        == bundle_writing.bundle_size(chosen(paths, "a:1", "me/b:2"))
    )


def test_the_same_models_give_the_same_bytes(paths, tmp_path):
    export(paths, tmp_path / "1.tar", "a:1", "me/b:2")
    other = staged.ready_store(tmp_path / "other")
    put(other, "me/b:2", CONFIG, SHARED, TWO)
    put(other, "a:1", CONFIG, SHARED, ONE)
    written = export(other, tmp_path / "2.tar", "me/b:2", "a:1")
    one, two = ((tmp_path / name).read_bytes() for name in ("1.tar", "2.tar"))
    assert one == two
    assert written.file_digest == digest(one)


def test_the_digests_beside_it_are_what_sha256sum_reads(paths, tmp_path):
    written = export(paths, tmp_path / "b.tar", "a:1")
    text = (tmp_path / "b.tar.sha256").read_text()
    whole = digest((tmp_path / "b.tar").read_bytes())
    assert text == f"# index.json sha256:{written.index_digest}\n{whole}  b.tar\n"
    assert noted_index_digest(str(tmp_path / "b.tar")) == written.index_digest
    assert sorted(os.listdir(tmp_path)) == ["b.tar", "b.tar.sha256", "models"]


def test_what_was_written_is_read_back(paths, tmp_path):
    written = export(paths, tmp_path / "b.tar", "a:1", "me/b:2")
    seen = []
    with open_bundle(str(tmp_path / "b.tar")) as bundle:
        assert bundle.index_digest == written.index_digest
        assert [model.name.display for model in bundle.models()] == ["a:1", "me/b:2"]
        assert bundle.raw_manifest(bundle.models()[0]) == RAW
        assert bundle.has(digest(SHARED))
        assert not bundle.has("a" * 64)
        with open(tmp_path / "out", "wb") as out:
            hashed = bundle.copy_blob(digest(SHARED), out.fileno(), seen.append)
            found = os.fstat(out.fileno())
    assert (tmp_path / "out").read_bytes() == SHARED
    assert (hashed.digest, hashed.size, hashed.problem) == (digest(SHARED), len(SHARED), "")
    assert hashed.identity == (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    assert sum(seen) == len(SHARED)


def test_a_bundle_packed_by_hand_is_read_too(paths, tmp_path):
    """As ``tar -C folder -cf b.tar .`` does: a dot in front, directories, another order, GNU headers."""
    export(paths, tmp_path / "b.tar", "a:1")
    with tarfile.open(tmp_path / "b.tar") as tar:
        pairs = [(info, tar.extractfile(info).read()) for info in reversed(tar.getmembers())]
    kinds = [member(name, type=tarfile.DIRTYPE) for name in (".", "./blobs", "./blobs/sha256")]
    for info, _data in pairs:
        info.name, info.mtime, info.uid = f"./{info.name}", 1.5, 1000
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        with open_bundle(str(tarred(tmp_path / f"{form}.tar", [*kinds, *pairs], form))) as bundle:
            assert [model.name.display for model in bundle.models()] == ["a:1"]


def test_sizes_beyond_what_a_plain_header_can_say(tmp_path):
    """40 GB are named in an extended header; the file is sparse, so nothing of it is read or written."""
    big = 40 * 2**30
    raw = manifest_of(CONFIG, ONE).replace(f'"size": {len(ONE)}'.encode(), f'"size": {big}'.encode())
    start = tarred(tmp_path / "b.tar", [member("oci-layout", LAYOUT), member("index.json", index(entry("a:1", raw)))])
    size = start.read_bytes().rindex(b"]}") // 512 * 512 + 512
    header = bundle_writing._header(f"blobs/sha256/{digest(ONE)}", big)
    assert len(header) == 3 * 512
    with start.open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        for info, data in (blob(raw), blob(CONFIG)):
            file.write(info.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % 512))
        file.write(header)
        file.truncate(file.tell() + big + 1024)
    with open_bundle(str(start)) as bundle:
        assert bundle.models()[0].manifest.total_size == big + len(CONFIG)


def test_a_flipped_bit_is_seen_when_the_blob_is_copied(paths, tmp_path):
    export(paths, tmp_path / "b.tar", "a:1")
    raw = bytearray((tmp_path / "b.tar").read_bytes())
    raw[raw.index(b"sharedshared") + 1000] ^= 1
    (tmp_path / "b.tar").write_bytes(raw)
    with open_bundle(str(tmp_path / "b.tar")) as bundle, open(tmp_path / "out", "wb") as out:
        hashed = bundle.copy_blob(digest(SHARED), out.fileno())
    assert hashed.digest == hashlib.sha256((tmp_path / "out").read_bytes()).hexdigest() != digest(SHARED)
    assert hashed.digest in hashed.problem


def test_a_bundle_that_shrinks_while_it_is_read(paths, tmp_path):
    export(paths, tmp_path / "b.tar", "a:1")
    with open_bundle(str(tmp_path / "b.tar")) as bundle, open(tmp_path / "out", "wb") as out:
        os.truncate(tmp_path / "b.tar", 4096)
        with pytest.raises(CorralError, match="cut off while it was read"):
            bundle.copy_blob(digest(SHARED), out.fileno())
        with pytest.raises(CorralError, match="does not hold"):
            bundle.copy_blob("a" * 64, out.fileno())


DAMAGE = {
    "missing": os.unlink,
    "short": lambda path: os.truncate(path, 3),
    "wrong": lambda path: Path(path).write_bytes(b"X" + SHARED[1:]),
    "a link": lambda path: (os.unlink(path), os.symlink("/etc/passwd", path)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_never_becomes_a_bundle(paths, tmp_path, damage):
    models = chosen(paths, "a:1", "me/b:2")
    (tmp_path / "b.tar").write_bytes(b"the one from before")
    DAMAGE[damage](paths.blob(digest(SHARED)))
    with pytest.raises(CorralError) as error:
        bundle_writing.write_bundle(paths, models, str(tmp_path / "b.tar"))
    assert (error.value.kind, error.value.facts["models"]) == ("store_damaged", ["a:1", "me/b:2"])
    assert digest(SHARED) in error.value.message
    assert sorted(os.listdir(tmp_path)) == ["b.tar", "models"]
    assert (tmp_path / "b.tar").read_bytes() == b"the one from before"


def test_a_model_that_changes_meanwhile(paths, tmp_path):
    models = chosen(paths, "a:1", "me/b:2")
    put(paths, "me/b:2", CONFIG, ONE)
    with pytest.raises(CorralError) as error:
        bundle_writing.write_bundle(paths, models, str(tmp_path / "b.tar"))
    assert (error.value.kind, error.value.facts["model"]) == ("store_changed", "me/b:2")
    assert os.listdir(tmp_path) == ["models"]


def test_a_disk_that_fills_up_removes_nothing_else(paths, tmp_path, monkeypatch):
    (tmp_path / "b.tar").write_bytes(b"the one from before")
    real = os.write

    def full(fd, data):
        if len(data) > 100_000:
            raise OSError(28, os.strerror(28))
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(CorralError) as error:
        export(paths, tmp_path / "b.tar", "a:1")
    assert error.value.kind == "no_space"
    assert "b.tar.partial" in error.value.message
    assert sorted(os.listdir(tmp_path)) == ["b.tar", "models"]


def test_what_a_killed_export_left_is_overwritten_and_two_at_once_are_refused(paths, tmp_path):
    partial = tmp_path / "b.tar.partial"
    partial.write_bytes(b"x" * 100_000)
    with partial.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CorralError) as error:
            export(paths, tmp_path / "b.tar", "a:1")
        assert error.value.kind == "bundle_busy"
        assert partial.read_bytes() == b"x" * 100_000
    export(paths, tmp_path / "b.tar", "a:1")
    assert sorted(os.listdir(tmp_path)) == ["b.tar", "b.tar.sha256", "models"]


def test_an_export_that_ends_while_another_one_begins_is_not_emptied(paths, tmp_path, monkeypatch):
    partial = tmp_path / "b.tar.partial"
    partial.write_bytes(b"finished")
    real = fcntl.flock

    def renamed_first(fd, how):
        os.rename(partial, tmp_path / "b.tar")
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", renamed_first)
    with pytest.raises(CorralError) as error:
        export(paths, tmp_path / "b.tar", "a:1")
    assert error.value.kind == "bundle_busy"
    assert (tmp_path / "b.tar").read_bytes() == b"finished"


@pytest.mark.parametrize("text", [b"", b"# index.json sha256:abc\n", b"\xff\xfe", b"0" * 100_000])
def test_digests_beside_it_that_are_none(tmp_path, text):
    (tmp_path / "b.tar.sha256").write_bytes(text)
    with pytest.raises(CorralError) as error:
        noted_index_digest(str(tmp_path / "b.tar"))
    assert error.value.kind == "bad_bundle"
    assert noted_index_digest(str(tmp_path / "other.tar")) is None


def test_an_ordinary_reader_agrees_about_every_offset(paths, tmp_path):
    """tarfile, the standard library's own, finds the bytes where this reader finds them."""
    export(paths, tmp_path / "b.tar", "a:1", "me/b:2")
    with tarfile.open(tmp_path / "b.tar", "r:") as tar, open_bundle(str(tmp_path / "b.tar")) as bundle:
        offsets = {info.name.rpartition("/")[2]: (info.offset_data, info.size) for info in tar if "/" in info.name}
        assert offsets == {name: (found.offset, found.size) for name, found in bundle._blobs.items()}
        assert io.BytesIO(bundle.index).read() == tar.extractfile("index.json").read()
