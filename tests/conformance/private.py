"""A file system of the test's own: read-only, or small. A mount namespace is enough, no container."""

from __future__ import annotations

import os
from pathlib import Path

UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]


def read_only(path: Path) -> tuple[str, ...]:
    """Puts the server where `path` cannot be written."""
    mount = f'mount --bind "{path}" "{path}" && mount -o remount,bind,ro "{path}" && exec "$@"'
    return (*UNSHARE, "sh", "-c", mount, "sh")


def small(path: Path, size: str) -> tuple[str, ...]:
    """Puts the server where `path` is an empty file system of this size."""
    return (*UNSHARE, "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs "{path}" && exec "$@"', "sh")
