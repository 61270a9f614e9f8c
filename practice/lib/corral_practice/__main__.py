"""`python -m corral_practice up|down|ctl …`: what the scripts practice/up, down and ctl call."""

from __future__ import annotations

import sys

from .paths import PracticeError


def main() -> int:
    command, arguments = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    try:
        if command == "up":
            from .up import up

            return up(arguments)
        if command == "down":
            from .down import down

            return down(arguments)
        from .ctl import ctl

        return ctl(arguments)
    except PracticeError as error:
        print(f"practice: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
