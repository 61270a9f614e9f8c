# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every bad host, one row each: what is found, of which kind, and what a person reads."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.host import (
    HostFacts,
    Listener,
    Neighbour,
    Publication,
    StoreFacts,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.layout import Layout
from ansible_collections.corral.ollama.plugins.module_utils.core.preflight import Wanted, judge, older
from ansible_collections.corral.ollama.plugins.module_utils.core.preflight_ports import clash
from ansible_collections.corral.ollama.plugins.module_utils.core.problems import Problem, raise_all


def wanted(**changes):
    layout = Layout(
        changes.pop("project", "ollama"),
        changes.pop("count", 8),
        changes.pop("base_port", 11434),
        changes.pop("bind_address", "127.0.0.1"),
    )
    return Wanted(layout, "ollama_models", **{"reserve_bytes": 10**9, "project_dir": "/opt/corral/ollama", **changes})


def host(**changes):
    good = {
        "hostname": "gpu1",
        "boot_id": "b00t",
        "engine_id": "ABCD",
        "engine_version": "20.10.24+dfsg1",
        "root_dir": "/var/lib/docker",
        "compose_version": "2.26.1-4",
        "disk_path": "/var/lib/docker",
        "free_bytes": 5 * 10**9,
        "total_bytes": 10**11,
        "free_inodes": 1000,
    }
    return HostFacts(**{**good, **changes})


def store(*entries, owner=None, **changes):
    path = "/var/lib/docker/volumes/ollama_models/_data"
    return StoreFacts("ollama_models", exists=True, mountpoint=path, entries=entries, owner=owner, **changes)


def uses(*ports, container="web", **changes):
    return tuple(Publication("0.0.0.0", port, container, **changes) for port in ports)


LEAKED = Listener("127.0.0.1", 11435, "docker-proxy (pid 5)")
SHOP = {"container": "shop-web-1", "project": "shop", "service": "web"}


@pytest.mark.parametrize(
    "fine",
    [
        host(),
        host(store=store()),
        host(store=store("lost+found")),
        host(store=store("blobs", "manifests", ".corral", owner="ollama")),
        host(publications=uses(11434, 11435, container="ollama-ollama-server-1", project="ollama", service="x")),
        host(publications=uses(80, 11442, **SHOP)),
        host(publications=(Publication("10.0.0.9", 11434, "web"),)),
        host(
            publications=uses(11434, container="ollama-ollama-server-1", project="ollama"),
            listeners=(Listener("0.0.0.0", 11434, "docker-proxy (pid 5)"), Listener("127.0.0.1", 22)),
        ),
        host(
            publications=uses(11434, container="ollama-ollama-server-1", project="ollama"),
            listeners=(Listener("0.0.0.0", 11434),),
        ),
        host(containers=(Neighbour("ollama-ollama-server-1", "ollama", "ollama-server-1", "/opt/corral/ollama/"),)),
        host(containers=(Neighbour("ollama-ollama-server-9"), Neighbour("web", "shop", "web", "/srv/shop"))),
    ],
)
def test_a_good_host_has_nothing_in_the_way(fine):
    assert judge(wanted(), fine) == []


@pytest.mark.parametrize(
    ("wishes", "facts", "kind", "said"),
    [
        ({"count": 0}, {}, "instance_count", "corral_instance_count is 0"),
        ({"count": 1000}, {}, "instance_count", "corral_instance_count is 1000"),
        ({"base_port": 65530}, {}, "port_range", "65530 to 65537"),
        ({"bind_address": "nowhere"}, {}, "bind_address", "not an IP address"),
        ({"bind_address": "10.9.9.9"}, {"bindable": False}, "bind_address", "this host has no such address"),
        ({}, {"engine_version": "19.3.15"}, "engine_too_old", "engine is 19.3.15, and Corral needs 20.10.0 or later"),
        ({}, {"compose_version": ""}, "compose_missing", "its Compose v2 plugin"),
        ({}, {"compose_version": "2.3.3"}, "compose_too_old", "Docker Compose is 2.3.3, and Corral needs 2.20.0"),
        ({}, {"missing_libraries": ("docker",)}, "missing_library", "cannot import 'docker'"),
        ({}, {"root_dir_reachable": False}, "engine_elsewhere", "/var/lib/docker, which does not exist on this host"),
        (
            {},
            {"publications": uses(11434, 11435, 11436, **SHOP)},
            "port_in_use",
            "Ports 11434 to 11436 are in use by the container shop-web-1 (Compose project shop, service web)",
        ),
        (
            {},
            {"publications": uses(11441, 12000)},
            "port_in_use",
            "Port 11441 is in use by the container web; the fleet ollama needs 127.0.0.1 11434 to 11441",
        ),
        (
            {},
            {"publications": uses(11440, running=False, **SHOP)},
            "port_overlap",
            "Port 11440 is claimed by the container shop-web-1 (Compose project shop, service web), which is stopped",
        ),
        (
            {},
            {"listeners": (Listener("127.0.0.1", 11435, "ollama (pid 77)"),)},
            "port_in_use",
            "Port 11435 is in use by the process ollama (pid 77), on 127.0.0.1",
        ),
        ({}, {"listeners": (Listener("::", 11435),)}, "port_in_use", "a process of this host that cannot be named"),
        ({}, {"listeners": (LEAKED,)}, "port_leaked", "Port 11435 is held by Docker itself (docker-proxy (pid 5))"),
        (
            {},
            {
                "publications": (Publication("10.0.0.9", 11435, "web"),),
                "listeners": (Listener("127.0.0.1", 11435, "x (pid 1)"),),
            },
            "port_in_use",
            "process x (pid 1)",
        ),
        (
            {},
            {"containers": (Neighbour("ollama-web-1", "ollama", "web", "/home/jo/ollama"),)},
            "foreign_project",
            "project named ollama was already started from /home/jo/ollama, not from /opt/corral/ollama",
        ),
        (
            {},
            {"containers": (Neighbour("ollama-ollama-server-3"),)},
            "container_name",
            "A container named ollama-ollama-server-3 exists that does not belong to the Compose project ollama",
        ),
        ({}, {"store": store("blobs", owner="team-b")}, "foreign_store", "is the store of the project team-b, not of"),
        ({}, {"store": store("blobs", "manifests")}, "foreign_store", "an Ollama store that Corral did not make"),
        ({"adopt": True}, {"store": store("photos", "a", "b", "c", "d", "e")}, "foreign_store", "not an Ollama store"),
        ({}, {"store": store(reachable=False)}, "store_unreachable", "cannot be read on this host"),
        ({}, {"free_bytes": 10**8}, "no_space", "/var/lib/docker has 100.0 MB free, and Corral leaves 1.0 GB"),
        ({"reserve_bytes": 0}, {"free_bytes": 0}, "no_space", "has 0 B free"),
        ({}, {"free_inodes": 0}, "no_space", "has no free inode"),
    ],
)
def test_one_thing_in_the_way(wishes, facts, kind, said):
    problems = judge(wanted(**wishes), host(**facts))
    assert [problem.kind for problem in problems] == [kind]
    assert said in problems[0].message
    assert problems[0].remedy


