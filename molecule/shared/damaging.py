# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage to a store on a test host, and what to look at to see that nothing else came of it."""

from __future__ import annotations

import shlex

from lab import STORE, Lab

_FLIP = (
    "import sys; f = open(sys.argv[1], 'r+b'); f.seek(-9, 2); b = f.read(1)[0]; f.seek(-9, 2); f.write(bytes([b ^ 1]))"
)
_EXPIRE = """
import json, os, sys
for path in sys.argv[1:]:
    if os.path.exists(path):
        lease = json.load(open(path))
        lease.update({key: lease[key] - 7200 for key in ("acquired_at", "renewed_at", "expires_at")})
        json.dump(lease, open(path, "w"))
"""
LEASES = (f"{STORE}/.corral.lease", "/var/lib/corral/ollama/rollout/.corral.lease")


def flip(lab: Lab, digest: str) -> None:
    """A byte of a blob (64 hex) goes bad; again, and it is good."""
    lab.sh(f"python3 -c {shlex.quote(_FLIP)} {STORE}/blobs/sha256-{digest}")


def cut(lab: Lab, manifest: str) -> None:
    """A manifest, by its path below manifests/, keeps its first hundred bytes."""
    lab.sh(f"truncate -s 100 {STORE}/manifests/{manifest}")


def expire_lease(lab: Lab) -> None:
    """Two hours pass: what a killed run held, of the store or of a rollout, may be taken over."""
    lab.sh(f"python3 -c {shlex.quote(_EXPIRE)} {' '.join(LEASES)}")


def sums(lab: Lab) -> dict[str, str]:
    """What every blob and manifest of the store holds, by path."""
    listed = lab.sh(f"cd {STORE} && find blobs manifests -type f -exec sha256sum {{}} +").splitlines()
    return {line.split(maxsplit=1)[1]: line.split()[0] for line in listed}


def started(lab: Lab) -> dict[str, str]:
    """When each instance was started last, by the name of its container. While Compose replaces it, it has another."""
    names = [name for name in lab.containers() if name.startswith("ollama-ollama-server")]
    form = "{{.Name}} {{.State.StartedAt}}"
    listed = lab.docker("inspect", "-f", form, *names).splitlines() if names else []
    return {line.split()[0].lstrip("/"): line.split()[1] for line in listed}
