# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a load test on its host: what the generator reads, what it writes, and nobody else may enter."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from ..core import load_outcome
from ..core.errors import CorralError
from ..engine.load_generator import USER

LONGEST = 64 * 1024
"""Bytes of one line of the results: a longer one is none of the generator's."""
FILES = ("locustfile.py", "load_client.py")
_RUN = re.compile(r"run-[0-9a-f]{8}")


class LoadFolder:
    """A folder of its own below ``path`` for each test: a run whose controller was killed may still be at work in its
    own, and must not touch that of the next. Only the last one's results stay."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.run = os.path.join(path, f"run-{secrets.token_hex(4)}")
        self.plan, self.results = os.path.join(self.run, "in"), os.path.join(self.run, "out")

    @property
    def requests(self) -> str:
        return os.path.join(self.results, "requests.jsonl")

    def make(self, generator: Mapping[str, str], plan: Mapping[str, Any], schedule: Iterable[str], ca: str) -> None:
        """Write everything anew. Raises CorralError where that is impossible."""
        try:
            self._clear()
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            os.chmod(self.path, 0o700)
            for folder in (self.run, self.plan, self.results):
                os.mkdir(folder, 0o700)
            for name, text in {**generator, "load_outcome.py": inspect.getsource(load_outcome)}.items():
                self._write(name, [text])
            self._write("plan.json", [json.dumps(plan)])
            self._write("schedule.txt", schedule)
            if ca:
                with open(ca, encoding="utf-8") as file:
                    self._write("ca.pem", [file.read()])
            for folder in (self.plan, self.results):
                os.chown(folder, USER, USER)
        except (OSError, UnicodeDecodeError) as error:
            raise CorralError(
                f"The folder {self.path} of the load test cannot be made: {error}.",
                kind="load_folder",
                remedy="Run the play with become: true, and look at the space on the disk and at load_test_ca_path.",
                path=self.path,
            ) from error

    def forget(self) -> None:
        """Remove what the generator read: the key of the gateway is part of it."""
        shutil.rmtree(self.plan, ignore_errors=True)

    def progress(self) -> dict[str, Any]:
        """How far the generator is; {} as long as it says nothing."""
        try:
            with self._opened("progress.json") as file:
                told = json.loads(file.read(LONGEST))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def records(self) -> Iterator[dict[str, Any]]:
        """A dictionary per line of the results; what is none is left out."""
        with contextlib.suppress(OSError, UnicodeDecodeError), self._opened("requests.jsonl") as file:
            for line in iter(lambda: file.readline(LONGEST), ""):
                with contextlib.suppress(ValueError, RecursionError):
                    record = json.loads(line)
                    if isinstance(record, dict):
                        yield record

    def _clear(self) -> None:
        """Only what tests have made: the path is an option, and may be anything."""
        with contextlib.suppress(FileNotFoundError):
            for name in filter(_RUN.fullmatch, os.listdir(self.path)):
                shutil.rmtree(os.path.join(self.path, name))

    def _write(self, name: str, pieces: Iterable[str]) -> None:
        path = os.path.join(self.plan, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
            file.writelines(pieces)
            os.chown(path, USER, USER)

    def _opened(self, name: str) -> TextIO:
        """The generator's folder is its own: what it may have put there in place of a file is not followed."""
        number = os.open(os.path.join(self.results, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise OSError(f"{name} is no file")
        return open(number, encoding="utf-8", errors="replace")
