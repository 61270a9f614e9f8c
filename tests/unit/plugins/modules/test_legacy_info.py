# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module legacy_info on a fake engine and real directories."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import legacy
from ansible_collections.corral.ollama.plugins.modules import legacy_info
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module


def volume(name, destination="/root/.ollama", rw=True):
    return {"Type": "volume", "Name": name, "Source": "", "Destination": destination, "RW": rw, "Driver": "local"}


def bind(source, destination="/root/.ollama", rw=True):
    return {"Type": "bind", "Source": str(source), "Destination": destination, "RW": rw}


def box(name, *mounts, image="ollama/ollama:0.6.2", env=(), port=0, labels=None, state="running", **more):
    found = container(name, port, state=state, Mounts=list(mounts), **more)
    found["Config"] = {"Image": image, "Env": list(env), "Labels": labels or {}}
    found["HostConfig"]["RestartPolicy"] = {"Name": "unless-stopped", "MaximumRetryCount": 0}
    return found


def compose(project, service):
    prefix = "com.docker.compose."
    return {
        f"{prefix}project": project,
        f"{prefix}service": service,
        f"{prefix}project.working_dir": "/srv/tsa",
        f"{prefix}project.config_files": "/srv/tsa/compose.yml,/srv/tsa/gpu.yml",
    }


class Host:
    """Volumes as directories; ``look`` runs the module."""

    def __init__(self, tmp_path, monkeypatch):
        self.root, self.monkeypatch, self.volumes = tmp_path, monkeypatch, {}

    def volume(self, name, *inside, **about):
        path = self.root / name / "_data"
        for folder in inside or ("models/blobs",):
            (path / folder).mkdir(parents=True)
        self.volumes[name] = {"Mountpoint": str(path), **about}
        return path

    def look(self, *boxes, check=False, **args):
        engine = FakeEngine(*boxes, volumes=self.volumes)
        self.monkeypatch.setattr(legacy, "connect", lambda timeout: engine)
        outcome = run_module(legacy_info, args, check=check)
        assert not outcome.failed, outcome.msg
        assert not outcome.changed
        return outcome


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


def kinds(outcome):
    return [problem["kind"] for problem in outcome["problems"]]


@pytest.mark.parametrize("check", [False, True])
def test_eight_containers_with_a_volume_each(host, check):
    places = [host.volume(f"ollama_{number}") for number in range(8)]
    boxes = [
        box(
            f"ollama-{number}",
            volume(f"ollama_{number}"),
            port=11434 + number,
            env=["OLLAMA_KEEP_ALIVE=24h", "API_KEY=secret", "PATH=/bin"],
            labels=compose("tsa", f"ollama-server-{number + 1}"),
        )
        for number in range(8)
    ]
    found = host.look(*boxes, check=check)
    assert [tree["path"] for tree in found["trees"]] == [str(place / "models") for place in places]
    assert [tree["name"] for tree in found["trees"]] == [f"ollama-{number}" for number in range(8)]
    assert kinds(found) == []
    first = found["containers"][0]
    assert first == {
        "name": "ollama-0",
        "id": "id-of-ollama-0",
        "compose_project": "tsa",
        "service": "ollama-server-1",
        "compose_directory": "/srv/tsa",
        "compose_files": ["/srv/tsa/compose.yml", "/srv/tsa/gpu.yml"],
        "image": "ollama/ollama:0.6.2",
        "running": True,
        "restart_policy": "unless-stopped",
        "restart_retries": 0,
        "ports": [{"container_port": "11434/tcp", "host_ip": "127.0.0.1", "host_port": 11434}],
        "models_directory": "/root/.ollama/models",
        "models_path": str(places[0] / "models"),
        "volume": "ollama_0",
        "writable": True,
        "env": {"OLLAMA_KEEP_ALIVE": "24h"},
    }


def test_containers_on_one_volume_give_one_tree_which_may_be_the_store_itself(host):
    place = host.volume("tsa_ollama_models", "blobs", "manifests")
    boxes = [box(f"o{n}", volume("tsa_ollama_models", "/root/.ollama/models", rw=n != 2)) for n in range(3)]
    (tree,) = host.look(*boxes, path=str(place))["trees"]
    assert (tree["name"], tree["path"], tree["in_place"]) == ("tsa_ollama_models", str(place), True)
    assert tree["containers"] == ["o0", "o1", "o2"]
    assert [one["writable"] for one in host.look(*boxes)["containers"]] == [True, True, False]
    assert host.look(*boxes, path=str(place.parent))["trees"][0]["in_place"] is False


@pytest.mark.parametrize(
    ("mount", "env", "path"),
    [
        (volume("v"), [], "models"),
        (volume("v", "/root/.ollama/models"), [], ""),
        (volume("v", "/data"), ["OLLAMA_MODELS=/data/llm"], "llm"),
        (volume("v", "/data"), ['OLLAMA_MODELS="/data"'], ""),
        (volume("v", "/home/ai/.ollama"), [], "models"),
        (volume("v", "/home/ai"), ["HOME=/home/ai", "OLLAMA_MODELS="], ".ollama/models"),
    ],
)
def test_where_the_models_lie(host, mount, env, path):
    place = host.volume("v", "models", "llm", ".ollama/models")
    found = host.look(box("o", mount, env=env), containers=["o"])
    assert found["trees"][0]["path"] == str(place / path).rstrip("/")


