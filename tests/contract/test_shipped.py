"""What leaves the house: the tarball, the images that it names, and what it must never name."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.corral.ollama.tests.contract import house

NOT_SHIPPED = (
    ".",
    "artifacts",
    "benchmarks",
    "changelogs/fragments",
    "dist",
    "inventories/local",
    "molecule",
    "practice",
    "requirements",
    "tests",
    "tools",
)
SHIPPED = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "docs/decisions/README.md",
    "changelogs/changelog.yaml",
    "inventories/eight_instances/hosts.yml",
    "meta/execution-environment.yml",
    "meta/runtime.yml",
    "playbooks/site.yml",
    "plugins/module_utils/core/names.py",
    "roles/models/tasks/main.yml",
)
# Put together from pieces: this file is searched too.
FORBIDDEN = {
    "a package registry's host": ["pypi." + "org", "python" + "hosted", "deb.debian" + ".org", "npmjs." + "org"],
    "a path of one machine": [
        "/" + "work/",
        "/root/" + ".pyenv",
        "/opt/" + "wheels",
        "/opt/" + "pypi",
        "/." + "library",
    ],
}
BINARY = {".gguf", ".gz", ".png", ".pem"}
FOLDERS = ("docs", "extensions", "inventories", "meta", "playbooks", "plugins", "roles", "README.md")
SHIPPED_TEXT = [path for path in house.files(*FOLDERS) if path.suffix != ".png"]
# A model called NAME:latest is a model; an image called so is a version that nobody chose.
LATEST = re.compile(
    r"(?:image\S*\s*[:=]\s*|\b(?:\w+/)*ollama/|docker\.io/|registry:|haproxy|grafana/|prom/)\S*:latest\b"
)
PROSE = re.compile(r"\b(?:not|never|no|instead of|without)\b.*:latest", re.IGNORECASE)


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    where = tmp_path_factory.mktemp("build")
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(where)]
    built = subprocess.run(command, cwd=house.ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    with tarfile.open(next(where.glob("*.tar.gz"))) as archive:
        return [member.name for member in archive.getmembers() if member.isfile()]


def test_the_tarball_holds_nothing_that_is_only_for_this_house(tarball: list[str]):
    strays = [name for name in tarball if name.startswith(NOT_SHIPPED) or name.endswith((".pyc", "__pycache__"))]
    assert strays == []


def test_the_tarball_holds_what_users_need(tarball: list[str]):
    assert [name for name in SHIPPED if name not in tarball] == []


def test_the_tarball_holds_only_committed_files(tarball: list[str]):
    known = {house.shown(path) for path in house.all_files()} | {"MANIFEST.json", "FILES.json"}
    assert sorted(set(tarball) - known) == []


@pytest.mark.parametrize("path", SHIPPED_TEXT, ids=house.shown)
def test_no_image_is_called_latest(path: Path):
    found = [
        f"{house.shown(path)}:{number}: {line.strip()}"
        for number, line in enumerate(house.text(path).splitlines(), 1)
        if LATEST.search(line) and not PROSE.search(line)
    ]
    assert found == []


def images(value: Any, key: str = "") -> list[str]:
    """Every literal value of a key that names an image."""
    if isinstance(value, dict):
        return [image for name, item in value.items() for image in images(item, str(name))]
    if isinstance(value, list):
        return [image for item in value for image in images(item, key)]
    named = key == "image" or key.endswith("_image")
    return [value] if named and isinstance(value, str) and value not in ("", "none") and "{{" not in value else []


@pytest.mark.parametrize(
    "path", house.files("inventories", "molecule", "playbooks", "roles", suffixes=(".yml", ".yaml")), ids=house.shown
)
def test_every_image_has_a_version(path: Path):
    if path.name == "argument_specs.yml":
        return
    assert [
        image for image in images(house.data(path)) if ":" not in image.rpartition("/")[2] and "@" not in image
    ] == []


@pytest.mark.parametrize("path", [path for path in house.files() if path.suffix not in BINARY], ids=house.shown)
def test_nothing_names_a_registry_host_or_a_path_of_one_machine(path: Path):
    try:
        content = house.text(path)
    except UnicodeDecodeError:
        return
    found = [
        f"{house.shown(path)}: {what}: {word}" for what, words in FORBIDDEN.items() for word in words if word in content
    ]
    assert found == []


def test_there_are_no_sanity_ignores():
    assert [house.shown(path) for path in house.files("tests/sanity") if path.name.startswith("ignore")] == []


@pytest.mark.parametrize("path", house.files("changelogs/fragments"), ids=house.shown)
def test_a_changelog_fragment_has_known_sections(path: Path):
    sections = {name for name, _ in yaml.safe_load(house.text(house.ROOT / "changelogs/config.yaml"))["sections"]}
    fragment = house.data(path)
    assert set(fragment) <= sections | {"release_summary", "trivial"}
    assert all(isinstance(lines, list) and lines for name, lines in fragment.items() if name != "release_summary")


def test_the_lock_gives_every_supported_core_to_a_python():
    listed = subprocess.run(
        [sys.executable, "tools/matrix.py"], cwd=house.ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    cores = [tuple(map(int, line.split()[0].split("."))) for line in listed if line]
    low, high = re.findall(r"[>=<]+(\d+\.\d+)", house.data(house.ROOT / "meta/runtime.yml")["requires_ansible"])
    first, behind = (int(version.split(".")[1]) for version in (low, high))
    assert cores == [(2, minor) for minor in reversed(range(first, behind))]
