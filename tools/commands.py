#!/usr/bin/env python
"""The commands that the README, the guides and the runbook tell people to type, for the tests that run them.

A command is a line of a ```bash block, continued lines joined and comments gone. A block after the line
``<!-- not run: REASON -->`` is shown only. ``commands.py`` prints them all, each with where it stands.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"^(?:<!-- not run: (?P<why>[^\n]+?) -->\n+)?```bash\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
ON_THE_CONTROLLER = ("jq", "make", "molecule/run", "pip", "python", "python3")


class Command(NamedTuple):
    """``why`` says why it is not run, where it is not."""

    document: str
    line: int
    text: str
    why: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)

    @property
    def on_the_host(self) -> bool:
        """Whether it is for the managed host: what is not Ansible's is."""
        return self.words[0] not in ON_THE_CONTROLLER and not self.words[0].startswith("ansible")


def documents() -> list[Path]:
    folders = (ROOT / "docs/guides", ROOT / "docs/runbook")
    return [ROOT / "README.md", *(path for folder in folders for path in sorted(folder.glob("*.md")))]


def commands() -> list[Command]:
    """All of them, in the order of the documents."""
    return [command for path in documents() for command in _of(path)]


def _of(path: Path) -> Iterator[Command]:
    text = path.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start("body")) + 1
        for offset, command in _joined(block["body"]):
            yield Command(path.relative_to(ROOT).as_posix(), first + offset, command, block["why"] or "")


def _joined(body: str) -> Iterator[tuple[int, str]]:
    """(line within the block, command) for each; a quote that is open at the end of a line is closed on a later one."""
    pending, begun = "", 0
    for number, line in enumerate(body.splitlines()):
        pending, begun = (pending + line, begun) if pending else (line, number)
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        try:
            empty = not shlex.split(pending, comments=True)
        except ValueError:
            pending += "\n"
            continue
        if not empty:
            yield begun, _without_comment(pending)
        pending = ""
    if pending.strip():
        raise ValueError(f"a command that does not end: {pending}")


def _without_comment(text: str) -> str:
    """Up to a # that stands after blanks and outside of quotes."""
    for found in re.finditer(r"\s+#", text):
        try:
            shlex.split(text[: found.start()])
        except ValueError:
            continue
        return text[: found.start()].strip()
    return text.strip()


if __name__ == "__main__":
    for each in commands():
        shown = f"  [not run: {each.why}]" if each.why else ""
        print(f"{each.document}:{each.line}: {each.text}{shown}")
