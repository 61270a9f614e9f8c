# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mount a path lies on, and whether its locks hold between hosts."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.mounts import lock_problem, mount_of

INFO = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/models rw,relatime shared:9 - nfs4 10.0.0.5:/models rw,vers=4.2,local_lock=none
31 22 0:41 / /mnt/old rw,relatime shared:9 - nfs 10.0.0.5:/old rw,vers=3,nolock,local_lock=all
32 22 0:42 / /mnt/with\040space rw,relatime - nfs 10.0.0.5:/x rw,local_lock=flock
33 30 8:2 / /mnt/models/local rw - xfs /dev/sdb1 rw
a broken line
"""


@pytest.mark.parametrize(
    ("path", "kind", "problem"),
    [
        ("/srv/store", "ext4", ""),
        ("/mnt/models/store", "nfs4", ""),
        ("/mnt/models", "nfs4", ""),
        ("/mnt/models/local/store", "xfs", ""),
        ("/mnt/modelsx", "ext4", ""),
        ("/mnt/old/store", "nfs", "nolock, local_lock=all"),
        ("/mnt/with space/store", "nfs", "local_lock=flock"),
    ],
)
def test_mounts_and_their_locks(path, kind, problem):
    mount = mount_of(INFO, path)
    assert mount.kind == kind
    found = lock_problem(mount)
    assert problem in found
    assert bool(found) == bool(problem)


def test_no_mounts_at_all():
    assert mount_of("", "/x") is None
    assert lock_problem(None) == ""
