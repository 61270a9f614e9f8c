# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module preflight on a host whose engine is a fake one: what it gathers, and that it lists everything at once."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.migration import Record
from ansible_collections.corral.ollama.plugins.module_utils.core.mounts import Mount
from ansible_collections.corral.ollama.plugins.module_utils.glue import host_facts
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.modules import preflight
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module


@pytest.fixture
def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return min(found.getsockname()[1], 65000)


@pytest.fixture
def on(monkeypatch, free_port):
    """Run the module against a fake engine (or the error that connecting to it raises)."""

    def run_on(engine, check=False, compose="2.26.1", **args):
        def connect():
            if isinstance(engine, Exception):
                raise engine
            return engine

        monkeypatch.setattr(host_facts, "connect", connect)
        monkeypatch.setattr(host_facts, "compose_version", lambda: compose)
        return run_module(preflight, {"base_port": free_port, "count": 1, "reserve_bytes": 1, **args}, check=check)

    return run_on


@pytest.mark.parametrize("check", [False, True])
def test_a_good_host(on, tmp_path, check):
    images = {"ollama/ollama:0.32.15": {"Id": "sha256:" + "c" * 64, "RepoDigests": []}}
    engine = FakeEngine(volumes={"ollama_models": str(tmp_path)}, images=images, root_dir=str(tmp_path))
    outcome = on(engine, check, image="ollama/ollama:0.32.15")
    assert not outcome.failed, outcome.msg
    assert (outcome.changed, outcome["ok"]) == (False, True)
    host = outcome["host"]
    assert (host["engine_version"], host["compose_version"], host["image_id"]) == ("28.2.2", "2.26.1", "c" * 64)
    assert host["free_bytes"] > 0
    assert host["store"]["mountpoint"] == host["disk_path"] == str(tmp_path)
    assert outcome["same_engine_key"].endswith("/ABCD")
    assert len(outcome["same_engine_key"]) > 10


@pytest.mark.parametrize(
    ("said", "files", "told"),
    [
        ({}, ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"], ["nvidia0, ", "nvidia1)", "corral_gpus: auto"]),
        ({}, ["kfd"], ["kfd)", "corral_gpus: none"]),
        ({}, ["nvidiactl"], []),
        ({"gpus": "none"}, ["nvidia0"], []),
        ({"gpus": []}, ["nvidia0"], []),
        ({"gpus": ["0"]}, ["nvidia0"], []),
    ],
)
def test_gpus_of_which_nobody_said_anything(on, tmp_path, monkeypatch, said, files, told):
    for name in files:
        (tmp_path / name).touch()
    there = [pattern.replace("/dev", str(tmp_path)) for pattern in host_facts.GPU_FILES]
    monkeypatch.setattr(host_facts, "GPU_FILES", there)
    (tmp_path / "store").mkdir()
    engine = FakeEngine(volumes={"ollama_models": str(tmp_path / "store")}, root_dir=str(tmp_path))
    outcome = on(engine, **said)
    assert not outcome.failed, outcome.msg
    assert len(outcome["warnings"]) == (1 if told else 0)
    assert all(word in warning for word in told for warning in outcome["warnings"])


def test_a_store_with_the_marker_of_this_project_is_ours(on, tmp_path):
    (tmp_path / ".corral").mkdir()
    (tmp_path / "blobs").mkdir()
    engine = FakeEngine(volumes={"fleet_models": str(tmp_path)}, root_dir=str(tmp_path))
    (tmp_path / ".corral" / "owner.json").write_text(json.dumps({"schema": 1, "project": "fleet"}))
    assert on(engine, project="fleet")["host"]["store"]["owner"] == "fleet"
    (tmp_path / ".corral" / "owner.json").write_text(json.dumps({"schema": 1, "project": "other"}))
    assert "is the store of the project other, not of fleet" in on(engine, project="fleet").msg
    (tmp_path / ".corral" / "owner.json").write_text("damaged")
    assert on(engine, project="fleet").kind == "foreign_store"
    assert not on(engine, project="fleet", adopt=True).failed


