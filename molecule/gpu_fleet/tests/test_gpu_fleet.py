# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story on a real engine with GPUs that are not there: each instance gets its own, and a loss is found and named."""

from __future__ import annotations

import json
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[3] / "tests/unit/fixtures/gpus"
LISTED = (FIXTURES / "h100x4/list").read_text().splitlines()
UUIDS = [line.rpartition("UUID: ")[2].rstrip(")") for line in LISTED]
LOST, NAME = UUIDS[1], "ollama-server-2"


def inside(lab, number):
    return lab.docker("exec", f"ollama-ollama-server-{number}", "nvidia-smi", "-L").splitlines()


def test_each_instance_sees_one_gpu_and_no_other(lab):
    assert [inside(lab, number) for number in (1, 2, 3, 4)] == [[line] for line in LISTED]


def test_they_are_given_by_cdi_and_remembered(lab):
    requests = lab.inspect(f"ollama-{NAME}")["HostConfig"]["DeviceRequests"]
    assert [(one["Driver"], one["DeviceIDs"]) for one in requests] == [("cdi", [f"nvidia.com/gpu={LOST}"])]
    memory = json.loads(lab.sh("cat /var/lib/corral/ollama/gpus.json"))
    assert [row["id"] for row in memory["gpus"]] == UUIDS
    assert memory["proof"]["runtime"] == "cdi"


def test_a_second_run_changes_nothing_and_proves_nothing_anew(lab):
    before = lab.containers()
    assert lab.run("site").ok().changed == []
    assert lab.containers() == before


def test_a_container_that_does_not_see_its_gpu_any_more(lab):
    """As after a reload of systemd on a host with an older toolkit: the host has it, the container is shut out."""
    lab.sh(f"echo 'Failed to initialize NVML: Unknown Error' > /etc/cdi-gpus/{LOST}")
    lab.run("verify").failed(NAME, f"has lost GPU {LOST}", "Failed to initialize NVML", "rolling_restart")
    lab.sh(f"echo '{LISTED[1]}' > /etc/cdi-gpus/{LOST}")
    lab.run("verify").ok()


def test_a_host_that_lists_one_gpu_less(lab):
    lab.sh("cp -r /etc/practice-gpus /etc/practice-gpus.whole")
    for path in sorted((FIXTURES / "one_lost").iterdir()):
        lab.sh(f"cat > /etc/practice-gpus/{path.name} <<'END'\n{path.read_text()}END")
    lab.run("verify").failed(f"lists 3 of 4 GPUs: {LOST}", f"{NAME} is declared to have GPU {LOST}")
    # Four instances are still declared, and three GPUs are not dealt out to them.
    before = lab.snapshot()
    lab.run("deploy").failed(f"{LOST} was there when the fleet was deployed last", "corral_gpus_forget=true")
    assert lab.snapshot() == before


def test_it_can_be_left_out_on_purpose(lab):
    lab.run("deploy", corral_gpus_forget=True, corral_instance_count=3).ok()
    assert [inside(lab, number) for number in (1, 2, 3)] == [[LISTED[number]] for number in (0, 2, 3)]
    assert lab.containers() == [f"ollama-ollama-server-{number}" for number in (1, 2, 3)]
