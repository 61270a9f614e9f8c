"""The tarball as a stranger gets it: installed into an environment that holds nothing but ansible-core and the
collections that galaxy.yml asks for, on every ansible-core of the README's matrix, and run by its full name. The
checkout is out of reach: home, collections and working folder are the environment's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".venv-uv/bin/uv"
MATRIX = re.findall(r"^\| (2\.\d+) \| (3\.\d+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
NEWEST = MATRIX[0][0]
FLEET = {
    "corral_project": "corral-release",
    "corral_base_port": 27310,
    "corral_instance_count": 2,
    "corral_gateway": False,
    "corral_models": ["nomic-embed-text:v1.5"],
}


def call(*command: str | Path, **options: Any) -> str:
    done = subprocess.run(
        [str(part) for part in command], text=True, capture_output=True, stdin=subprocess.DEVNULL, **options
    )
    assert done.returncode == 0, f"{command}: rc {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True)
class Stranger:
    """An environment with the installed tarball, in a folder of its own."""

    folder: Path

    def run(self, name: str, *arguments: str) -> str:
        """A command of this environment; of the surroundings it sees the system's programs only."""
        environment = {
            "PATH": f"{self.folder / 'env/bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
        }
        return call(self.folder / "env/bin" / name, *arguments, cwd=self.folder, env=environment, timeout=600)

    def play(self, playbook: str, *options: str, **variables: Any) -> str:
        become = [] if os.geteuid() == 0 else ["--become"]
        extra = json.dumps({**FLEET, **variables})
        return self.run(
            "ansible-playbook", "-i", "hosts.yml", *become, f"corral.ollama.{playbook}", "-e", extra, *options
        )


def changes(output: str) -> int:
    recap = re.search(r"^localhost\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=0", output, re.MULTILINE)
    assert recap, output[-3000:]
    return int(recap[1])


def tried() -> list[str]:
    """The supported cores for which this machine has a Python; continuous integration has to have them all."""
    cores = []
    for core, python in MATRIX:
        made = core == NEWEST or subprocess.run([ROOT / "tools/setup", core]).returncode == 0
        assert made or os.environ.get("CORRAL_MATRIX") != "full", f"no Python {python} for ansible-core {core}"
        if made:
            cores.append(core)
        else:
            print(f"ansible-core {core} was NOT tried: it needs Python {python}", file=sys.stderr)
    return cores


CORES = tried()


def wanted(collections: Path, name: str) -> set[str]:
    """The collections that this one asks for, and what those ask for."""
    manifest = collections / name.replace(".", "/") / "MANIFEST.json"
    if manifest.exists():
        asked = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["dependencies"]
    else:
        asked = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]
    return set(asked).union(*(wanted(collections, each) for each in asked)) if asked else set()


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    call("ansible-galaxy", "collection", "build", "--output-path", dist, cwd=ROOT)
    (built,) = dist.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module", params=CORES)
def stranger(request: pytest.FixtureRequest, tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """What `pip install ansible-core` and `ansible-galaxy collection install` leave behind, for one ansible-core."""
    core = request.param
    locked = ROOT / (".venv" if core == NEWEST else f".venv-{core}")
    folder = tmp_path_factory.mktemp(f"stranger-{core}-")
    python = folder / "env/bin/python"
    call(UV, "venv", "-q", "--no-project", "-p", locked / "bin/python", folder / "env")
    call(UV, "pip", "install", "-q", "-p", python, "-c", ROOT / "requirements/dev.txt", "ansible-core")
    ready = next(locked.glob("lib/python3*/site-packages/ansible_collections"))
    ours = folder / ".ansible/collections/ansible_collections"
    for name in wanted(ready, "corral.ollama.galaxy"):
        shutil.copytree(ready / name.replace(".", "/"), ours / name.replace(".", "/"))
    made = Stranger(folder)
    made.run("ansible-galaxy", "collection", "install", str(tarball), "--offline")
    settings = yaml.safe_load((ROOT / ".cache/practice/settings.yml").read_text(encoding="utf-8"))
    # This machine plays the managed host; its modules run on a Python that has the libraries of one.
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **settings}
    (folder / "hosts.yml").write_text(
        yaml.safe_dump({"ollama_hosts": {"hosts": {"localhost": host}}}), encoding="utf-8"
    )
    return made


@pytest.fixture(scope="module", autouse=True)
def practice() -> None:
    call(ROOT / "practice/up")


def test_it_is_all_there_and_nothing_of_the_checkout(stranger: Stranger, request: pytest.FixtureRequest):
    core, python = next(line for line in MATRIX if line[0] == request.node.callspec.params["stranger"])
    said = stranger.run("ansible", "--version")
    assert re.search(rf"core {re.escape(core)}\.", said), said
    assert re.search(rf"python version = {re.escape(python)}\.", said), said
    where = json.loads(stranger.run("ansible-galaxy", "collection", "list", "corral.ollama", "--format", "json"))
    assert [Path(path).is_relative_to(stranger.folder) for path in where] == [True]
    listed = json.loads(stranger.run("ansible-doc", "-t", "module", "-l", "corral.ollama", "--json"))
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")} - {"__init__"}
    assert set(listed) == {f"corral.ollama.{name}" for name in modules}


@pytest.mark.parametrize("stranger", CORES[1:], indirect=True)
def test_check_mode_predicts_a_fleet_on_the_older_cores(stranger: Stranger):
    assert changes(stranger.play("deploy", "--check")) > 0


@pytest.mark.parametrize("stranger", [NEWEST], indirect=True)
def test_it_deploys_a_fleet_that_answers(stranger: Stranger):
    try:
        assert changes(stranger.play("deploy")) > 0
        assert changes(stranger.play("verify")) == 0
        report = json.loads((stranger.folder / "artifacts/fleet.json").read_text(encoding="utf-8"))
        assert report["ok"] is True
        assert [model["answered"] for instance in report["instances"] for model in instance["models"]] == [True, True]
    finally:
        stranger.play("teardown", corral_remove_store=True)
