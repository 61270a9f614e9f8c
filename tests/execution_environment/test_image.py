# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment, built by ansible-builder from its definition and the collection's tarball, and what AWX
does in it. `make execution-environment` makes the base, a stand-in for the official image of the definition."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BASE, IMAGE = "corral-practice/python:3.11-practice", "corral-practice/execution-environment:current"
DEFINITION = yaml.safe_load((ROOT / "execution-environment.yml").read_text(encoding="utf-8"))
#: There is no Galaxy here: the base has those collections, and the resolver finds them there.
ARGUMENTS = {"EE_BASE_IMAGE": BASE, "ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": "--offline"}
FLEET = {"gpu1": {}, "gpu2": {"corral_gpus": [0, 1]}}


def call(*command: str | Path, **options: Any) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, **options)
    assert done.returncode == 0, f"{command}: rc {done.returncode}\n{done.stdout[-8000:]}{done.stderr[-4000:]}"
    return done.stdout


def tool(name: str) -> Path:
    return Path(sys.executable).parent / name


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The definition as it is, and the collection in it, which a team can have there instead of in its project."""
    folder = tmp_path_factory.mktemp("ee")
    call(tool("ansible-galaxy"), "collection", "build", "--output-path", folder)
    (tarball,) = folder.glob("corral-ollama-*.tar.gz")
    galaxy = DEFINITION["dependencies"]["galaxy"]["collections"]
    galaxy.append({"name": f"/build/tarballs/{tarball.name}", "type": "file"})
    definition = {**DEFINITION, "additional_build_files": [{"src": tarball.name, "dest": "tarballs"}]}
    (folder / "ee.yml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    arguments = [f"--build-arg={name}={value}" for name, value in ARGUMENTS.items()]
    call(
        tool("ansible-builder"), "build", "--container-runtime=docker", "-t", IMAGE, *arguments, "-v3",
        "--extra-build-cli-args=--label=corral.practice=true",
        "-f", folder / "ee.yml", "-c", folder / "context",
    )  # fmt: skip
    return IMAGE


def inside(image: str, *command: str, user: str = "1000:0", mount: Path | None = None) -> str:
    mounts = ["-v", f"{mount}:/runner"] if mount else []
    return call("docker", "run", "--rm", "--user", user, "--network", "none", *mounts, image, *command)


def test_it_has_the_versions_that_were_tested(image):
    said = inside(image, "ansible-playbook", "--version")
    for name in ("ansible_core", "ansible_runner"):
        package, _equal, version = DEFINITION["dependencies"][name]["package_pip"].partition("==")
        assert version in inside(image, "python3", "-m", "pip", "show", package)
    assert DEFINITION["dependencies"]["ansible_core"]["package_pip"].partition("==")[2] in said
    assert "python version = 3.11." in said


def test_it_has_the_collections(image):
    found = json.loads(inside(image, "ansible-galaxy", "collection", "list", "--format", "json"))
    here = found["/usr/share/ansible/collections/ansible_collections"]
    known = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert here["corral.ollama"]["version"] == known["version"]
    assert here["awx.awx"]["version"] == "24.6.1"
    assert set(here) >= {"community.crypto", "community.docker"}


def test_it_has_the_libraries_and_the_programs(image):
    inside(image, "python3", "-c", "import docker, requests")
    for program in ("git", "ssh", "openssl", "sshpass"):
        inside(image, "sh", "-c", f"command -v {program}")


@pytest.mark.parametrize("user", ["1000:0", "23456:0"], ids=["user-of-the-image", "any-user-as-on-openshift"])
def test_a_job_runs_in_it(image, tmp_path, user):
    """As AWX starts one: the project and the inventory are mounted, the user is the image's or any, and no playbook
    writes anything into the image."""
    shutil.copytree(ROOT / "extensions/awx_project", tmp_path / "project")
    (tmp_path / "inventory").mkdir()
    models = {"corral_models": ["llava:7b"], "corral_instance_count": 2}
    hosts = {"ollama_hosts": {"hosts": FLEET, "vars": models}}
    (tmp_path / "inventory/hosts.yml").write_text(json.dumps(hosts), encoding="utf-8")
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o777)
    command = ["ansible-runner", "run", "/runner", "-p", "playbooks/plan.yml", "--ident", "1"]
    said = inside(image, *command, user=user, mount=tmp_path)
    assert "gpu2" in said
    events = [json.loads(path.read_text()) for path in (tmp_path / "artifacts/1/job_events").glob("*.json")]
    (stats,) = [event["event_data"] for event in events if event["event"] == "playbook_on_stats"]
    assert sorted(stats["ok"]) == ["gpu1", "gpu2"]
    assert stats["artifact_data"]["corral_plan"], stats
