"""`python -m corral_practice up|down|ctl …`: what the scripts practice/up, down and ctl call."""

from __future__ import annotations

import fcntl
import sys

from .paths import CACHE, PracticeError, say


def main() -> int:
    command, arguments = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    try:
        if command in ("up", "down"):
            return _alone(command, arguments)
        from .ctl import ctl

        return ctl(arguments)
    except PracticeError as error:
        print(f"practice: {error}", file=sys.stderr)
        return 1


def _alone(command: str, arguments: list[str]) -> int:
    """One at a time in a repository: two would make the same images and push the same models."""
    from .down import down
    from .up import up

    CACHE.parent.mkdir(parents=True, exist_ok=True)
    # Beside the cache and not in it, for `down --cache` removes that.
    with (CACHE.parent / f"{CACHE.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another practice/up or down is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        return {"up": up, "down": down}[command](arguments)


if __name__ == "__main__":
    sys.exit(main())