def test_what_a_migration_stopped_claims_no_ports(on, tmp_path, free_port):
    stopped = container("old-1", free_port, state="exited")
    (tmp_path / "store").mkdir()
    stopped["Config"]["Labels"] = {"com.docker.compose.project": "tsa", "com.docker.compose.service": "ollama"}
    engine = FakeEngine(stopped, volumes={"ollama_models": str(tmp_path / "store")}, root_dir=str(tmp_path))
    path = tmp_path / "state" / "migration.json"
    assert on(engine, migration_path=str(path)).kind == "port_overlap"
    assert not on(engine, departing=["old-1"]).failed
    row = {"name": "old-1", "id": "x", "running": True, "restart_policy": "no", "restart_retries": 0, "ports": []}
    record = Record("ollama", "verified", {}, {"volume": "ollama_models", "path": str(tmp_path)}, (row,))
    path.parent.mkdir()
    path.write_bytes(record.as_bytes())
    outcome = on(engine, migration_path=str(path))
    assert not outcome.failed, outcome.msg
    path.write_bytes(b"{}")
    assert on(engine, migration_path=str(path)).kind == "bad_migration"


@pytest.mark.parametrize("state", ["restarting", "paused"])
def test_a_container_that_restarts_or_is_paused_holds_its_port(on, tmp_path, free_port, state):
    held = container("web", free_port, state=state)
    held["Config"]["Labels"] = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    engine = FakeEngine(held, volumes={"ollama_models": str(tmp_path)}, root_dir=str(tmp_path))
    assert on(engine).kind == "port_in_use"


def test_a_puller_without_a_live_lease_is_abandoned(on, tmp_path):
    puller = container("ollama-puller")
    puller["Config"]["Labels"] = {"corral.project": "ollama", "corral.puller": "ann@laptop"}
    engine = FakeEngine(puller, volumes={"ollama_models": str(tmp_path)}, root_dir=str(tmp_path))
    (tmp_path / ".corral" / "tmp").mkdir(parents=True)
    (tmp_path / ".corral" / "owner.json").write_text(json.dumps({"schema": 1, "project": "ollama"}))
    assert on(engine)["host"]["store"]["abandoned_puller"] == "ollama-puller"
    lease = LeaseFile(store_at(str(tmp_path)))
    token = lease.acquire("ann@laptop", "", 60)[0].token
    assert on(engine)["host"]["store"]["abandoned_puller"] == ""
    lease.release(token)
    puller["Config"]["Labels"]["corral.project"] = "other"
    assert on(engine)["host"]["store"]["abandoned_puller"] == ""


