"""Machines for Molecule as images: an init, sshd and, in most, a Docker engine of their own."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from .engine import engine
from .images import Root, ensure_root, recipes
from .paths import PRACTICE

_INIT, _PLAIN_INIT = PRACTICE / "hosts" / "host-init", PRACTICE / "hosts" / "plain-init"
_MASKED = "systemd-udevd.service systemd-logind.service systemd-modules-load.service getty.target console-getty.service"


def ensure_host(name: str) -> str:
    """A host of the recipes; gives the stable tag, host:NAME where it has an engine and bare:NAME where not."""
    packages = recipes()["hosts"][name]["packages"]
    kind = "host" if "docker.io" in packages else "bare"
    hooks: tuple[str, ...] = (*_also(recipes()["hosts"][name]), _installed(_INIT, "/usr/local/bin/host-init"))
    inputs: tuple[Path, ...] = (_INIT,)
    if "systemd-sysv" in packages:
        hooks += (f'chroot "$1" systemctl mask {_MASKED}',)
    else:
        hooks, inputs = (*hooks, _installed(_PLAIN_INIT, "/usr/sbin/init")), (*inputs, _PLAIN_INIT)
    changes = ('CMD ["/usr/local/bin/host-init"]', "ENV container=docker")
    # Named after the host, for two of them are of one kind; and an older build of the one is no older one of the other.
    tag = ensure_root(Root(f"{kind}-{name}", recipes()["hosts"][name], changes, hooks, inputs))
    alias = f"corral-practice/{kind}:{name}"
    engine().images.get(tag).tag(alias)
    return alias


def _installed(source: object, target: str) -> str:
    return f'install -m 0755 {shlex.quote(str(source))} "$1"{target}'


def _also(recipe: dict[str, Any]) -> tuple[str, ...]:
    """Hooks that bring packages of a later suite, which is pinned so low that nothing else comes from it."""
    if "also" not in recipe:
        return ()
    later = recipe["also"]["suite"]
    packages = " ".join(f"{package}/{later}" for package in recipe["also"]["packages"])
    source, pin = (f'"$1"/etc/apt/{place}/{later}' for place in ("sources.list.d", "preferences.d"))
    text = f"Package: *\\nPin: release n={later}\\nPin-Priority: 50\\n"
    apt = 'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --yes -qq -o DPkg::Chroot-Directory="$1"'
    return (
        f'sed "s/ {recipe["suite"]}/ {later}/" "$1"/etc/apt/sources.list > {source}.list; printf "{text}" > {pin}',
        f"{apt} update && {apt} install {packages}",
        f"rm {source}.list {pin}",
    )
