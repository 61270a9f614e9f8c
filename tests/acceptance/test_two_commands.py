"""The two commands that a newcomer types, as the README promises them; each test starts from the one before."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = {"mistral:7b", "llama3.2:3b", "codellama:7b", "llava:7b", "nomic-embed-text:v1.5"}
OURS = re.compile(
    r"^(ollama-ollama-server-\d+|ollama-gateway|ollama-puller|ollama_(models|data_\d+|default)|corral-practice\S*)$",
    re.MULTILINE,
)


def make(target: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CORRAL_", "MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        ["make", target],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def listed(*command: str) -> list[str]:
    shown = subprocess.run(["docker", *command], check=True, capture_output=True, text=True).stdout
    return sorted(match[0] for match in OURS.finditer(shown))


def everything_of_ours() -> list[str]:
    return [
        *listed("ps", "-a", "--format", "{{.Names}}"),
        *listed("volume", "ls", "--format", "{{.Name}}"),
        *listed("network", "ls", "--format", "{{.Name}}"),
    ]


def changes(output: str) -> dict[str, int]:
    recap = output.rpartition("PLAY RECAP")[2]
    return {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", recap, re.MULTILINE)}


@pytest.fixture(scope="module")
def first() -> str:
    assert [name for name in everything_of_ours() if name.startswith("ollama")] == [], "there is a fleet here already"
    return make("demo")


def test_one_command_brings_up_a_verified_fleet(first: str):
    report = json.loads((ROOT / "artifacts/fleet.json").read_text(encoding="utf-8"))
    assert report["ok"] is True
    assert [instance["name"] for instance in report["instances"]] == [f"ollama-server-{i}" for i in range(1, 9)]
    for instance in report["instances"]:
        assert instance["ok"]
        assert instance["host"]
        assert instance["url"].startswith("http")
        assert {model["name"] for model in instance["models"]} == MODELS
        assert all(model["digest"] and model["listed"] and model["answered"] for model in instance["models"])
    assert changes(first)["localhost"] > 0


def test_the_fleet_is_shown_as_a_table(first: str):
    shown = [line for line in first.splitlines() if "ollama-server-8" in line]
    assert shown


def test_the_second_run_changes_nothing(first: str):
    assert changes(make("demo")) == {"localhost": 0}


def test_it_is_taken_away_again(first: str):
    make("demo-down")
    assert everything_of_ours() == []
