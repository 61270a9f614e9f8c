# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row: what the user sets, and the words that the one message must hold. The host is the same before and after."""

from __future__ import annotations

import pytest
from lab import Lab

IMAGE = "corral-practice/ollama:0.32.15-practice"
GOOD, ZEROS = "nomic-embed-text:v1.5", "0" * 64

INPUTS = {
    "unknown model": ({"corral_models": [GOOD, "nosuchmodel:1b"]}, ["nosuchmodel:1b", "no such model"]),
    "two unknown models at once": ({"corral_models": ["nosuch-a:1b", "nosuch-b:1b"]}, ["nosuch-a:1b", "nosuch-b:1b"]),
    "bad model name": ({"corral_models": ["bad name!:7b"]}, ["bad name!:7b"]),
    "a name that leaves the store": ({"corral_models": ["../../etc:passwd"]}, ["../../etc:passwd"]),
    "misspelt key of a model": ({"corral_models": [{"nmae": "llava:7b"}]}, ["nmae"]),
    "digest that does not exist": (
        {"corral_models": [{"name": "llava:7b", "digest": ZEROS}]},
        ["llava:7b", ZEROS[:12]],
    ),
    "no instance": ({"corral_instance_count": 0}, ["0", "128"]),
    "1000 instances": ({"corral_instance_count": 1000}, ["1000", "128"]),
    "ports past the last one": ({"corral_base_port": 65530, "corral_instance_count": 8}, ["65530", "65535"]),
    "image that cannot be pulled": ({"corral_image": "corral.invalid/nosuch:1.0"}, ["corral.invalid/nosuch:1.0"]),
    "image that is not pinned": (
        {"corral_image": "corral-practice/ollama:latest"},
        ["corral-practice/ollama:latest", "pinned"],
    ),
    "address that the host does not have": ({"corral_bind_address": "192.0.2.7"}, ["192.0.2.7"]),
    "full disk": ({"corral_models": [GOOD, "llava:7b"], "corral_reserve_bytes": 10**15}, ["free"]),
    "unwritable artifacts directory": ({"corral_artifacts_dir": "/proc/corral"}, ["/proc/corral"]),
    "registry that is not there": (
        {"corral_models": [GOOD, "nosuch.corral.invalid/library/x:1"]},
        ["nosuch.corral.invalid"],
    ),
}


@pytest.fixture(scope="module")
def state(lab):
    """Green before the first row, and what every row must leave as it is."""
    assert lab.run("verify").ok().changed == []
    return lab.snapshot()


def refused(lab, state, words, **variables):
    run = lab.run("site", **variables)
    message = run.failed(*words)
    assert run.changed == [], run.changed
    assert lab.snapshot() == state
    return message


@pytest.mark.parametrize("case", INPUTS)
def test_refused(lab, state, case):
    variables, words = INPUTS[case]
    refused(lab, state, words, **variables)


def test_port_in_use_by_a_program(lab, state):
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 11436)); time.sleep(300)"
    lab.sh(f'nohup python3 -c "{listen}" >/dev/null 2>&1 & echo $! > /run/listener; sleep 0.5')
    try:
        refused(lab, state, ["11436"], corral_instance_count=3)
    finally:
        lab.sh("kill $(cat /run/listener)")


def test_range_that_overlaps_another_service(lab, state):
    lab.docker("run", "-d", "--name", "neighbour", "-p", "127.0.0.1:11440:11434", IMAGE)
    try:
        refused(lab, lab.snapshot(), ["11440", "neighbour"], corral_base_port=11434, corral_instance_count=8)
    finally:
        lab.docker("rm", "-f", "-v", "neighbour")


def test_volume_with_a_foreign_store(lab, state):
    lab.sh("docker volume create theirs && touch /var/lib/docker/volumes/theirs/_data/their-data.bin")
    try:
        refused(lab, lab.snapshot(), ["theirs", "another store volume"], corral_store_volume="theirs")
        lab.sh("cd /var/lib/docker/volumes/theirs/_data && rm their-data.bin && mkdir -p blobs manifests/x/y/z")
        refused(lab, lab.snapshot(), ["theirs", "adopt"], corral_store_volume="theirs")
    finally:
        lab.docker("volume", "rm", "theirs")


def test_engine_too_old(lab, state):
    """Nobody has an engine of 2020 at hand: the lowest version that is good enough is raised instead."""
    result = lab.module("preflight", min_engine="99.0.0", count=2)
    assert result["failed"] is True
    assert [word for word in ("99.0.0", "Upgrade") if word not in result["msg"]] == [], result["msg"]


def older(lab, version):
    """The practice image as if it were of another version; its name."""
    name = f"corral-practice/ollama:as-{version}"
    lab.docker("create", "--name", "seed", IMAGE)
    lab.docker("commit", "--change", f"ENV PRACTICE_VERSION={version}", "seed", name)
    lab.docker("rm", "seed")
    return name


def test_image_that_does_not_belong_on_a_shared_store(lab, state):
    """Its tag says nothing; the image itself is asked, and nothing of that stays."""
    image = older(lab, "0.18.3")
    try:
        refused(lab, lab.snapshot(), [image, "0.18.3", "0.19.0", "lists_other_digests", "0.32.15"], corral_image=image)
        found = lab.module("image_info", image=older(lab, "0.3.14"), on_refused="report")
        assert [rule in " ".join(found["problems"]) for rule in ("wedges_on_bad", "ignores_noprune")] == [True, True]
        assert lab.module("image_info", image=older(lab, "0.0.0"))["error"]["kind"] == "unknown_version"
        downgrade = lab.module("image_info", image=older(lab, "0.20.7"))
        assert downgrade["problems"] == []
        assert "a downgrade" in downgrade["warnings"][0]
    finally:
        lab.sh("docker rmi $(docker images -q --filter reference='corral-practice/ollama:as-*')")


def test_server_of_somebody_else_that_prunes_the_store(lab, state):
    """It does not even run: it would prune at its next start."""
    lab.docker("create", "--name", "stray", "-v", "ollama_models:/root/.ollama/models", IMAGE)
    try:
        refused(lab, lab.snapshot(), ["stray", "ollama_models", "OLLAMA_NOPRUNE"])
    finally:
        lab.docker("rm", "stray")


def test_two_names_for_one_engine(lab, state):
    twin = lab.ephemeral / "twin.ini"
    twin.write_text(f"[ollama_hosts]\ntwin ansible_host={lab.container}\n")
    refused(lab, state, ["twin", lab.container], _inventory=[twin], _limit=f"twin,{lab.container}")


def test_no_docker_and_not_allowed_to_install_it(lab, state):
    bare = "corral-molecule-no-docker"
    inventory = lab.ephemeral / "bare.ini"
    inventory.write_text(f"[ollama_hosts]\n{bare}\n")
    before = Lab(bare).sh("dpkg-query -W; ls -A /opt /var/lib")
    run = lab.run("site", corral_install_docker=False, _inventory=[inventory], _limit=bare)
    run.failed("docker")
    assert run.changed == []
    assert Lab(bare).sh("dpkg-query -W; ls -A /opt /var/lib") == before


def test_and_a_good_input_is_still_green(lab, state):
    """Last: after all these refusals the fleet serves as before, and a run has nothing to do."""
    assert lab.run("site").ok().changed == []