@pytest.mark.parametrize(
    ("volume", "source"),
    [
        ({"Driver": "local", "Options": {"type": "none", "o": "bind", "device": "/data/models"}}, "/data/models"),
        ({"Driver": "local", "Options": {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/models"}}, ":/models"),
        ({"Driver": "rexray", "Options": {}}, "driver rexray"),
    ],
)
def test_what_lies_where_a_volume_is_not_mounted_just_now_is_not_its_content(on, tmp_path, monkeypatch, volume, source):
    path = tmp_path / "_data"
    path.mkdir()
    (path / "photos").touch()
    engine = FakeEngine(volumes={"ollama_models": {"Mountpoint": str(path), **volume}}, root_dir=str(tmp_path))
    store = on(engine)["host"]["store"]
    assert (store["exists"], store["mounted_from"], store["reachable"]) == (True, source, False)
    monkeypatch.setattr(host_facts, "mount_under", lambda path: Mount(path, "nfs4", ("rw",)))
    mounted = on(engine)
    assert mounted.kind == "foreign_store"
    assert "holds something that is not an Ollama store: photos" in mounted.msg


def test_the_project_file_is_told_by_mode_and_content(on, tmp_path):
    engine = FakeEngine(root_dir=str(tmp_path))
    assert on(engine, project_dir=str(tmp_path))["host"]["project_file"] == ""
    file = tmp_path / "compose.yml"
    file.write_text("name: ollama\n")
    file.chmod(0o640)
    digest = hashlib.sha256(b"name: ollama\n").hexdigest()
    assert on(engine, project_dir=str(tmp_path))["host"]["project_file"] == f"0640 {digest}"


def test_everything_in_the_way_is_listed_in_one_failure(on, tmp_path, free_port):
    (tmp_path / "photos").mkdir()
    engine = FakeEngine(
        container("shop-web-1", free_port, project="shop", service="web"),
        volumes={"ollama_models": str(tmp_path)},
        root_dir=str(tmp_path),
        version="19.3.15",
    )
    outcome = on(engine, compose="2.3.3", reserve_bytes=10**18)
    kinds = ["engine_too_old", "compose_too_old", "port_in_use", "foreign_store", "no_space"]
    assert outcome["error"]["kinds"] == kinds
    assert "5 things are in the way" in outcome.msg
    assert "container shop-web-1 (Compose project shop, service web)" in outcome.msg
    assert all(problem["remedy"] for problem in outcome["error"]["problems"])


def test_a_process_that_listens_is_found_by_the_kernel(on, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = on(FakeEngine(root_dir=str(tmp_path)), base_port=port)
    assert outcome.kind == "port_in_use"
    assert f"Port {port} is in use by the process {Path('/proc/self/comm').read_text().strip()} (pid " in outcome.msg


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        ({"count": 0}, "instance_count"),
        ({"count": 1000}, "instance_count"),
        ({"base_port": 65535, "count": 2}, "port_range"),
        ({"bind_address": "here"}, "bind_address"),
        ({"gpus": "0"}, "bad_gpus"),
    ],
)
def test_inputs_that_cannot_work(on, tmp_path, args, kind):
    assert on(FakeEngine(root_dir=str(tmp_path)), **args).kind == kind


def test_an_engine_that_comes_later(on):
    missing = CorralError("This host has no Docker engine.", kind="engine_missing", remedy="Install one.")
    assert on(missing, compose="").kind == "engine_missing"
    outcome = on(missing, compose="", require_engine=False)
    assert (outcome.failed, outcome["same_engine_key"]) == (False, "")
    assert outcome["host"]["engine_problem"]["kind"] == "engine_missing"
    assert outcome["host"]["free_bytes"] > 0


def test_missing_libraries(on, monkeypatch):
    monkeypatch.setattr(host_facts, "LIBRARIES", ("corral_one", "corral_two"))
    outcome = on(FakeEngine())
    assert outcome["error"]["kinds"] == ["missing_library", "missing_library"]
    assert "cannot import 'corral_one'. Install python3-corral_one" in outcome.msg
    assert not on(FakeEngine(), require_engine=False).failed


def test_a_server_of_somebody_else_that_prunes_the_store_is_refused(on, tmp_path):
    old = container("old-ollama")
    old["Config"].update(Env=["OLLAMA_HOST=0.0.0.0"], Entrypoint=["/bin/ollama"])
    old["Mounts"] = [{"Type": "volume", "Name": "ollama_models", "Source": str(tmp_path), "RW": True}]
    engine = FakeEngine(old, volumes={"ollama_models": str(tmp_path)}, root_dir=str(tmp_path))
    outcome = on(engine)
    assert outcome.kind == "store_pruner"
    # a migration looks before it knows who leaves
    assert not on(engine, judge_users=False, adopt=True).failed
    assert "old-ollama" in outcome.msg
    assert not on(engine, departing=["old-ollama"]).failed
    old["Config"]["Env"].append("OLLAMA_NOPRUNE=1")
    assert on(engine)["host"]["store_users"][0]["noprune"] is True


def test_the_images_of_the_instances_are_known(on, tmp_path):
    mine = container("ollama-ollama-server-1", project="ollama", service="ollama-server-1")
    gate = container("gate", project="ollama", service="gateway", Image="sha256:" + "b" * 64)
    engine = FakeEngine(mine, gate, container("web"), root_dir=str(tmp_path))
    assert on(engine)["host"]["instance_images"] == ["a" * 64]
