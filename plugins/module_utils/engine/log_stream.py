# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's log as a stream, of whatever size.

``APIClient.logs(stream=True)`` does not serve here: it takes the log of a container with a terminal byte by byte, loses
which stream a line is from, and switches off the time-out, so that an engine that hangs would hang the check.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ..core.libraries import require
from ..core.log_lines import Assembler, Frames, Line, RawLines
from .client import EngineError

_PIECE = 64 * 1024


class LogStream:
    """The lines of ``container`` (an inspection) since a moment in the engine's notation, both streams.

    ``last``: no more than so many entries, the last ones, which the engine finds without reading all that it has; 0 for
    all. After they are through, ``entries`` and ``size`` say how many entries and bytes came, ``cut`` how many lines
    were too long, and ``problem`` why not everything could be read.
    """

    def __init__(self, api: Any, container: dict[str, Any], since: str, since_seconds: int, last: int = 0) -> None:
        self._api, self._container, self._seconds, self._last = api, container, since_seconds, last
        self._lines = Assembler(since)
        self.name = container["Name"].lstrip("/")
        self.driver = str((container["HostConfig"].get("LogConfig") or {}).get("Type") or "unknown")
        self.entries = self.size = 0

    @property
    def cut(self) -> int:
        return self._lines.cut

    @property
    def problem(self) -> str:
        return self._lines.problem

    def __iter__(self) -> Iterator[Line]:
        terminal = bool(self._container["Config"].get("Tty"))
        frames = RawLines() if terminal else Frames()
        with self._speaking(), closing(self._open()) as answer:
            while True:
                piece = answer.raw.read(_PIECE)
                self.size += len(piece)
                for stream, payload in frames.feed(piece) if piece else frames.end():
                    self.entries += 1
                    yield from self._lines.take(stream, payload)
                if not piece:
                    break
        yield from self._lines.end()
        if not frames.whole:
            raise EngineError(f"The engine's answer with the log of {self.name} ended too early.", remedy="Run again.")

    def _open(self) -> Any:
        api = self._api
        shown = {"stdout": 1, "stderr": 1, "timestamps": 1, "follow": 0}
        asked = {**shown, "tail": self._last or "all", "since": self._seconds}
        url = f"{api.base_url}/v{api.api_version}/containers/{self._container['Id']}/logs"
        answer = api.get(url, params=asked, stream=True, timeout=api.timeout)
        if answer.status_code == 200:
            return answer
        with closing(answer):
            raise self._refused(answer)

    def _refused(self, answer: Any) -> EngineError:
        try:
            said = str(answer.json()["message"])
        except (ValueError, KeyError, TypeError):
            said = answer.text[:300]
        facts = {"container": self.name, "log_driver": self.driver, "cause": said}
        if answer.status_code == 404:
            text = f"The container {self.name} was removed while its log was looked for."
            return EngineError(text, kind="container_missing", remedy="Run again.", **facts)
        text = f"The log of {self.name} (log driver {self.driver}) cannot be read: {said}."
        remedy = "Look at the engine's log (journalctl -u docker), and run again."
        if "does not support reading" in said:
            remedy = "Give the container the log driver local, json-file or journald, or leave it out of the check."
        return EngineError(text, kind="log_unreadable", remedy=remedy, **facts)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """The transport's errors while the answer is read come from urllib3, not from requests."""
        broken = (require("requests").RequestException, require("urllib3").exceptions.HTTPError, OSError)
        try:
            yield
        except broken as error:
            text = f"The engine's answer with the log of {self.name} broke off: {error}."
            remedy = "Look at the engine's log (journalctl -u docker), and run again."
            raise EngineError(text, kind="log_broken", remedy=remedy, container=self.name) from error
