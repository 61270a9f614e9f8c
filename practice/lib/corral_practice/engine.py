"""The Docker engine that the practice fleet uses, and the label on all that it makes there."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors

from .paths import CACHE, PracticeError, say

LABEL = "corral.practice"
LABELS = {LABEL: "true"}
SITE_LABEL = "corral.practice.site"
DEFAULT = "corral-practice"


@dataclass(frozen=True)
class Site:
    """One practice registry with its network. Tests that break it have one of their own beside the default one."""

    name: str = DEFAULT
    port: int = 5443

    @classmethod
    def here(cls) -> Site:
        """As the environment says: CORRAL_PRACTICE_NAME and CORRAL_PRACTICE_PORT."""
        name = os.environ.get("CORRAL_PRACTICE_NAME", cls.name)
        return cls(name, int(os.environ.get("CORRAL_PRACTICE_PORT", cls.port)))

    @property
    def network(self) -> str:
        return self.name

    @property
    def container(self) -> str:
        return f"{self.name}-registry"

    @property
    def volume(self) -> str:
        return f"{self.name}-registry"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def labels(self) -> dict[str, str]:
        return {**LABELS, SITE_LABEL: self.name}

    @property
    def settings(self) -> Path:
        return CACHE / ("settings.yml" if self.name == DEFAULT else f"settings-{self.name}.yml")


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
