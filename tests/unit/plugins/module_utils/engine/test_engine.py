# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The room of the Docker engine: containers, ports, volumes, images."""

from __future__ import annotations

import docker
import pytest
import requests
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.host import Publication
from ansible_collections.corral.ollama.plugins.module_utils.engine import client, containers, images, ports, volumes
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 0100007F:2CAA 0100007F:E000 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
"""
TCP6 = """  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:2CAB 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4714 1
   1: 0000000000000000FFFF00000100007F:2CAC 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4715 1
   2: 00000000000000000000000001000000:2CAD 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4716 1
"""


def _instances(engine, project="ollama"):
    return containers.project_instances(engine, containers.project_containers(engine, project))


def test_sockets_of_the_kernel():
    assert ports.parse_sockets(TCP) == [("127.0.0.1", 11434, "4711"), ("0.0.0.0", 22, "4712")]
    assert [entry[:2] for entry in ports.parse_sockets(TCP6)] == [("::", 11435), ("127.0.0.1", 11436), ("::1", 11437)]
    assert ports.parse_sockets("") == []


def test_a_listener_is_named_by_its_process(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TCP)
    for pid, inode in ((7, 1), (12, 4711)):
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "comm").write_text(f"ollama{pid}\n")
        (tmp_path / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
    found = ports.listeners(range(11434, 11442), (), tmp_path)
    assert [(entry.address, entry.port, entry.process) for entry in found] == [
        ("127.0.0.1", 11434, "ollama12 (pid 12)")
    ]
    assert ports.listeners([11434], [11434], tmp_path)[0].process == ""
    assert ports.listeners([22], (), tmp_path)[0].process == ""


def test_addresses_of_this_host():
    assert ports.bindable("127.0.0.1")
    assert ports.bindable("what")
    assert not ports.bindable("192.0.2.1")


def test_instances_come_in_the_order_of_their_numbers():
    fleet = [
        container(f"ollama-ollama-server-{n}", 11433 + n, project="ollama", service=f"ollama-server-{n}")
        for n in (10, 2, 1)
    ]
    others = [
        container("gate", 80, project="ollama", service="gateway"),
        container("shop", 81, project="shop", service="ollama-server-1"),
    ]
    found = _instances(FakeEngine(*fleet, *others))
    assert [entry["name"] for entry in found] == ["ollama-server-1", "ollama-server-2", "ollama-server-10"]
    assert found[0]["container"] == "ollama-ollama-server-1"
    assert (found[0]["url"], found[0]["port"], found[0]["image_digest"]) == ("http://127.0.0.1:11434", 11434, "a" * 64)


def test_the_gateway_is_told_apart():
    gateway = container("ollama-gateway", project="ollama", service="gateway", state="exited")
    engine = FakeEngine(gateway, container("g", project="shop", service="gateway"))
    found = containers.project_gateway(containers.project_containers(engine, "ollama"))
    assert (found["container"], found["id"], found["state"]) == ("ollama-gateway", "id-of-ollama-gateway", "exited")
    assert containers.project_gateway(containers.project_containers(engine, "none")) == {}


def test_all_that_is_known_of_an_instance():
    entry = container(
        "x",
        11440,
        state="exited",
        project="ollama",
        service="ollama-server-7",
        State={
            "Status": "exited",
            "StartedAt": "t",
            "OOMKilled": True,
            "ExitCode": 137,
            "Health": {"Status": "unhealthy"},
        },
        RestartCount=3,
        Mounts=[{"Name": "ollama_models", "Source": "/v", "Destination": "/root/.ollama/models", "RW": False}],
    )
    entry["HostConfig"]["DeviceRequests"] = [{"Count": 0, "DeviceIDs": ["0", "GPU-1"]}]
    (found,) = _instances(FakeEngine(entry))
    assert (found["state"], found["health"], found["exit_code"], found["oom_killed"]) == (
        "exited",
        "unhealthy",
        137,
        True,
    )
    assert (found["restarts"], found["url"], found["gpus"]) == (3, "http://127.0.0.1:11440", ["0", "GPU-1"])
    assert found["volumes"] == [
        {"name": "ollama_models", "source": "/v", "destination": "/root/.ollama/models", "read_only": True}
    ]
    entry["HostConfig"] = {"PortBindings": None, "DeviceRequests": [{"Count": -1}]}
    (found,) = _instances(FakeEngine(entry))
    assert (found["url"], found["port"], found["gpus"]) == ("", 0, ["all"])


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ({"DeviceRequests": [{"DeviceIDs": ["nvidia.com/gpu=GPU-1", "nvidia.com/gpu=0:1"]}]}, ["GPU-1", "0:1"]),
        ({"DeviceRequests": [{"DeviceIDs": ["nvidia.com/gpu=all"]}]}, ["all"]),
        ({"Devices": [{"PathOnHost": f"/dev/{name}"} for name in ("kfd", "dri/card0", "dri/renderD9")]}, ["renderD9"]),
        ({"DeviceRequests": None, "Devices": None}, []),
    ],
)
def test_a_gpu_is_called_as_it_was_declared_in_whatever_way_it_is_given(given, called):
    entry = container("x", 11440, project="ollama", service="ollama-server-7")
    entry["HostConfig"].update(given)
    assert _instances(FakeEngine(entry))[0]["gpus"] == called


def test_ports_of_running_containers_and_of_stopped_compose_services():
    engine = FakeEngine(
        container("web", 80, address="0.0.0.0", private=80),
        container("old", 81, state="exited"),
        container("shop", 82, state="exited", project="shop", service="web"),
    )
    found = containers.publications(engine, engine.containers(all=True))
    assert found == (
        Publication("0.0.0.0", 80, "web"),
        Publication("127.0.0.1", 82, "shop", "shop", "web", running=False),
    )


def test_a_container_that_is_removed_meanwhile_is_left_out():
    engine = FakeEngine(container("x", 1, project="ollama", service="ollama-server-1"))
    engine.inspect_container = lambda _id: FakeEngine._one([])
    assert _instances(engine) == []


def test_volumes_and_images():
    digests = ["ollama/ollama@sha256:b"]
    engine = FakeEngine(volumes={"v": "/m"}, images={"i:1": {"Id": "sha256:" + "c" * 64, "RepoDigests": digests}})
    assert (volumes.place(engine, "v"), volumes.place(engine, "w")) == (("/m", ""), None)
    assert images.present(engine, "i:1") == ("c" * 64, ("ollama/ollama@sha256:b",))
    assert images.present(engine, "i:2") == ("", ())


def test_an_image_that_is_no_name():
    response = requests.Response()
    response.status_code = 400
    refused = docker.errors.APIError("400", response=response, explanation="invalid reference format")
    with pytest.raises(CorralError, match=r"corral_image is 'a b'.*invalid reference format") as raised:
        images.present(FakeEngine(images={"a b": refused}), "a b")
    assert raised.value.kind == "bad_image"


@pytest.mark.parametrize(
    ("cause", "installed", "kind", "said"),
    [
        (FileNotFoundError(2, "No such file"), None, "engine_missing", "This host has no Docker engine"),
        (FileNotFoundError(2, "No such file"), "/usr/sbin/dockerd", "engine_not_answering", "does not answer"),
        (ConnectionRefusedError(111, "refused"), "/usr/sbin/dockerd", "engine_not_answering", "refused"),
        (PermissionError(13, "denied"), "/usr/sbin/dockerd", "engine_permission", "refuses this user"),
        (ValueError("client version 1.41 is too old"), "/sbin/dockerd", "engine_too_old", "no API version in common"),
    ],
)
def test_an_engine_that_cannot_be_used(monkeypatch, cause, installed, kind, said):
    def refuse(**_options):
        # As the SDK does: the cause is an argument of an argument.
        raise docker.errors.DockerException(f"Error: {cause}", requests.ConnectionError("aborted", cause))

    monkeypatch.setattr(docker, "APIClient", refuse)
    monkeypatch.setattr(client.shutil, "which", lambda _name, path: installed)
    with pytest.raises(CorralError, match=said) as raised:
        client.connect()
    assert raised.value.kind == kind
    assert raised.value.remedy


def test_a_socket_that_is_not_there(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/none.sock")  # a path of pytest may be too long for a socket
    monkeypatch.setattr(client.shutil, "which", lambda _name, path: None)
    with pytest.raises(CorralError, match=r"none\.sock") as raised:
        client.connect()
    assert raised.value.kind == "engine_missing"


@pytest.mark.parametrize(("program", "kind"), [("docker", "engine_missing"), ("dockerd", "engine_not_answering")])
def test_a_client_alone_is_no_engine(monkeypatch, tmp_path, program, kind):
    (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(client, "_DAEMONS", ())
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/none.sock")
    with pytest.raises(CorralError, match=r"none\.sock") as raised:
        client.connect()
    assert raised.value.kind == kind
    absent = client.without_library()
    assert (absent.kind if absent else "") == (kind if kind == "engine_missing" else "")


def test_an_engine_outside_of_the_path(monkeypatch, tmp_path):
    (tmp_path / "dockerd").touch(mode=0o755)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(client, "_DAEMONS", (str(tmp_path),))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/none.sock")
    assert client.without_library() is None


def test_a_failure_in_the_middle_of_a_talk():
    with pytest.raises(CorralError, match=r"The Docker engine failed: boom\.") as raised, client.speaking():
        raise docker.errors.APIError("boom")
    assert raised.value.kind == "engine_error"


@pytest.mark.parametrize(
    ("script", "version"),
    [("echo v2.26.1", "2.26.1"), ("echo 2.26.1-4", "2.26.1-4"), ("echo no; exit 1", ""), (None, "")],
)
def test_the_version_of_compose(monkeypatch, tmp_path, script, version):
    if script:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert client.compose_version() == version
