# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module instance_check against an engine on a wire, a store and a rollout on disk: one fault, one finding."""

from __future__ import annotations

import json
from contextlib import contextmanager
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.leases import Lease
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_skew import fingerprint
from ansible_collections.corral.ollama.plugins.module_utils.glue import instance_check as glue
from ansible_collections.corral.ollama.plugins.modules import instance_check
from ansible_collections.corral.ollama.tests.unit.logged import NOW, STDOUT, Engine, entry, gin, logging, stamp
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer

ONE, TWO = "ollama-server-1", "ollama-server-2"
IMAGE, SECRET = "ollama/ollama:0.32.15", "hunter2-the-secret"
IMAGES = {IMAGE: {"Id": "sha256:" + "a" * 64, "Config": {"Env": ["PATH=/bin", "OLLAMA_HOST=0.0.0.0:11434"]}}}
GPU_LINE = 'time=… level=INFO msg="inference compute" id=GPU-1 library=CUDA description="H100" total="79.6 GiB"'
CPU_LINE = 'time=… level=INFO msg="inference compute" id=cpu library=cpu'


def server(name=ONE, *, environment=("OLLAMA_NOPRUNE=1",), gpus=(), **changes):
    """One container of the project f."""
    found = logging(f"f-{name}", project="f", service=name, **changes.pop("state", {}))
    found["Config"]["Env"] = [*environment, "OLLAMA_HOST=0.0.0.0:11434"]
    found["HostConfig"]["DeviceRequests"] = [{"DeviceIDs": list(gpus), "Count": 0}] if gpus else None
    return {**found, **changes}


