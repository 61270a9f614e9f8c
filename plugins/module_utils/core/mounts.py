# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of the file system under a path: whether its locks hold between hosts."""

from __future__ import annotations

from dataclasses import dataclass

#: Options of NFS that keep locks on the host that takes them.
_LOCAL = ("nolock", "local_lock=all", "local_lock=flock")
_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


@dataclass(frozen=True)
class Mount:
    """A line of ``/proc/self/mountinfo``."""

    point: str
    kind: str
    options: tuple[str, ...]


def mount_of(mountinfo: str, path: str) -> Mount | None:
    """The mount on which ``path`` lies: the last of the longest that is above it."""
    best: Mount | None = None
    for line in mountinfo.splitlines():
        mount = _parsed(line)
        above = mount is not None and (path == mount.point or path.startswith(mount.point.rstrip("/") + "/"))
        if mount is not None and above and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def lock_problem(mount: Mount | None) -> str:
    """Why a lock that one host takes there does not keep out another; empty when it does, as far as one can see."""
    if mount is None or not mount.kind.startswith("nfs"):
        return ""
    found = [option for option in mount.options if option in _LOCAL]
    return f"it is mounted with {', '.join(found)}" if found else ""


def _parsed(line: str) -> Mount | None:
    before, _separator, after = line.partition(" - ")
    fields, rest = before.split(), after.split()
    if len(fields) < 6 or len(rest) < 3:
        return None
    point = fields[4]
    for escape, character in _ESCAPES:
        point = point.replace(escape, character)
    return Mount(point, rest[0], (*fields[5].split(","), *rest[2].split(",")))
