# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module in the background on its host and prints its progress until it ends; returns the module's own result.

A module cannot print; an action can, and each of its lines is a live event in AWX. The module writes its progress into
a small file (``progress_path``), which is read here with ``cat`` over the task's connection, become included.

If the controller is killed, nobody tells the module: it works on to its end on the host, like a module over SSH with
pipelining would. Its limit is LIMIT; what it changes it changes atomically, and under a lease where a store is shared.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ..module_utils.core.progress import Progress, progress_from
from .lines import Lines

LIMIT = 7 * 24 * 3600
"""Seconds after which the background job is killed on the host. The modules give up long before when nothing moves."""

FIRST_POLL, LAST_POLL = 0.25, 2.0
PATIENCE = 120.0
"""Seconds for which the connection may be lost before the task fails."""

GRACE = 5.0
"""Seconds for which the module's process may be gone before its result is there."""

_OF_THE_JOB = ("ansible_job_id", "started", "finished", "results_file", "stderr", "stderr_lines")


def run_with_progress(action: Any, module: str, task_vars: dict[str, Any]) -> dict[str, Any]:
    """The result of ``module``, followed where that makes sense (not in check mode, with async, with no_log)."""
    task = action._task
    if task.async_val or task.check_mode or task.no_log:
        wrap = bool(task.async_val)
        return dict(action._execute_module(module_name=module, task_vars=task_vars, wrap_async=wrap))
    return Follower(action, module, task_vars).run()


class Follower:
    """One background job on one host."""

    def __init__(
        self,
        action: Any,
        module: str,
        task_vars: dict[str, Any],
        *,
        show: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._action, self._module, self._vars = action, module, task_vars
        self._show = show or Display().display
        self._clock, self._sleep = clock, sleep
        host = str(task_vars.get("inventory_hostname", "host"))
        delegate = action._task.delegate_to
        self._host = f"{host} -> {delegate}" if delegate and delegate != host else host
        self._what = str(action._task.args.get("name") or module)
        self._job = self._progress = ""
        self._gone_since: float | None = None

    def run(self) -> dict[str, Any]:
        """Start, follow, fetch, clean up."""
        async_dir = self._action._remote_expand_user(
            self._action.get_shell_option("async_dir", default="~/.ansible_async")
        )
        # The wrapper is told the same: where HOME is not the user's folder, "~" is another one to a Python than to us.
        self._action._connection._shell.set_option("async_dir", async_dir)
        self._progress = f"{async_dir.rstrip('/')}/corral-{secrets.token_hex(8)}.json"
        started = self._start()
        if started.get("failed") or not started.get("ansible_job_id"):
            return started
        self._job = str(started["results_file"])
        problem = self._follow()
        result = problem or self._fetch(str(started["ansible_job_id"]), async_dir)
        self._clean()
        return _as_if_direct(result, started)

    def _start(self) -> dict[str, Any]:
        task = self._action._task
        args = {"progress_path": self._progress, **task.args}
        self._progress = str(args["progress_path"] or self._progress)
        before = task.async_val
        # The wrapper takes its time limit from the task; put back, so that nobody polls the task itself.
        task.async_val = LIMIT
        try:
            return dict(
                self._action._execute_module(
                    module_name=self._module,
                    module_args={**args, "progress_path": self._progress},
                    task_vars=self._vars,
                    wrap_async=True,
                )
            )
        finally:
            task.async_val = before

    def _follow(self) -> dict[str, Any] | None:
        """Returns when the job has ended; with a failure when its process vanished without a result."""
        lines = Lines(self._host, self._what, self._clock())
        pause = FIRST_POLL
        pid = 0
        while True:
            self._sleep(pause)
            pause = min(LAST_POLL, pause * 1.4)
            running, seen, alive = self._poll(pid, lines)
            if not running:
                return None
            pid = _pid_of(seen) or pid
            if self._vanished(alive):
                return {"failed": True, "msg": self._lost_process(pid)}
            self._print(lines, progress_from(seen) if seen else None)

    def _print(self, lines: Lines, progress: Progress | None) -> None:
        line = lines.line(progress, self._clock())
        if line:
            self._show(line)

    def _poll(self, pid: int, lines: Lines) -> tuple[bool, dict[str, Any], bool]:
        """(still running, what the module wrote, its process lives). A lost connection is waited for."""
        job, progress = shlex.quote(self._job), shlex.quote(self._progress)
        alive = f"kill -0 {pid} 2>/dev/null && echo alive" if pid else "echo alive"
        command = f"head -c 300 {job} 2>/dev/null; echo; cat {progress} 2>/dev/null; echo; {alive} || true"
        since = self._clock()
        while True:
            try:
                answer = self._action._low_level_execute_command(command, sudoable=True)
                break
            except AnsibleConnectionFailure as error:
                if self._clock() - since > PATIENCE:
                    raise
                lost = f"connection lost, the module works on there: {error}"
                self._print(lines, Progress(self._what, phase="following", note=" ".join(lost.split())))
                with contextlib.suppress(Exception):
                    self._action._connection.reset()
                self._sleep(LAST_POLL)
        text = [*str(answer.get("stdout", "")).splitlines(), "", "", ""]
        return _is_running(text[0]), _object(text[1]), "alive" in text[2:]

    def _vanished(self, alive: bool) -> bool:
        if alive:
            self._gone_since = None
            return False
        self._gone_since = self._gone_since or self._clock()
        return self._clock() - self._gone_since > GRACE

    def _lost_process(self, pid: int) -> str:
        return (
            f"The process {pid} of {self._module} on {self._host} ended without a result: it was killed, or the host"
            " was restarted. Run it again; what was finished is kept."
        )

    def _fetch(self, job_id: str, async_dir: str) -> dict[str, Any]:
        args = {"jid": job_id, "mode": "status", "_async_dir": async_dir}
        return dict(
            self._action._execute_module(
                module_name="ansible.legacy.async_status", module_args=args, task_vars=self._vars
            )
        )

    def _clean(self) -> None:
        files = " ".join(shlex.quote(path) for path in (self._job, self._progress, f"{self._progress}.new"))
        with contextlib.suppress(AnsibleConnectionFailure):
            self._action._low_level_execute_command(f"rm -f {files}", sudoable=True)


def _as_if_direct(result: dict[str, Any], started: Mapping[str, Any]) -> dict[str, Any]:
    """The result without the traces of the background job, with what only the start could know (the interpreter)."""
    kept = {key: value for key, value in result.items() if key not in _OF_THE_JOB}
    arguments = kept.get("invocation", {}).get("module_args", {})
    if "progress_path" in arguments:
        arguments["progress_path"] = None
    facts = {**started.get("ansible_facts", {}), **kept.get("ansible_facts", {})}
    if facts:
        kept["ansible_facts"] = facts
    warnings = [*(started.get("warnings") or []), *(kept.get("warnings") or [])]
    if warnings:
        kept["warnings"] = warnings
    return kept


def _is_running(head: str) -> bool:
    """The job's file says so until the module's result replaces it; a cut-off result is no JSON."""
    state = _object(head)
    return not head or ("started" in state and not state.get("finished"))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _pid_of(seen: Mapping[str, Any]) -> int:
    pid = seen.get("pid")
    return pid if isinstance(pid, int) and pid > 1 else 0
