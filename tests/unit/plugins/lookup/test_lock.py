# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup lock: where the file is, what is in it, and that a broken one is never ignored."""

from __future__ import annotations

import os

import pytest
from ansible.errors import AnsibleLookupError
from ansible_collections.corral.ollama.plugins.lookup.lock import LookupModule
from ansible_collections.corral.ollama.plugins.module_utils.core.lockfile import Lock, render_lock
from ansible_collections.corral.ollama.plugins.plugin_utils import locks
from ansible_collections.corral.ollama.plugins.plugin_utils.locks import lock_path, write_lock
from ansible_collections.corral.ollama.tests.unit.locks import lock, locked

LOCK = lock(locked("mistral:7b", "1"))


@pytest.fixture
def inventory(tmp_path, monkeypatch):
    """A folder with an inventory file, and another one to work in."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "fleet"
    folder.mkdir()
    (folder / "hosts.yml").write_text("all:")
    return folder


def look(*terms, **variables):
    return LookupModule().run(list(terms), variables)


def beside(folder):
    return {"inventory_dir": str(folder), "ansible_inventory_sources": [str(folder / "hosts.yml")]}


def test_no_file_no_pins(inventory):
    assert look(**beside(inventory)) == [{}]
    assert look("nosuch.yml") == [{}]


def test_it_is_next_to_the_inventory(inventory):
    write_lock(str(inventory / "corral.lock.yml"), LOCK)
    assert look(**beside(inventory)) == [LOCK.as_dict()]
    assert look("", **beside(inventory)) == [LOCK.as_dict()]


def test_an_inventory_that_is_a_folder_would_take_it_for_hosts(inventory, tmp_path):
    for source in (inventory, tmp_path):
        variables = {"inventory_dir": str(inventory), "ansible_inventory_sources": [str(source)]}
        assert lock_path("", variables) == str(inventory / "group_vars" / "corral.lock.yml")


@pytest.mark.parametrize("folder", [None, "None", "/no/such/folder"])
def test_without_an_inventory_file_it_is_in_the_current_folder(inventory, tmp_path, folder):
    variables = {"inventory_dir": folder, "ansible_inventory_sources": ["host1,"]}
    assert lock_path("", variables) == str(tmp_path / "corral.lock.yml")


def test_another_file(inventory, tmp_path):
    write_lock(str(tmp_path / "staging/corral.lock.yml"), LOCK)
    assert look("staging/corral.lock.yml", **beside(inventory)) == [LOCK.as_dict()]
    assert lock_path("~/x.yml", {}) == os.path.expanduser("~/x.yml")


def test_a_lock_without_models_pins_nothing(inventory):
    write_lock(str(inventory / "corral.lock.yml"), Lock())
    assert look(**beside(inventory)) == [{}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("# nothing\n", "it is empty"),
        ("schema: [", "it is no YAML"),
        ("<<<<<<< HEAD\n" + render_lock(LOCK), "it is no YAML"),
        (render_lock(LOCK).replace("schema: 1", "schema: 1\nschema: 1"), "found 'schema' twice"),
        ("schema: &a 1\nmodels: {}\n", "YAML anchor"),
        ("a: &a [x,x]\nb: &b [*a,*a]\n", "YAML anchor"),
        ("schema: !!python/object/apply:os.getcwd []\n", "it is no YAML"),
        (render_lock(LOCK).replace("size: 200", "size: 201"), "its size is 201"),
        ("\x00", "it is no YAML"),
    ],
)
def test_a_broken_lock_is_an_error_that_names_the_file(inventory, text, words):
    path = inventory / "corral.lock.yml"
    path.write_text(text)
    with pytest.raises(AnsibleLookupError) as caught:
        look(**beside(inventory))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "corral.ollama.lock" in str(caught.value)


def test_what_is_no_file_is_not_opened(inventory):
    path = inventory / "corral.lock.yml"
    os.mkfifo(path)
    with pytest.raises(AnsibleLookupError, match="it is no file"):
        look(**beside(inventory))
    path.unlink()
    path.mkdir()
    with pytest.raises(AnsibleLookupError, match="it is no file"):
        look(**beside(inventory))
    path.rmdir()
    path.symlink_to("nowhere")
    with pytest.raises(AnsibleLookupError, match="leads nowhere"):
        look(**beside(inventory))
    path.unlink()
    with open(path, "wb") as file:
        file.truncate(4 * 1024 * 1024 + 1)
    with pytest.raises(AnsibleLookupError, match="no lock has more than"):
        look(**beside(inventory))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AnsibleLookupError, match="it is no YAML"):
        look(**beside(inventory))


def test_a_file_that_stays_as_it_is_is_read_once(inventory, monkeypatch):
    path = str(inventory / "corral.lock.yml")
    write_lock(path, LOCK)
    read = []
    parsed = locks._parsed
    monkeypatch.setattr(locks, "_parsed", lambda where: read.append(where) or parsed(where))
    for _again in range(5):
        look(**beside(inventory))
    assert read == [path]
    write_lock(path, lock(locked("mistral:7b", "2")))
    assert look(**beside(inventory))[0]["models"]["mistral:7b"]["digest"] == "2" * 64
    assert read == [path, path]


def test_a_link_to_a_lock_is_written_through(inventory, tmp_path):
    (inventory / "corral.lock.yml").symlink_to(tmp_path / "shared.yml")
    (tmp_path / "shared.yml").write_text(render_lock(Lock()))
    write_lock(str(inventory / "corral.lock.yml"), LOCK)
    assert (inventory / "corral.lock.yml").is_symlink()
    assert look(**beside(inventory)) == [LOCK.as_dict()]


def test_too_many_terms(inventory):
    with pytest.raises(AnsibleLookupError, match="one term"):
        look("a", "b")
