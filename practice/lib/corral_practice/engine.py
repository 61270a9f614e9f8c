"""The Docker engine that the practice fleet uses, and the label on all that it makes there."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import docker
import docker.errors

from .paths import PracticeError, say

LABEL = "corral.practice"
LABELS = {LABEL: "true"}
NETWORK = "corral-practice"


@functools.lru_cache(maxsize=1)
def engine() -> docker.DockerClient:
    """A client of the engine that answers, or an error that says how to get one."""
    try:
        client = docker.from_env(timeout=300)
        client.ping()
    except docker.errors.DockerException as error:
        raise PracticeError(f"no Docker engine answers here ({error}); run `make docker` first") from error
    return client


def tools(packages: dict[str, str]) -> None:
    """Install the packages (command to package) whose command is absent."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    absent = sorted({package for command, package in packages.items() if not shutil.which(command, path=search)})
    if not absent:
        return
    if not shutil.which("apt-get"):
        raise PracticeError(f"these programs are needed and this is no Debian or Ubuntu: {' '.join(absent)}")
    say(f"installing {' '.join(absent)}")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    root = as_root()
    subprocess.run([*root, "apt-get", "update", "-qq"], check=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *absent]
    subprocess.run([*root, *environment, *install], check=True, stdout=subprocess.DEVNULL)


def as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo"]
