# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of receipts: what was appended is read again, and nothing that is torn or foreign is believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.receipts import Receipt, Stamp, parse_line
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile, stamp_of
from ansible_collections.corral.ollama.plugins.modules import store_model
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, put, put_blob, ready_store

A, B = "a" * 64, "b" * 64


@pytest.fixture
def paths(tmp_path):
    return ready_store(tmp_path / "store")


def receipt(name, found="", inode=1, at=100.5):
    return Receipt(name, found or name, Stamp(inode, 2, 3, 4), at)


def test_none_is_there_before_the_first(paths):
    assert ReceiptFile(paths).load() == {}


def test_the_last_of_a_digest_counts(paths):
    file = ReceiptFile(paths)
    file.append([receipt(A), receipt(B, found=A)])
    file.append([receipt(A, inode=9)])
    assert file.load() == {A: receipt(A, inode=9), B: receipt(B, found=A)}
    assert [one.ok for one in file.load().values()] == [True, False]
    assert os.stat(paths.receipts).st_mode & 0o777 == 0o600


def test_a_torn_line_spoils_no_other(paths):
    file = ReceiptFile(paths)
    file.append([receipt(A)])
    with open(paths.receipts, "a") as torn:
        torn.write(receipt(B).line()[:90])
    file.append([receipt(B, inode=7)])
    assert file.load() == {A: receipt(A), B: receipt(B, inode=7)}


@pytest.mark.parametrize(
    "line",
    ["", "{}", "[]", "null", '["x","y",1,2,3,4,5]', f'["{A}","{A}",1,2,3,true,5]', f'["{A}","{A}",1,2,3,4,"x"]',
     f'["{A}","../../etc/passwd",1,2,3,4,5]', f'["{A.upper()}","{A}",1,2,3,4,5]', "\0" * 10,
     f'["{A}","{A}",1,2,3,4,1{"0" * 400}]', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_receipt(line):
    assert parse_line(line) is None


def test_compacting_keeps_the_last_receipt_of_what_is_named(paths):
    file = ReceiptFile(paths)
    file.append(receipt(A, inode=number) for number in range(50))
    file.append([receipt(B)])
    file.compact({A})
    assert file.load() == {A: receipt(A, inode=49)}
    assert len(Path(paths.receipts).read_text().splitlines()) == 1


def test_a_journal_that_is_a_link_is_not_followed(paths, tmp_path):
    (tmp_path / "elsewhere").write_text(receipt(A).line())
    os.symlink(tmp_path / "elsewhere", paths.receipts)
    assert ReceiptFile(paths).load() == {}


def test_another_link_leaves_the_same_file(paths):
    path = put_blob(paths, b"data")
    before = Receipt(A, A, stamp_of(str(path)), 1.0)
    os.link(path, f"{path}-too")
    os.chmod(path, 0o600)
    after = stamp_of(str(path))
    assert (before.matches(after), before.same_file(after)) == (False, True)
    path.write_bytes(b"atad!")
    assert before.same_file(stamp_of(str(path))) is False
    assert before.same_file(None) is False


def test_what_is_published_has_receipts_that_match(paths):
    put(paths.staging, "m:1", b"config", b"weights")
    put(paths, "other:1", b"config", b"else")
    assert run_module(store_model, args(paths, name="m:1")).changed
    found = ReceiptFile(paths).load()
    assert set(found) == {digest(b"config"), digest(b"weights")}
    for name, one in found.items():
        assert one.ok
        assert one.matches(stamp_of(paths.blob(name)))
