"""One request's use of a loaded model: getting it, producing tokens, giving it back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Optional

from . import names, words
from .config import Settings
from .errors import ApiError, ClientGone
from .faults import Faults
from .gotime import keep_alive
from .http_types import Request
from .library import Library
from .model import Model
from .names import Name
from .runners import Runner, Scheduler
from .store import Store


class Context:
    """The parts of the server that handlers use."""

    def __init__(self, settings: Settings, faults: Faults):
        self.settings = settings
        self.faults = faults
        self.store = Store(settings.models)
        self.library = Library(self.store, settings)
        self.scheduler = Scheduler(settings, faults)

    def find(self, data: dict[str, Any], unnamed: Optional[str] = None) -> tuple[Name, str]:
        """The name in the request, in the letters in which it exists, and as the client wrote it."""
        text = str(data.get("model") or data.get("name") or "")
        if not text and unnamed:
            raise ApiError(400, unnamed)
        name = names.parse(text)
        if not name.valid:
            raise ApiError(400, "invalid model name")
        if self.settings.no_cloud and names.is_cloud(name):
            raise ApiError(403, "ollama cloud is disabled: remote model details are unavailable")
        return self.store.existing(name), text


class Session:
    def __init__(self, context: Context, request: Request, data: dict[str, Any]):
        self.context = context
        self.request = request
        self.shown = str(data.get("model") or "")
        self.options: dict[str, Any] = data.get("options") or {}
        said = data.get("keep_alive")
        self.keep = None if said is None else keep_alive(said, context.settings.keep_alive)
        self.began = time.monotonic()
        self.runner: Optional[Runner] = None
        self.load_seconds = 0.0
        self.killed = False

    def open(self, model: Model) -> Runner:
        self.runner, self.load_seconds = self.context.scheduler.acquire(
            model, self.shown, self.options, self.request.gone
        )
        return self.runner

    def close(self) -> None:
        if self.runner:
            self.context.scheduler.release(self.runner, self.keep)
            self.runner = None

    @property
    def seed(self) -> str:
        return self.runner.model.manifest.digest if self.runner else ""

    def hang_if_told(self) -> None:
        """The fault in which everything but an answer works."""
        faults = self.context.faults
        version = faults.version
        fault = faults.take("hang_generate", model=self.shown)
        end = time.monotonic() + (float(fault["seconds"]) or 1e9) if fault else 0.0
        while time.monotonic() < end and faults.version == version:
            self._stop_if_gone()
            time.sleep(0.05)

    def _stop_if_gone(self) -> None:
        if self.request.gone():
            raise ClientGone

    def wanted_tokens(self) -> tuple[int, str]:
        wanted = self.options.get("num_predict")
        if wanted is None or int(wanted) < 0:
            return words.DEFAULT_TOKENS, "stop"
        return int(wanted) or 1, "length"

    def tokens(self, prompt: str) -> Iterator[str]:
        """Words at the speed of a small model; `killed` is set when the runner died on the way."""
        if self.runner is None:
            raise RuntimeError("tokens of a session that has no runner")
        self.runner.check()
        self.hang_if_told()
        death = self.context.faults.take("runner_killed", model=self.shown)
        count, _ = self.wanted_tokens()
        for number, word in enumerate(words.tokens(self.seed, prompt, count)):
            if death and number >= int(death["after"]):
                self.killed = self.runner.dead = True
                return
            self._stop_if_gone()
            self.runner.check()
            time.sleep(self.context.settings.timing.token)
            yield word

    def figures(self, prompt: str, made: int) -> dict[str, Any]:
        """The closing fields of an answer."""
        total = time.monotonic() - self.began
        token = self.context.settings.timing.token
        return {
            "total_duration": int(total * 1e9),
            "load_duration": int(self.load_seconds * 1e9),
            "prompt_eval_count": words.prompt_tokens(prompt),
            "prompt_eval_duration": int(token * 1e9) + 1000,
            "eval_count": made,
            "eval_duration": max(1, int(made * token * 1e9)),
        }
