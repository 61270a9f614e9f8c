"""A base for execution environments: Debian's Python set up as the official image python:3.11-slim-bookworm is.

It trusts what this machine trusts, as images of a company do, and has the collections that Galaxy would be asked for.
"""

from __future__ import annotations

import ssl
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from .images import ensure_image
from .paths import CACHE, PRACTICE, REPOSITORY, PracticeError, say

VERSION, CORE = "3.11", "2.19"
PYTHON = f"corral-practice/python:{VERSION}-practice"
COLLECTIONS = ("awx.awx", "community.crypto", "community.docker", "community.library_inventory_filtering_v1")


def ensure_python() -> str:
    """Its Python packages are those of the index that a build asks."""
    trusted = ssl.get_default_verify_paths().cafile
    bundle = Path(trusted or "/etc/ssl/certs/ca-certificates.crt")
    sources = {
        "ca-certificates.crt": bundle,
        "ensurepip.py": PRACTICE / "images" / "python" / "ensurepip.py",
        "requirements.txt": REPOSITORY / "requirements" / "dev.txt",
    }
    made: Callable[[], dict[str, Path]] = lambda: {"collections.tar": _collections()}  # noqa: E731
    return ensure_image("python", PYTHON, sources, {"VERSION": VERSION}, made=made)


def _collections() -> Path:
    """From the community package of the ansible-core that the execution environment has."""
    if subprocess.run([REPOSITORY / "tools" / "setup", CORE], check=False).returncode != 0:
        raise PracticeError(f"the collections come from the environment of ansible-core {CORE}, which needs its Python")
    (found,) = (REPOSITORY / f".venv-{CORE}").glob("lib/python3*/site-packages/ansible_collections")
    say(f"packing {', '.join(COLLECTIONS)}")
    path = CACHE / "images" / "collections.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name in COLLECTIONS:
            archive.add((found / name.replace(".", "/")).resolve(), name.replace(".", "/"))
    return path
