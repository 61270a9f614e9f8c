# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress file: seldom written, always whole, and never a reason to fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.progress import Progress
from ansible_collections.corral.ollama.plugins.module_utils.glue.progress_file import ProgressFile
from ansible_collections.corral.ollama.plugins.module_utils.glue.pull_progress import PullReporter
from ansible_collections.corral.ollama.plugins.module_utils.server.pull_state import PullEvent, Retry


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_at_most_four_writes_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "p.json", Clock()
    file = ProgressFile(str(path), clock)
    written = set()
    for step in range(200):
        clock.now = step / 100
        file.write(Progress("m:1", completed=step, phase="pulling"))
        written.add(read(path)["completed"])
    assert len(written) <= 9
    assert read(path)["pid"] == os.getpid()
    assert os.listdir(tmp_path) == ["p.json"]


def test_a_new_phase_model_or_note_and_the_end_are_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    file = ProgressFile(str(path), Clock())
    for progress in (Progress("m"), Progress("m", phase="a"), Progress("n", phase="a"), Progress("n", note="x")):
        file.write(progress)
        assert read(path) == {**progress.as_dict(), "pid": os.getpid(), "done": False}
    file.write(Progress("n", completed=9, note="x"), done=True)
    assert read(path)["done"] is True


def test_no_path_and_a_path_that_cannot_be_written_do_no_harm(tmp_path: Path) -> None:
    ProgressFile(None).write(Progress("m"))
    ProgressFile(str(tmp_path / "no" / "p.json")).write(Progress("m"))
    assert list(tmp_path.iterdir()) == []


def test_the_events_of_a_pull(tmp_path: Path) -> None:
    path, clock = tmp_path / "p.json", Clock()
    reporter = PullReporter("m:1", ProgressFile(str(path), clock), total=1000, clock=clock)
    seen = []
    for event in (
        PullEvent("pulling manifest"),
        PullEvent("pulling aaaa", "a" * 64, 800, 200),
        PullEvent("pulling aaaa", "a" * 64, 800, 800),
        PullEvent("pulling bbbb", "b" * 64, 100, 100),
        PullEvent("verifying sha256 digest"),
        PullEvent("writing manifest"),
        PullEvent("success"),
    ):
        clock.now += 1
        reporter.on_event(event)
        seen.append((read(path)["phase"], read(path)["completed"], read(path)["total"]))
    assert seen == [
        ("pulling manifest", 0, 0),
        ("pulling", 200, 1000),
        ("pulling", 800, 1000),
        ("pulling", 900, 1000),
        ("verifying", 0, 0),
        ("finishing", 0, 0),
        ("pulled", 0, 0),
    ]


def test_a_retry_is_told(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    reporter = PullReporter("m:1", ProgressFile(str(path)))
    reporter.on_retry(Retry(1, "stalled", "…", 120.0, 2.0))
    assert read(path)["phase"] == "waiting 2 s for attempt 2"
    assert read(path)["note"] == "attempt 1 failed: stalled"
