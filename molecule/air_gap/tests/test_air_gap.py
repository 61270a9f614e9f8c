# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: export, lose the store and the line, import and be killed, import again, and serve."""

from __future__ import annotations

import time

import pytest
from corral_practice.front import Front
from lab import STORE, blob_names, bytes_in_staging, in_staging, manifests, partials, wait_until

SMALL, BIG = "nomic-embed-text:v1.5", "llama3.2:3b"
BUNDLE = "/srv/models.tar"
RATE = 10_000_000


@pytest.fixture(scope="module")
def exported(lab):
    check = lab.run("bundle_export", bundle_path=BUNDLE, _check=True).ok()
    assert len(check.changed) == 1
    assert lab.sh("ls -A /srv") == ""
    before = (blob_names(lab), manifests(lab))
    lab.run("bundle_export", bundle_path=BUNDLE).ok()
    assert lab.run("bundle_export", bundle_path=BUNDLE).ok().changed == []
    return before


def test_any_tar_and_sha256sum_read_it(lab, exported):
    blobs, models = exported
    names = lab.sh(f"tar -tf {BUNDLE}").split()
    assert names[:2] == ["oci-layout", "index.json"]
    assert len(names) == 2 + len(models) + len(blobs)
    assert {f"blobs/sha256/{name.removeprefix('sha256-')}" for name in blobs} <= set(names)
    assert "OK" in lab.sh("cd /srv && sha256sum -c models.tar.sha256")
    assert lab.sh(f"tar -xOf {BUNDLE} index.json | sha256sum").split()[0] in lab.sh(f"cat {BUNDLE}.sha256")


@pytest.fixture(scope="module")
def cut_off(lab, exported):
    """No fleet, no store, no line. The kernel counts who tries to reach the registry all the same."""
    lab.run("teardown", corral_remove_store=True).ok()
    assert lab.docker("volume", "ls", "-q") == ""
    front = (lab.ephemeral / "front").read_text().strip()
    for chain in ("OUTPUT", "FORWARD"):
        lab.sh(f"iptables -I {chain} -d {front} -j REJECT")
    assert lab.sh(f"curl -sm 3 https://{front}/ || echo cut off", check=False).strip() == "cut off"
    lab.sh("iptables -Z")
    return time.time()


def test_a_check_predicts_the_import_and_makes_nothing(lab, cut_off):
    run = lab.run("bundle_import", bundle_path=BUNDLE, _check=True).ok()
    assert any("bundle" in task for task in run.changed)
    assert lab.docker("volume", "ls", "-q") == ""


@pytest.fixture(scope="module")
def killed(lab, cut_off):
    settings = {"bundle_bytes_per_second": RATE, "bundle_lease_ttl": 10}
    process = lab.start("bundle_import", bundle_path=BUNDLE, **settings)
    wait_until(lambda: bytes_in_staging(lab) > RATE // 2 or process.poll() is not None, 120, "the import to begin")
    assert process.poll() is None, lab.finish(process).output
    lab.kill(process)
    return lab.sh(f"ls -i {STORE}/.corral/incoming/blobs").splitlines()


def test_killed_in_the_middle_it_has_shown_nothing(lab, killed):
    assert manifests(lab) == {}
    assert blob_names(lab) == []
    assert len(partials(lab)) == 1
    assert len(in_staging(lab)) > 1


def test_the_next_import_goes_on_and_brings_every_byte(lab, killed, exported):
    lab.run("bundle_import", bundle_path=BUNDLE, bundle_lease_wait=60).ok()
    assert (blob_names(lab), manifests(lab)) == exported
    whole = {line for line in killed if "partial" not in line}
    assert whole <= set(lab.sh(f"ls -i {STORE}/blobs").splitlines()), "what was staged was used, not copied again"
    sums = lab.sh(f"cd {STORE}/blobs && sha256sum *").split()
    assert [f"sha256-{digest}" for digest in sums[::2]] == sums[1::2]
    assert in_staging(lab) == []
    assert lab.run("bundle_import", bundle_path=BUNDLE).ok().changed == []


def test_the_fleet_is_deployed_and_green(lab, killed):
    lab.run("site").ok()
    assert lab.fleet["ok"] is True
    assert sorted(model["name"] for model in lab.api(11434, "/api/tags")["models"]) == [BIG, SMALL]


def test_nobody_asked_the_registry_or_tried_to(lab, killed, cut_off):
    asked = [line for line in Front().requests() if line["client"] == lab.address and line["at"] >= cut_off]
    assert asked == []
    counters = [line.split() for line in lab.sh("iptables -vnxL").splitlines() if "REJECT" in line]
    assert [fields[0] for fields in counters] == ["0", "0"]


def test_a_bundle_that_lies_is_refused(lab, killed):
    lab.sh(f"cp {BUNDLE} /srv/cut.tar && truncate -s -1000000 /srv/cut.tar")
    cut = lab.module("store_bundle", path=STORE, bundle="/srv/cut.tar", state="imported", lease_token="none")
    assert (cut["error"]["kind"], "cut off" in cut["msg"]) == ("bad_bundle", True)
    lab.run("bundle_import", bundle_path=BUNDLE, bundle_models=[SMALL, "mistral:7b"]).failed("mistral:7b", BIG)
