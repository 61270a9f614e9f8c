"""Which models are loaded, who uses them, who waits, and when they go."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from . import gguf, log
from .config import Settings
from .errors import ApiError, ClientGone
from .faults import Faults
from .gguf import Header
from .gotime import stamp
from .model import Model, weights_size

BUSY = "server busy, please try again.  maximum pending requests exceeded"
CRASHED = "llama-server process has terminated: signal: killed"
NOT_STARTED = "timed out waiting for llama-server to start - "
Gone = Callable[[], bool]


@dataclass
class Runner:
    model: Model
    header: Header
    context: int
    vram: int
    size: int
    file: int
    file_size: int
    asked: int
    keep: float
    busy: int = 0
    dead: bool = False
    expires: float = field(default_factory=lambda: time.time() + 300.0)

    def check(self) -> None:
        """A file that was cut under a runner kills it; one that was unlinked does not."""
        if os.fstat(self.file).st_size < self.file_size:
            self.dead = True
            raise ApiError(500, "an error was encountered while running the model: unexpected EOF")

    def close(self) -> None:
        os.close(self.file)

    def listing(self) -> dict[str, Any]:
        return {
            "name": self.model.name.short,
            "model": self.model.name.short,
            "size": self.size,
            "digest": self.model.manifest.digest,
            "details": self.model.details(),
            "expires_at": stamp(self.expires),
            "size_vram": self.vram,
            "context_length": self.context,
        }


class Scheduler:
    def __init__(self, settings: Settings, faults: Faults):
        self.settings = settings
        self.faults = faults
        self._changed = threading.Condition()
        self._runners: dict[str, Runner] = {}
        self._loading: set[str] = set()
        self._waiting = 0

    def acquire(self, model: Model, shown: str, options: dict[str, Any], gone: Gone) -> tuple[Runner, float]:
        """A place in a runner of this model and the seconds until it was there."""
        began = time.monotonic()
        with self._changed:
            if self._waiting >= self.settings.max_queue or self.faults.take("queue_full", model=shown):
                raise ApiError(503, BUSY)
            self._waiting += 1
        try:
            return self._wait(model, shown, options, gone), time.monotonic() - began
        finally:
            with self._changed:
                self._waiting -= 1

    def _wait(self, model: Model, shown: str, options: dict[str, Any], gone: Gone) -> Runner:
        while True:
            with self._changed:
                runner, may_load = self._try(model.weights, self._context_asked(model, options))
                if runner:
                    return runner
                if not may_load:
                    self._changed.wait(0.05)
            if gone():
                raise ClientGone(499)
            if may_load:
                self._load(model, shown, options, gone)

    def _context_asked(self, model: Model, options: dict[str, Any]) -> int:
        return int(options.get("num_ctx") or model.params.get("num_ctx") or self.settings.context_length)

    def _try(self, key: str, context: int) -> tuple[Optional[Runner], bool]:
        """Who asks for another context than the runner was loaded for has it loaded anew, a plain request too."""
        self._sweep()
        runner = self._runners.get(key)
        if runner and not runner.dead and runner.asked == context:
            if runner.busy >= self.settings.parallel:
                return None, False
            runner.busy += 1
            return runner, False
        if key in self._loading or (runner and runner.busy) or not self._make_room(key):
            return None, False
        self._loading.add(key)
        return None, True

    def _make_room(self, key: str) -> bool:
        if len(self._runners) + len(self._loading) < self.settings.max_loaded or key in self._runners:
            return True
        idle = sorted((r.keep, r.expires, k) for k, r in self._runners.items() if not r.busy)
        if idle:
            self._runners.pop(idle[0][2]).close()
        return bool(idle)

    def _load(self, model: Model, shown: str, options: dict[str, Any], gone: Gone) -> None:
        try:
            self._pretend_to_load(shown, gone)
            runner = self._new_runner(model, shown, options)
            with self._changed:
                old = self._runners.pop(model.weights, None)
                if old:
                    old.close()
                self._runners[model.weights] = runner
        finally:
            with self._changed:
                self._loading.discard(model.weights)
                self._changed.notify_all()

    def _pretend_to_load(self, shown: str, gone: Gone) -> None:
        slow = self.faults.take("slow_load", model=shown)
        needed = float(slow["seconds"]) if slow else self.settings.timing.load
        end = time.monotonic() + min(needed, self.settings.load_timeout)
        while time.monotonic() < end:
            if gone():
                raise ClientGone(499)
            time.sleep(max(0.0, min(0.05, end - time.monotonic())))
        if needed > self.settings.load_timeout:
            self._fail(shown, NOT_STARTED)
        if self.faults.take("runner_crash", model=shown):
            self._fail(shown, CRASHED)

    @staticmethod
    def _fail(shown: str, why: str) -> None:
        log.error("sched.go:470", "Load failed", model=shown, error=why)
        raise ApiError(500, why)

    def _new_runner(self, model: Model, shown: str, options: dict[str, Any]) -> Runner:
        try:
            header = model.header()
            file = os.open(model.weights, os.O_RDONLY)
        except FileNotFoundError:
            raise ApiError(404, f'model "{shown}" not found, try pulling it first') from None
        except gguf.BadGguf as error:
            raise ApiError(500, str(error)) from None
        wanted = self._context_asked(model, options)
        context = min(wanted, header.number("context_length", wanted) or wanted)
        size = weights_size(model) + 4 * context * header.number("embedding_length") + 262_144
        on_gpu = self.settings.gpu and not self.faults.take("cpu_fallback", model=shown)
        vram, keep = (size if on_gpu else 0), self.settings.keep_alive
        return Runner(model, header, context, vram, size, file, weights_size(model), wanted, keep)

    def release(self, runner: Runner, keep: Optional[float]) -> None:
        """Without a time of its own a request leaves the one that the runner has."""
        with self._changed:
            runner.busy -= 1
            runner.keep = runner.keep if keep is None else keep
            runner.expires = time.time() + runner.keep
            self._sweep()
            self._changed.notify_all()

    def unload(self, model: Model) -> None:
        with self._changed:
            runner = self._runners.get(model.weights)
            if runner:
                runner.expires = 0.0
            self._sweep()

    def _sweep(self) -> None:
        now = time.time()
        for key, runner in list(self._runners.items()):
            if not runner.busy and runner.expires <= now:
                self._runners.pop(key).close()

    def listing(self) -> list[dict[str, Any]]:
        with self._changed:
            self._sweep()
            runners = sorted(self._runners.values(), key=lambda runner: -runner.expires)
            return [runner.listing() for runner in runners]
