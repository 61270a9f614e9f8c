#!/usr/bin/env python
"""The support matrix, derived: meta/runtime.yml says which ansible-core, requirements/dev.txt which Python gets it.

``matrix.py`` prints one line per supported core, newest first: core, its pinned version, the Python that runs it.
``matrix.py 2.19`` prints the minor version of that Python, as tools/setup wants it.

The README is also told of the managed hosts: the machines of Molecule, and the oldest Python of tools/sanity.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PYTHON_MINORS = (13, 12, 11)


class Line(NamedTuple):
    core: str
    pinned: str
    python: str


def supported() -> SpecifierSet:
    """The range of ansible-core that the collection says it supports."""
    return SpecifierSet(yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["requires_ansible"])


def locked_core(minor: int) -> Version:
    """The ansible-core that the lock gives to Python 3.``minor``."""
    here = {"python_full_version": f"3.{minor}.0", "python_version": f"3.{minor}"}
    for line in (ROOT / "requirements/dev.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("ansible-core=="):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(here):
                return Version(str(requirement.specifier).lstrip("="))
    raise LookupError(f"requirements/dev.txt has no ansible-core for Python 3.{minor}")


def matrix() -> list[Line]:
    """One line per ansible-core that is both locked and supported, newest first."""
    lines = []
    for minor in PYTHON_MINORS:
        version = locked_core(minor)
        if version in supported():
            lines.append(Line(f"{version.major}.{version.minor}", str(version), f"3.{minor}"))
    return lines


class Host(NamedTuple):
    """What a machine of Molecule has, and the scenarios that run on it."""

    debian: str
    docker: str
    compose: str
    python: str
    scenarios: tuple[str, ...]


def images_of(scenario: Path) -> set[str]:
    """The machines of a scenario: those of its molecule.yml, or else of the configuration that all share."""
    shared = ROOT / ".config/molecule/config.yml"
    for path in (scenario, shared):
        platforms = yaml.safe_load(path.read_text(encoding="utf-8")).get("platforms")
        if platforms:
            return {str(one["image"]).rpartition("/")[2] for one in platforms}
    raise LookupError(f"{scenario} has no platforms")


def hosts() -> list[Host]:
    """Those on which a scenario runs, in the order in which they are written down."""
    known = yaml.safe_load((ROOT / "practice/hosts/versions.yml").read_text(encoding="utf-8"))
    found: dict[tuple[str, str, str, str], list[str]] = {}
    scenarios = {path.parent.name: images_of(path) for path in sorted(ROOT.glob("molecule/*/molecule.yml"))}
    unknown = sorted(set().union(*scenarios.values()) - set(known))
    if unknown:
        raise LookupError(f"practice/hosts/versions.yml does not say what {', '.join(unknown)} has")
    for image, versions in known.items():
        key = (versions["debian"], versions["docker"], versions["compose"], versions["python"])
        found.setdefault(key, []).extend(name for name, images in scenarios.items() if image in images)
    return [
        Host(debian, docker, compose, python, tuple(sorted(set(names))))
        for (debian, docker, compose, python), names in found.items()
        if names
    ]


def oldest_python() -> str:
    """With which the modules' unit tests run."""
    (found,) = re.findall(r"^oldest=(\S+)$", (ROOT / "tools/sanity").read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


def main() -> int:
    wanted = sys.argv[1:]
    for line in matrix():
        if not wanted:
            print(*line)
        elif line.core in wanted:
            print(line.python.removeprefix("3."))
            return 0
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main())
