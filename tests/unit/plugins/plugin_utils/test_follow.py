# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Following a background job: what is printed when, and that exactly the module's result comes back."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.corral.ollama.plugins.module_utils.core.progress import Progress
from ansible_collections.corral.ollama.plugins.plugin_utils import follow
from ansible_collections.corral.ollama.plugins.plugin_utils.lines import Lines

RUNNING = json.dumps({"started": True, "finished": False, "ansible_job_id": "j1.2"})
OLD_RUNNING = json.dumps({"started": 1, "finished": 0, "ansible_job_id": "j1.2"})
STARTED = {
    "started": True,
    "finished": False,
    "ansible_job_id": "j1.2",
    "results_file": "/home/bob/.ansible_async/j1.2",
}
RESULT = {"changed": True, "digest": "abc", "invocation": {"module_args": {"name": "m:1", "progress_path": "/x"}}}


def progress(**values: Any) -> str:
    return json.dumps({"model": "m:1", "total": 200, "phase": "pulling", "pid": 77, **values})


def polled(job: str, written: str = "", alive: bool = True) -> str:
    return f"{job}\n{written}\n" + ("alive\n" if alive else "\n")


class FakeAction:
    """Answers polls in turn, the last for ever; its clock goes on by what is slept."""

    def __init__(self, *polls: Any, started: Any = None, result: Any = None, **task: Any) -> None:
        values = {"async_val": 0, "check_mode": False, "no_log": False, "delegate_to": None, "args": {"name": "m:1"}}
        self._task = SimpleNamespace(**{**values, **task})
        self.options: dict[str, str] = {}
        shell = SimpleNamespace(set_option=self.options.__setitem__)
        self._connection = SimpleNamespace(reset=lambda: None, _shell=shell)
        self._polls = list(polls)
        self._started, self._result = (
            started or STARTED,
            result or {**RESULT, "ansible_job_id": "j1.2", "finished": True},
        )
        self.commands: list[str] = []
        self.modules: list[tuple[str, dict[str, Any], bool, int]] = []
        self.now = 0.0
        self.shown: list[tuple[float, str]] = []

    def get_shell_option(self, _name: str, default: str) -> str:
        return default

    def _remote_expand_user(self, path: str) -> str:
        return path.replace("~", "/home/bob")

    def _execute_module(
        self, module_name: str, task_vars: Any, module_args: Any = None, wrap_async: bool = False
    ) -> dict[str, Any]:
        self.modules.append((module_name, module_args, wrap_async, self._task.async_val))
        return dict(self._started if wrap_async else self._result)

    def _low_level_execute_command(self, command: str, sudoable: bool) -> dict[str, str]:
        assert sudoable
        self.commands.append(command)
        if command.startswith("rm "):
            return {"stdout": ""}
        answer = self._polls.pop(0) if len(self._polls) > 1 else self._polls[0]
        if isinstance(answer, Exception):
            raise answer
        return {"stdout": answer}

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def run(action: FakeAction) -> dict[str, Any]:
    follower = follow.Follower(
        action,
        "corral.ollama.model",
        {"inventory_hostname": "gpu1"},
        show=lambda line: action.shown.append((action.now, line)),
        clock=lambda: action.now,
        sleep=action.sleep,
    )
    return follower.run()


def test_the_result_is_the_modules_own() -> None:
    action = FakeAction(polled(RUNNING, progress(completed=50)), polled(json.dumps(RESULT)))
    assert run(action) == {
        "changed": True,
        "digest": "abc",
        "invocation": {"module_args": {"name": "m:1", "progress_path": None}},
    }
    start, fetch = action.modules
    assert (start[0], start[2], start[3]) == ("corral.ollama.model", True, follow.LIMIT)
    assert start[1]["progress_path"].startswith("/home/bob/.ansible_async/corral-")
    assert fetch[0] == "ansible.legacy.async_status"
    assert fetch[1] == {"jid": "j1.2", "mode": "status", "_async_dir": "/home/bob/.ansible_async"}
    assert action.options == {"async_dir": "/home/bob/.ansible_async"}, (
        "the wrapper writes where the result is looked for"
    )
    assert action._task.async_val == 0
    assert action.commands[-1].startswith("rm -f /home/bob/.ansible_async/j1.2 /home/bob/.ansible_async/corral-")


def test_what_only_the_start_knows_is_kept() -> None:
    facts = {"discovered_interpreter_python": "/usr/bin/python3"}
    action = FakeAction(polled(json.dumps(RESULT)), started={**STARTED, "ansible_facts": facts, "warnings": ["w"]})
    result = run(action)
    assert (result["ansible_facts"], result["warnings"]) == (facts, ["w"])


