"""Machines for Molecule as images: systemd, sshd and, in `trixie`, a Docker engine of their own."""

from __future__ import annotations

import shlex

from .engine import engine
from .images import Root, ensure_root, recipes
from .paths import PRACTICE

_INIT = PRACTICE / "hosts" / "host-init"
_MASKED = "systemd-udevd.service systemd-logind.service systemd-modules-load.service getty.target console-getty.service"


def ensure_host(name: str) -> str:
    """`trixie` (engine, Compose, Python libraries) or `bookworm` (none of them); gives the stable tag."""
    kind = "host" if "docker.io" in recipes()["hosts"][name]["packages"] else "bare"
    hooks = (
        f'install -m 0755 {shlex.quote(str(_INIT))} "$1/usr/local/bin/host-init"',
        f'chroot "$1" systemctl mask {_MASKED}',
    )
    changes = ('CMD ["/usr/local/bin/host-init"]', "ENV container=docker")
    tag = ensure_root(Root(kind, recipes()["hosts"][name], changes, hooks, (_INIT,)))
    alias = f"corral-practice/{kind}:{name}"
    engine().images.get(tag).tag(alias)
    return alias
