"""The definition of the execution environment, as ansible-builder reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = yaml.safe_load((ROOT / "execution-environment.yml").read_text(encoding="utf-8"))


def test_ansible_builder_makes_a_context_of_it(tmp_path):
    command = [str(Path(sys.executable).parent / "ansible-builder"), "create", "-f", "execution-environment.yml"]
    done = subprocess.run([*command, "-c", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    recipe = next(path for path in tmp_path.iterdir() if path.name in ("Containerfile", "Dockerfile")).read_text()
    assert f'ARG EE_BASE_IMAGE="{DEFINITION["images"]["base_image"]["name"]}"' in recipe
    assert "ansible-core==2.19." in recipe
    assert "ansible-runner==2.4.3" in recipe
    collections = yaml.safe_load((tmp_path / "_build/requirements.yml").read_text())["collections"]
    assert [entry["name"] for entry in collections] == ["awx.awx", "community.crypto", "community.docker"]


def test_it_has_what_the_collection_asks_of_an_image_and_the_versions_that_are_tested():
    wanted = (ROOT / "meta/ee-requirements.txt").read_text(encoding="utf-8").split()
    assert set(wanted) <= set(DEFINITION["dependencies"]["python"])
    lock = (ROOT / "requirements/dev.txt").read_text(encoding="utf-8").splitlines()
    for package in (DEFINITION["dependencies"][name]["package_pip"] for name in ("ansible_core", "ansible_runner")):
        assert any(line.split(" ;")[0].strip() == package for line in lock), package
    for entry in DEFINITION["dependencies"]["galaxy"]["collections"][1:]:
        needed = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]
        assert entry["version"] == needed[entry["name"]]