def test_ports_of_containers_that_leave_are_free():
    legacy = {"project": "tsa", "service": "ollama"}
    running = host(
        publications=(*uses(11434, container="old-1", **legacy), *uses(11435, container="web", **legacy)),
        listeners=(Listener("0.0.0.0", 11434), Listener("0.0.0.0", 11435)),
    )
    assert [one.facts["container"] for one in judge(wanted(departing=frozenset({"old-1"})), running)] == ["web"]
    assert len(judge(wanted(parked=frozenset({"old-1"})), running)) == 2
    stopped = host(publications=uses(11434, container="old-1", running=False, **legacy))
    assert [one.kind for one in judge(wanted(), stopped)] == ["port_overlap"]
    assert judge(wanted(parked=frozenset({"old-1"})), stopped) == []
    assert judge(wanted(departing=frozenset({"old-1"})), stopped) == []


def test_adopting_takes_an_ollama_store_but_nobody_elses():
    assert judge(wanted(adopt=True), host(store=store("blobs", "manifests"))) == []
    foreign = judge(wanted(adopt=True), host(store=store("blobs", owner="team-b")))
    assert [problem.kind for problem in foreign] == ["foreign_store"]


@pytest.mark.parametrize(
    ("kind", "required", "reported"),
    [
        ("engine_missing", True, True),
        ("engine_missing", False, False),
        ("engine_not_answering", True, True),
        ("engine_not_answering", False, False),
        ("engine_permission", False, True),
    ],
)
def test_an_engine_that_is_installed_later_is_not_in_the_way(kind, required, reported):
    bare = HostFacts("new", engine_problem=Problem(kind, "No engine."), missing_libraries=("docker",))
    kinds = {problem.kind for problem in judge(wanted(require_engine=required), bare)}
    assert (kind in kinds) is reported
    assert ("missing_library" in kinds) is required


def test_everything_is_listed_at_once():
    bad = host(engine_version="19.3.0", compose_version="", publications=uses(11434), free_bytes=5)
    with pytest.raises(CorralError) as raised:
        raise_all(judge(wanted(), bad), "Host gpu1")
    text = str(raised.value)
    assert text.startswith("Host gpu1: 4 things are in the way. (1) The Docker engine is 19.3.0")
    assert raised.value.facts["kinds"] == ["engine_too_old", "compose_missing", "port_in_use", "no_space"]


@pytest.mark.parametrize(
    ("version", "minimum", "expected"),
    [
        ("20.10.24+dfsg1", "20.10.0", False),
        ("20.9.9", "20.10.0", True),
        ("v2.26.1", "2.20.0", False),
        ("2.3.3", "2.20.0", True),
        ("27", "20.10.0", False),
        ("28.0.0-rc.1", "28.0.0", False),
    ],
)
def test_versions(version, minimum, expected):
    assert older(version, minimum) is expected


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("0.0.0.0", "10.0.0.1", True),
        ("127.0.0.1", "10.0.0.1", False),
        ("127.0.0.1", "::", True),
        ("127.0.0.1", "::1", False),
        ("0.0.0.0", "::1", False),
    ],
)
def test_addresses_that_clash(one, two, expected):
    assert clash(one, two) is expected
    assert clash(two, one) is expected


def test_the_same_engine_under_two_names_has_one_key():
    assert host(hostname="a").same_engine_key == host(hostname="b").same_engine_key == "b00t/ABCD"
    assert host(boot_id="other").same_engine_key != host().same_engine_key
    assert HostFacts("new").same_engine_key == ""