def test_a_failure_comes_back_as_it_is() -> None:
    failed = {"failed": True, "msg": "no", "error": {"kind": "no_space"}, "ansible_job_id": "j1.2", "finished": True}
    assert run(FakeAction(polled('{"failed": tr'), result=failed)) == {
        "failed": True,
        "msg": "no",
        "error": {"kind": "no_space"},
    }


def test_a_module_that_does_not_start_is_reported_at_once() -> None:
    action = FakeAction(started={"failed": True, "msg": "no python"})
    assert run(action) == {"failed": True, "msg": "no python"}
    assert action.commands == []


def test_lines_tell_each_phase_at_once_and_something_every_ten_seconds() -> None:
    moving = [polled(RUNNING, progress(completed=done, rate=1.0)) for done in range(1, 20)]
    stalled = [polled(OLD_RUNNING, progress(completed=19, rate=1.0))] * 12
    verifying = [polled(RUNNING, progress(phase="verifying", total=0))] * 8
    action = FakeAction(*moving, *stalled, *verifying, polled(json.dumps(RESULT)))
    run(action)
    times = [0.0, *(at for at, _line in action.shown), action.now]
    assert max(later - earlier for earlier, later in zip(times, times[1:])) <= 10.0
    lines = [line for _at, line in action.shown]
    assert lines[0] == "gpu1: m:1 pulling 0 % (1 of 200 B, 1 B/s)"
    assert any("no bytes for" in line for line in lines)
    assert "gpu1: m:1 verifying" in lines
    assert len(lines) < 12
    assert all(
        line.startswith("gpu1: ") and len(line) < 200 and "\r" not in line and "\n" not in line for line in lines
    )


def test_silence_before_the_first_progress_is_broken_too() -> None:
    action = FakeAction(*[polled(RUNNING)] * 10, polled(json.dumps(RESULT)))
    run(action)
    assert action.shown[0][1].startswith("gpu1: m:1 working (no news for ")


def test_the_delegate_is_named() -> None:
    action = FakeAction(polled(RUNNING, progress()), polled("x"), delegate_to="store1")
    run(action)
    assert action.shown[0][1].startswith("gpu1 -> store1: ")


def test_a_lost_connection_is_waited_for() -> None:
    lost = AnsibleConnectionFailure("Broken\npipe")
    action = FakeAction(polled(RUNNING, progress()), *[lost] * 6, polled(json.dumps(RESULT)))
    assert run(action)["changed"] is True
    assert any("connection lost, the module works on there: Broken pipe" in line for _at, line in action.shown)


def test_a_connection_that_stays_lost_is_an_error() -> None:
    action = FakeAction(polled(RUNNING, progress()), AnsibleConnectionFailure("gone"))
    with pytest.raises(AnsibleConnectionFailure):
        run(action)
    assert follow.PATIENCE < action.now < follow.PATIENCE + 10


def test_a_process_that_vanished_is_an_error() -> None:
    action = FakeAction(polled(RUNNING, progress()), polled(RUNNING, progress(), alive=False))
    result = run(action)
    assert result["failed"] is True
    assert "The process 77 of corral.ollama.model on gpu1 ended without a result" in result["msg"]
    assert "kill -0 77" in action.commands[2]


def test_a_process_that_has_just_ended_gets_time_for_its_result() -> None:
    ended = polled(RUNNING, progress(), alive=False)
    assert run(FakeAction(polled(RUNNING, progress()), ended, ended, polled(json.dumps(RESULT))))["changed"] is True


@pytest.mark.parametrize("junk", ["{", "[1]", '{"pid": "x", "total": null, "eta": []}', "\x00"])
def test_a_broken_progress_file_does_no_harm(junk: str) -> None:
    assert run(FakeAction(polled(RUNNING, junk), polled(json.dumps(RESULT))))["changed"] is True


@pytest.mark.parametrize(
    ("task", "wrapped"), [({"check_mode": True}, False), ({"no_log": True}, False), ({"async_val": 60}, True)]
)
def test_where_nobody_looks_the_module_runs_as_any_other(task: dict[str, Any], wrapped: bool) -> None:
    action = FakeAction(**task)
    follow.run_with_progress(action, "corral.ollama.model", {})
    assert [(name, wrap) for name, _args, wrap, _limit in action.modules] == [("corral.ollama.model", wrapped)]
    assert action.commands == []


def test_a_retry_speaks_at_once() -> None:
    lines = Lines("gpu1", "m:1", 0.0)
    assert lines.line(Progress("m:1", phase="pulling"), 1.0)
    assert not lines.line(Progress("m:1", phase="pulling"), 2.0)
    waiting = Progress("m:1", phase="waiting 1 s for attempt 2", note="attempt 1 failed: stalled")
    assert lines.line(waiting, 2.5) == "gpu1: m:1 waiting 1 s for attempt 2 (attempt 1 failed: stalled)"
