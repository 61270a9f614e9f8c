# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One verdict over all hosts, and the table that a person reads."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report, stats_of
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_table import cell, fleet_table

FIVE = ("mistral:7b", "llama3.2:3b", "codellama:7b", "llava:7b", "nomic-embed-text:v1.5")
NOW = "2026-11-21T22:00:00Z"


def model(name="mistral:7b", **changes):
    good = {"name": name, "digest": "6591e0a9" * 8, "expected": "6591e0a9" * 8, "listed": True, "answered": True}
    return {**good, "asked": True, "from_proof": False, "seconds": 0.2, "problem": "", "secret": 1, **changes}


def server(number, *models, **changes):
    models = models or [model(name) for name in FIVE]
    given = {"server": f"ollama-server-{number}", "url": f"http://127.0.0.1:{11433 + number}", "version": "0.32.15"}
    ok = not any(entry["problem"] for entry in models)
    return {**given, "ok": ok, "problem": "", "image_digest": "a" * 64, "models": list(models), **changes}


def fleet(count=8, **changes):
    return {"results": [server(number) for number in range(1, count + 1)], **changes}


SILENT = "ollama-server-2 (http://127.0.0.1:11435) lists mistral:7b but did not answer /api/generate within 300 s."


def test_a_fleet_that_is_well():
    containers = [{"name": "ollama-server-1", "image": "ollama/ollama:0.32.15", "state": "running", "id": "x"}]
    report = fleet_report({"host1": fleet(instances=containers)}, NOW)
    assert (report["ok"], report["problems"], report["generated_at"]) == (True, [], NOW)
    first = report["instances"][0]
    assert (first["host"], first["name"], first["url"], first["ok"]) == (
        "host1",
        "ollama-server-1",
        "http://127.0.0.1:11434",
        True,
    )
    assert (first["image"], first["state"]) == ("ollama/ollama:0.32.15", "running")
    assert first["models"][0]["digest"] == "6591e0a9" * 8
    assert "secret" not in first["models"][0]
    assert stats_of(report) == {
        "ok": True,
        "checked_at": NOW,
        "hosts": 1,
        "instances": 8,
        "instances_ok": 8,
        "models": 5,
        "asked": 40,
        "problems": 0,
        "warnings": 0,
        "checks": {},
    }


@pytest.mark.parametrize(
    ("hosts", "problems"),
    [
        ({}, ["No instance was verified: the fleet is empty."]),
        ({"h": {"results": []}}, ["No instance was verified: the fleet is empty."]),
        ({"h": {}}, ["h: it was not verified, because it failed, could not be reached, or was not its turn yet."]),
        ({"h": None}, ["h: it was not verified, because it failed, could not be reached, or was not its turn yet."]),
        ({"h": {"problems_of_host": ["no engine."]}}, ["h: no engine."]),
        ({"h": fleet(1, expected=["ollama-server-1", "ollama-server-2"])}, ["h: ollama-server-2 does not exist. "]),
        ({"h": {"results": [server(2, model(answered=False, problem=SILENT))]}}, [f"h: {SILENT}"]),
        ({"h": {"results": [server(1, ok=False, problem="ollama-server-1: gone.")]}}, ["h: ollama-server-1: gone."]),
        ({"h": {"results": [server(1, ok=False)]}}, ["h: ollama-server-1 (http://127.0.0.1:11434) is not well"]),
    ],
)
def test_what_is_wrong_is_said_with_host_and_instance(hosts, problems):
    report = fleet_report(hosts, NOW)
    assert report["ok"] is False
    assert [found[: len(said)] for found, said in zip(report["problems"], problems)] == problems
    assert len(report["problems"]) == len(problems)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "6591e0a ✓✓"),
        ({"from_proof": True, "asked": False}, "6591e0a ✓○"),
        ({"answered": False}, "6591e0a ✓✗"),
        ({"answered": False, "asked": False}, "6591e0a ✓·"),
        ({"digest": "f" * 64, "answered": False, "asked": False}, "fffffff ≠·"),
        ({"expected": ""}, "6591e0a ✓✓"),
        ({"listed": False, "digest": "", "answered": False, "asked": False}, "––––––– ✗·"),
    ],
)
def test_cells(changes, shown):
    assert cell(model(**changes)) == shown


def test_the_table_of_the_example():
    lines = fleet_table(fleet_report({"localhost": fleet()}, NOW)).splitlines()
    assert lines[0] == f"Fleet of 1 host, 8 instances (8 well), 5 models: everything as declared. {NOW}"
    assert lines[1] == "Of 40 answers, 40 asked for now."
    assert lines[3].split() == list(FIVE)
    assert lines[4] == "localhost (0.32.15)"
    assert lines[5].split()[:4] == ["ollama-server-1", "11434", "6591e0a", "✓✓"]
    assert max(len(line) for line in lines) <= 100


def test_many_models_wrap_into_blocks():
    names = [*FIVE, "hf.co/somebody/A-Very-Long-Name-Instruct-GGUF:Q4_K_M", *(f"model-{n}:1b" for n in range(9))]
    hosts = {"h" * 60: {"results": [server(n, *(model(name) for name in names)) for n in (1, 2)]}}
    lines = fleet_table(fleet_report(hosts, NOW)).splitlines()
    assert max(len(line) for line in lines) <= 100
    assert sum(line.startswith("  ollama-server-2") for line in lines) == 3
    assert any("hf.co/someb" in line and ":Q4_K_M" in line for line in lines)


def test_hosts_of_a_large_fleet_that_are_well_take_one_line():
    hosts = {f"gpu-{number}": fleet() for number in range(1, 20)}
    hosts["gpu-7"]["results"][1] = server(2, model(answered=False, problem=SILENT))
    text = fleet_table(fleet_report(hosts, NOW))
    assert "gpu-1 (0.32.15) × 8" in text
    assert "\ngpu-7 (0.32.15)\n  ollama-server-1 11434" in text
    assert "✗ gpu-7: ollama-server-2 (http://127.0.0.1:11435) lists mistral:7b but did not answer" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_a_word_that_is_longer_than_the_line_is_cut():
    report = fleet_report({"h": {"problems_of_host": ["x" * 250]}}, NOW)
    assert max(len(line) for line in fleet_table(report, 80).splitlines()) <= 80