@pytest.fixture
def host(tmp_path):
    """Where the module's files are: state/verify.json, state/rollout, store."""
    for name in ("state/rollout", "store/.corral", "store/blobs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "store/.corral/owner.json").write_text("{}")
    return tmp_path


@contextmanager
def checking(host, *containers, logs=None, now=NOW):
    engine = Engine(*containers, logs=logs)
    engine.fake.images = IMAGES

    def check(check_mode=False, **options):
        services = [one["Config"]["Labels"].get("com.docker.compose.service") for one in containers]
        names = [{"name": name, "gpus": []} for name in services if name]
        paths = {"store_path": str(host / "store"), "rollout_path": str(host / "state/rollout")}
        given = {"project": "f", "instances": names, "image": IMAGE, "memory_path": str(host / "state/verify.json")}
        return run_module(instance_check, {**given, **paths, **options}, check=check_mode)

    with engine, mock.patch.object(glue, "connect", engine.api), mock.patch.object(glue.time, "time", return_value=now):
        yield check


def told(outcome):
    assert not outcome.failed, outcome.msg
    return [(one["check"], one["severity"], one["instance"]) for one in outcome["findings"]]


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_host_that_is_well(host, check_mode):
    with checking(host, server(), server(TWO), logs={f"f-{ONE}": [entry(gin(200), STDOUT)]}) as check:
        outcome = check(check_mode)
    assert (outcome.changed, told(outcome), outcome["gpus"]) == (False, [], [])
    assert [(row["service"], row["lines"]) for row in outcome["logs"]] == [(ONE, 1), (TWO, 0)]
    assert (host / "state/verify.json").exists() is not check_mode


def test_what_happened_in_between_is_told_once(host):
    with checking(host, server()) as check:
        assert told(check()) == []
    crashed = server(RestartCount=2)
    with checking(host, crashed, now=NOW + 60) as check:
        assert told(check(True)) == told(check()) == [("restarts", "problem", ONE)]
        assert told(check()) == []


def test_a_process_that_was_killed_for_want_of_memory(host):
    with checking(host, server()) as check:
        check()
    with checking(host, server(state={"OOMKilled": True})) as check:
        assert told(check()) == [("oom", "problem", ONE)]


def test_an_image_that_is_not_the_declared_one(host):
    with checking(host, server(Image="sha256:" + "b" * 64), server(TWO)) as check:
        assert told(check()) == [("image_skew", "problem", ONE)]
        assert told(check(image="")) == []


def test_versions_that_differ(host):
    answers = [{"server": ONE, "version": "0.32.15"}, {"server": TWO, "version": "0.31.0"}]
    with checking(host, server(), server(TWO)) as check:
        assert told(check(answers=answers)) == [("version_skew", "problem", TWO)]


def test_an_environment_that_is_not_in_force(host):
    declared = {"OLLAMA_NOPRUNE": fingerprint("1"), "TOKEN": fingerprint(SECRET)}
    with checking(host, server(), server(TWO, environment=("OLLAMA_NOPRUNE=1", f"TOKEN={SECRET}"))) as check:
        outcome = check(environment=declared)
    assert told(outcome) == [("environment", "problem", ONE)]
    assert "TOKEN missing" in outcome["findings"][0]["message"]
    assert SECRET not in json.dumps(outcome.result)
    assert fingerprint(SECRET) not in json.dumps(outcome.result)


@pytest.mark.parametrize(
    ("line", "size_vram", "expected"),
    [
        (GPU_LINE, 1000, []),
        (GPU_LINE, 0, [("gpu", "problem", ONE)]),
        (GPU_LINE, 500, [("gpu", "warning", ONE)]),
        (CPU_LINE, 0, [("gpu", "problem", ONE), ("gpu", "problem", ONE)]),
    ],
)
def test_models_that_belong_on_a_gpu(host, line, size_vram, expected):
    models = [{"name": "mistral:7b", "size": 1000, "size_vram": size_vram}, {"name": "idle:1", "size": 0}]
    with checking(host, server(gpus=["0"]), logs={f"f-{ONE}": [entry(line)]}) as check:
        options = {"instances": [{"name": ONE, "gpus": ["0"]}]}
        asked = check(**options, answers=[{"server": ONE, "version": "1", "models": models}])
        there = check(**options, residents={ONE: models})
    assert told(asked) == told(there) == expected
    assert [(row["expected"], row["given"]) for row in asked["gpus"]] == [(["0"], ["0"])]
    assert [gpu["id"] for gpu in asked["gpus"][0]["seen"]] == (["GPU-1"] if line == GPU_LINE else [])


def test_leases(host):
    held = Lease("t" * 32, "site", "", "h", 1, NOW - 60, NOW - 5, NOW + 300)
    (host / "store/.corral.lease").write_bytes(held.as_bytes())
    (host / "state/rollout/.corral.lease").write_bytes(b"nonsense")
    with checking(host, server()) as check:
        assert told(check()) == [("lease", "problem", ""), ("lease", "note", "")]
        assert told(check(max_lease_age=30))[1] == ("lease", "warning", "")
        assert told(check(store_path=None, rollout_path=None)) == []


def test_a_store_with_damage(host):
    blob = "6591e0a9" * 8
    path = host / "store/blobs" / f"sha256-{blob}"
    path.write_bytes(b"damaged")
    there = path.stat()
    line = [blob, "0" * 64, there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns, NOW]
    (host / "store/.corral/receipts.jsonl").write_text(json.dumps(line) + "\n")
    scrub = {"ok": False, "models_affected": ["mistral:7b"], "findings_by_kind": {"wrong_digest": 1}, "ended_at": NOW}
    (host / "store/.corral/scrub.json").write_text(json.dumps({**scrub, "last_full_at": NOW}))
    with checking(host, server()) as check:
        outcome = check()
        path.write_bytes(b"as it was before")
        repaired = check()
    assert told(outcome) == [("store", "problem", "")]
    assert "6591e0a96591" in outcome["findings"][0]["message"]
    assert "mistral:7b" in outcome["findings"][0]["message"]
    assert told(repaired) == [("store", "warning", "")]


def test_a_log_with_trouble_is_a_problem_while_it_is_new(host):
    logs = {f"f-{ONE}": [entry(gin(404), STDOUT, stamp(60))]}
    with checking(host, server(), logs=logs) as check:
        assert told(check()) == [("logs", "problem", ONE)]
    with checking(host, server(), logs=logs, now=NOW + 60) as check:
        assert told(check()) == [("logs", "warning", ONE)]
        assert told(check(log_thresholds={"http_404": 1})) == []
        assert told(check(log_since="600")) == []
        assert (told(check(logs=False)), check(logs=False)["logs"]) == ([], [])


def test_a_log_that_cannot_be_read_and_a_consumer_that_is_elsewhere(host):
    refused = Answer(501, b'{"message":"configured logging driver does not support reading"}')
    consumers = [{"container": "reranker", "patterns": ["status=404"]}, {"container": "nowhere", "patterns": ["x"]}]
    reranker = [entry("ERROR status=404 for mistral:7b", at=stamp(60))]
    logs = {f"f-{ONE}": refused, "reranker": reranker}
    with checking(host, server(), logging("reranker"), logs=logs) as check:
        outcome = check(log_consumers=consumers)
    assert told(outcome) == [("logs", "warning", ONE), ("logs", "problem", ""), ("logs", "warning", "")]
    assert [row["container"] for row in outcome["logs"]] == [f"f-{ONE}", "reranker"]


def test_what_a_rollout_did_is_no_trouble(host):
    events = [
        {"at": stamp(10), "event": "changing", "instances": [ONE]},
        {"at": stamp(100), "event": "done", "instances": [ONE]},
    ]
    (host / "state/audit.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events))
    with checking(host, server(), now=NOW - 3600) as check:
        check()
    restarted = server(state={"StartedAt": stamp(20)})
    logs = {f"f-{ONE}": [entry(gin(404), STDOUT, stamp(60))]}
    with checking(host, restarted, logs=logs) as check:
        outcome = check()
    assert told(outcome) == []
    assert outcome["logs"][0]["since"] == stamp(100)


@pytest.mark.parametrize("options", [{"log_since": "noon"}, {"log_thresholds": {"x": 1}}, {"max_restarts": -1}])
def test_bad_input(host, options):
    with checking(host, server()) as check:
        assert check(**options).kind == "bad_input"


def test_others_are_let_be(host):
    with checking(host, server(RestartCount=1)) as check:
        assert told(check(instances=[])) == []


def test_a_memory_that_cannot_be_written_is_a_warning(host):
    (host / "state/verify.json").mkdir()
    with checking(host, server()) as check:
        assert any("cannot be" in text for text in check()["warnings"])


GPUS = [
    {"id": f"GPU-{name}", "index": str(number), "uuid": f"GPU-{name}", "memory": 1} for number, name in enumerate("ab")
]


@pytest.mark.parametrize(
    ("found", "listing", "findings"),
    [
        (GPUS, "GPU 0: H100 (UUID: GPU-a)\n", []),
        (GPUS, None, []),
        (GPUS, "Failed to initialize NVML: Unknown Error\n", [("gpu", "problem", ONE)]),
        (GPUS[1:], "GPU 0: H100 (UUID: GPU-b)\n", [("gpu", "problem", ""), ("gpu", "problem", ONE)]),
    ],
)
def test_a_gpu_that_is_lost_while_the_server_runs(host, found, listing, findings):
    """Its log still names it, as it was there at the start."""
    about = {"gpus": found, "remembered": GPUS, "missing": [one for one in GPUS if one not in found], "problem": ""}
    instances = [{"name": ONE, "gpus": ["GPU-a"]}]
    logs = {f"f-{ONE}": [entry(GPU_LINE, STDOUT)]}
    inside = mock.patch.object(glue, "gpu_listing", return_value=listing)
    with inside, checking(host, server(gpus=["GPU-a"]), logs=logs) as check:
        assert told(check(instances=instances, host_gpus=about, logs=False)) == findings
        assert told(check(instances=instances, logs=False)) == []
