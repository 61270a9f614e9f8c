"""Every recording is replayed or named as not reproduced, here and in the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import table
from compare import TRANSCRIPTS

HERE = Path(__file__).resolve().parent
README = HERE.parents[1] / "practice" / "server" / "README.md"


def test_the_table_is_complete() -> None:
    listed = [name for module in table.REPLAYED for name in table.names(module)] + list(table.NOT_REPRODUCED)
    assert sorted(listed) == sorted(path.stem for path in TRANSCRIPTS.glob("*.json"))


@pytest.mark.parametrize("module", list(table.REPLAYED))
def test_every_part_of_the_table_has_its_tests(module: str) -> None:
    text = (HERE / f"test_replay_{module}.py").read_text()
    assert f'table.names("{module}")' in text


def test_the_readme_names_the_same() -> None:
    section = README.read_text().split("## Recordings that are not reproduced")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", section, re.MULTILINE))
    assert rows == table.NOT_REPRODUCED
