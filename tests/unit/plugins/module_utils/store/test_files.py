# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: nothing is followed, nothing hangs, nothing is half written; and no path leaves the store."""

from __future__ import annotations

import os

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.digests import InvalidDigest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.names import InvalidName, ModelName, parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import files, reading
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at


@pytest.fixture
def swapped(tmp_path, monkeypatch):
    """A path that was a plain file when it was looked at, and is something else when it is opened."""
    plain, path = tmp_path / "plain", tmp_path / "path"
    plain.write_text("x")
    looked = os.lstat(plain)
    monkeypatch.setattr(os, "lstat", lambda _path: looked)
    return path


def test_a_file_that_becomes_a_link_is_not_followed(swapped):
    swapped.symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="symbolic links"):
        files.open_plain(str(swapped))


def test_a_file_that_becomes_a_pipe_is_not_waited_for(swapped):
    os.mkfifo(swapped)
    with pytest.raises(files.NotAFile):
        files.open_plain(str(swapped))


@pytest.mark.parametrize("fails", ["fsync", "rename"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, fails):
    path, tmp = tmp_path / "file", tmp_path / "tmp"
    tmp.mkdir()
    path.write_bytes(b"old")

    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(OSError, match="No space"):
        files.write_whole(str(path), b"new", str(tmp))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp) == []


def test_reading_is_limited(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert len(files.read_plain(str(tmp_path / "file"), 10)) == 11


def test_a_directory_is_not_made_where_a_link_is(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(CorralError) as caught:
        files.make_directory(str(tmp_path / "link"))
    assert caught.value.kind == "not_a_directory"


def test_what_is_private_is_for_its_owner_only_and_makes_its_folder(tmp_path):
    path = tmp_path / "corral" / "ollama" / "proofs.json"
    files.write_private(str(path), b"{}")
    assert path.read_bytes() == b"{}"
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent)] == [0o600, 0o700]


def test_what_is_private_is_not_written_through_a_linked_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ollama").symlink_to("elsewhere")
    with pytest.raises(CorralError) as raised:
        files.write_private(str(tmp_path / "ollama" / "proofs.json"), b"{}")
    assert raised.value.kind == "not_a_directory"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_path_leaves_the_store(tmp_path):
    paths = store_at(str(tmp_path))
    with pytest.raises(InvalidDigest):
        paths.blob("../../etc/passwd")
    with pytest.raises(InvalidName):
        paths.manifest(ModelName("..", "..", "..", "passwd"))
    for path in ("", "relative", "/", "//", "/a/../b", "/a\0b"):
        with pytest.raises(BadInput):
            store_at(path)


def test_a_manifest_behind_a_linked_directory_is_not_read(golden, tmp_path):
    paths = store_at(str(golden))
    name = parse_name("127.0.0.1:5056/library/tiny:1b")
    assert reading.stored_model(paths, name).digest
    (golden / "manifests" / "127.0.0.1:5056").rename(tmp_path / "away")
    (golden / "manifests" / "127.0.0.1:5056").symlink_to(tmp_path / "away")
    assert reading.stored_model(paths, name) is None
    assert reading.model_names(paths) == ()
