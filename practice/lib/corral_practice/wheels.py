"""Python packages for an image, as a tar: installed here for the image's Python, which needs no network then."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path

from .paths import CACHE, REPOSITORY, PracticeError, say

PYTHON, PLATFORM = "3.13", "manylinux_2_28"


def site_tar(requirements: Path) -> Path:
    """What the lock names, without the commands, whose first line would name this machine's Python."""
    uv = REPOSITORY / ".venv-uv" / "bin" / "uv"
    if not uv.exists():
        raise PracticeError(f"{uv} is missing; make setup installs it")
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    say(f"installing {requirements.name}")
    path = CACHE / "images" / f"site-{requirements.stem}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [str(uv), "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "--target", folder]
        command += ["--python-version", PYTHON, "--python-platform", f"{machine}-{PLATFORM}", "-r", str(requirements)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise PracticeError(f"installing {requirements} failed:\n{result.stderr[-2000:]}")
        with tarfile.open(path, "w") as archive:
            for part in sorted(Path(folder).iterdir()):
                if part.name not in ("bin", ".lock"):
                    archive.add(part, part.name)
    return path
