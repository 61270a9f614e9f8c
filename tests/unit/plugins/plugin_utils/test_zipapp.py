# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in one file: the same bytes each time, all that it needs and nothing else, and it runs by itself."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.plugin_utils.zipapp import COLLECTION, reached, version_of, zipapp


@pytest.fixture
def copy(tmp_path):
    """The collection somewhere else, as on another controller, with other times."""
    shutil.copytree(COLLECTION / "plugins/module_utils", tmp_path / "plugins/module_utils")
    shutil.copy(COLLECTION / "galaxy.yml", tmp_path)
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (1, 1))
    return tmp_path


def test_the_same_code_gives_the_same_bytes(copy):
    assert zipapp("exporter", copy)[0] == zipapp("exporter")[0]


def test_nothing_in_it_depends_on_when_or_with_what_it_was_made():
    with zipfile.ZipFile(io.BytesIO(zipapp("exporter")[0])) as archive:
        made = {(entry.date_time, entry.compress_type, entry.external_attr >> 16) for entry in archive.infolist()}
    assert made == {((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED, 0o644)}


def test_other_code_gives_others(copy):
    path = copy / "plugins/module_utils/core/names.py"
    path.write_text(path.read_text() + "# more\n")
    assert zipapp("exporter", copy)[0] != zipapp("exporter")[0]


def test_what_is_not_reached_is_not_in_it(copy):
    (copy / "plugins/module_utils/core/unused.py").write_text("")
    data, names = zipapp("exporter", copy)
    assert data == zipapp("exporter")[0]
    assert {"__main__.py", "corral/__init__.py", "corral/exporter/__init__.py", "corral/core/names.py"} <= set(names)
    assert not [name for name in names if "rolling" in name or "unused" in name or name.endswith("glue/run.py")]


def test_nothing_in_it_needs_ansible():
    with zipfile.ZipFile(io.BytesIO(zipapp("exporter")[0])) as archive:
        guilty = [name for name in archive.namelist() if b"import ansible" in archive.read(name)]
        guilty += [name for name in archive.namelist() if b"from ansible" in archive.read(name)]
    assert guilty == []


def test_it_runs_without_anything_of_the_collection(tmp_path):
    program = tmp_path / "exporter.pyz"
    program.write_bytes(zipapp("exporter")[0])
    run = subprocess.run(
        [sys.executable, "-I", str(program), "/no/such/file"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "/no/such/file" in run.stderr


def test_imports_are_followed_wherever_they_stand(tmp_path):
    for name, text in {
        "app/main.py": "from .part import x\nfrom ..core import names\n",
        "app/part.py": "def f():\n    from ..core.other import y\n",
        "core/names.py": "import os\n",
        "core/other.py": "from . import names, missing\n",
        "core/alone.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(reached("app.main", tmp_path)) == ["app/main.py", "app/part.py", "core/names.py", "core/other.py"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("galaxy.yml", "version: 1.2.3"), ("MANIFEST.json", '{"collection_info": {"version": "1.2.3"}}')],
)
def test_the_version_is_that_of_the_collection(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert version_of(tmp_path) == "1.2.3"


@pytest.mark.parametrize(
    ("name", "text"), [("galaxy.yml", "["), ("MANIFEST.json", "{}"), ("galaxy.yml", "none"), ("x", "")]
)
def test_a_collection_without_a_version_is_damaged(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(CorralError, match=str(tmp_path)):
        version_of(Path(tmp_path))