def test_the_deepest_mount_counts_and_bind_mounts_do_too(host, tmp_path):
    host.volume("state", "models")
    models = tmp_path / "models on the host"
    models.mkdir()
    found = host.look(box("o", volume("state"), bind(models, "/root/.ollama/models")))
    assert [(tree["path"], tree["volume"]) for tree in found["trees"]] == [(str(models), "")]
    part = box("p", volume("state", "/root/.ollama/models"))
    part["HostConfig"]["Mounts"] = [{"Target": "/root/.ollama/models", "VolumeOptions": {"Subpath": "models"}}]
    assert host.look(part)["trees"][0]["path"].endswith("/state/_data/models")


def test_what_is_listed(host):
    for name in ("a", "b", "c", "web"):
        host.volume(name)
    boxes = [
        box("a", volume("a"), labels=compose("tsa", "a")),
        box("b", volume("b")),
        box("db", volume("web", "/var/lib/db"), image="postgres:16", labels=compose("tsa", "db")),
        box("empty", image="registry:5000/me/ollama:1"),
        box("full", image="ollama/ollama", Changes=[{"Kind": 1, "Path": "/root/.ollama/models/manifests/x"}]),
        box("webui", image="ollama.example/open-webui:ollama", Changes=[{"Path": "/root/.ollama/models/manifests/x"}]),
        box("ours", volume("c"), labels={"corral.project": "ollama"}),
        box("stopped", volume("c"), state="exited"),
    ]

    def names(**args):
        return [one["name"] for one in host.look(*boxes, **args)["containers"]]

    assert names() == ["a", "b", "full", "stopped"]
    assert names(compose_project="tsa") == ["a"]
    assert names(containers=["b", "db"]) == ["b", "db"]
    assert names(containers=["empty"]) == ["empty"]
    assert names(volumes=["c"], compose_project="tsa") == ["a", "stopped"]
    assert names(containers=["id-of-full"]) == ["full"]
    assert kinds(host.look(*boxes)) == ["own_layer"]
    assert kinds(host.look(*boxes, containers=["none"], volumes=["gone"])) == ["container_missing", "volume_missing"]


def test_what_the_engine_removes_when_it_stops_cannot_be_gone_back_to(host):
    host.volume("v")
    vanishing = box("a", volume("v"))
    vanishing["HostConfig"].update(AutoRemove=True, RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 5})
    found = host.look(vanishing)
    assert kinds(found) == ["auto_remove"]
    assert "--rm" in found["problems"][0]["message"]
    assert found["containers"][0]["restart_retries"] == 5


def test_a_volume_without_a_container(host):
    flat = host.volume("flat", "blobs")
    deep = host.volume("deep", "models/blobs")
    found = host.look(volumes=["flat", "deep"])
    assert {tree["name"]: tree["path"] for tree in found["trees"]} == {"flat": str(flat), "deep": str(deep / "models")}
    assert [tree["containers"] for tree in found["trees"]] == [[], []]


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ({"Driver": "rclone"}, "unreadable_mount"),
        ({"Options": {"type": "nfs", "device": ":/models", "o": "addr=10.0.0.1"}}, "unreadable_mount"),
        ({"Mountpoint": "/nowhere/at/all"}, "tree_missing"),
    ],
)
def test_volumes_that_cannot_be_read(host, about, kind):
    host.volume("v", **about)
    found = host.look(box("o", volume("v")))
    assert (kinds(found), found["trees"]) == ([kind], [])
    assert found["problems"][0]["container"] == "o"
    assert found["problems"][0]["remedy"]


def test_a_volume_that_is_a_bind_mount_is_read_where_it_is(host, tmp_path):
    (tmp_path / "real/models").mkdir(parents=True)
    host.volume("v", Options={"type": "none", "device": str(tmp_path / "real"), "o": "bind"})
    assert host.look(box("o", volume("v")))["trees"][0]["path"] == str(tmp_path / "real/models")


def test_a_volume_that_the_engine_lost_and_models_in_memory(host):
    lost = host.look(box("o", volume("v")))
    assert kinds(lost) == ["unreadable_mount"]
    tmpfs = {"Type": "tmpfs", "Source": "", "Destination": "/root/.ollama", "RW": True}
    assert kinds(host.look(box("o", tmpfs))) == ["unreadable_mount"]


def test_a_link_inside_a_volume_is_not_followed(host, tmp_path):
    place = host.volume("v", "other")
    (tmp_path / "secret/blobs").mkdir(parents=True)
    (place / "models").symlink_to(tmp_path / "secret")
    found = host.look(box("o", volume("v")))
    assert (kinds(found), found["trees"]) == (["not_a_directory"], [])
    (place / "models").unlink()
    assert (kinds(host.look(box("o", volume("v")))), found["trees"]) == ([], []), "it never had a model"


def test_others_that_write_to_the_same_place(host, tmp_path):
    host.volume("v")
    named, other = box("o", volume("v")), box("sync", volume("v", "/backup"), image="rsync")
    found = host.look(named, other)
    assert (kinds(found), found["problems"][0]["writers"]) == (["other_writers"], ["sync"])
    reading = box("sync", volume("v", "/backup", rw=False), image="rsync")
    stopped = box("sync", volume("v", "/backup"), image="rsync", state="exited")
    assert kinds(host.look(named, reading, stopped)) == []
    (tmp_path / "home/o/models").mkdir(parents=True)
    shell = box("shell", bind(tmp_path / "home", "/home"), image="bash")
    assert kinds(host.look(box("o", bind(tmp_path / "home/o")), shell)) == ["other_writers"]
