# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of instances: what engines tell becomes hosts, and an engine that is missing is named."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.doc_fragments import constructed, inventory_cache
from ansible.utils.display import Display
from ansible_collections.corral.ollama.plugins.inventory import instances
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container

NAME = "corral.ollama.instances"
# Prints what the file `answer` has for the command, and notes how it was called.
SSH = """#!/bin/sh
echo "$@" >> "$0.calls"
case "$*" in *" ps "*) cat "$0.ps" ;; *) cat "$0.inspect" ;; esac
[ ! -e "$0.fail" ] || { cat "$0.fail" >&2; exit 255; }
"""


def instance(number, project="ollama", **more):
    service = f"ollama-server-{number}"
    found = container(f"{project}-{service}", 11433 + number, project=project, service=service, **more)
    found["Config"]["Labels"].update({"corral.project": project, "corral.instance": service})
    return found


class LabelEngine(FakeEngine):
    """Its filter takes a label without a value, as the real one."""

    def containers(self, all=False, filters=None):
        wanted = [text.partition("=") for text in filters["label"]]
        kept = [
            one
            for one in self.all
            if all_match(one["Config"]["Labels"], [(name, value) for name, equals, value in wanted if equals])
        ]
        return [self._listed(one) for one in kept if "corral.instance" in one["Config"]["Labels"]]


def all_match(labels, wanted):
    return all(labels.get(name) == value for name, value in wanted)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """``lab(config, engines)``: the inventory as Ansible has it after reading such a file."""
    fragments = [module.ModuleDocFragment.DOCUMENTATION for module in (constructed, inventory_cache)]
    options = {}
    for text in (*fragments, instances.DOCUMENTATION):
        options.update(yaml.safe_load(text)["options"])
    constants.config.initialize_plugin_configuration_definitions("inventory", NAME, options)

    def parsed(config, engines=(), name="hosts.instances.yml", **options):
        def connect(_timeout, url, tls):
            found = dict(engines)[url]
            if isinstance(found, Exception):
                raise found
            parsed.asked.append((url, tls))
            return found

        monkeypatch.setattr(instances, "connect", connect)
        path = tmp_path / name
        path.write_text(yaml.safe_dump({"plugin": NAME, **config}))
        inventory = InventoryData()
        fresh = instances.InventoryModule()
        # What Ansible's loader of plugins does, which the options hang on.
        fresh._load_name, fresh._redirected_names = NAME, [NAME]
        if not fresh.verify_file(str(path)):
            return None
        fresh.parse(inventory, DataLoader(), str(path), **options)
        fresh.update_cache_if_changed()
        inventory.reconcile_inventory()
        return inventory

    parsed.asked = []
    return parsed


def test_instances_are_hosts_with_groups(lab):
    fleet = LabelEngine(
        instance(2, state="exited"),
        instance(1),
        instance(1, "shop"),
        container("ollama-gateway", project="ollama", service="gateway"),
    )
    config = {
        "keyed_groups": [{"key": "corral_instance_project", "prefix": "fleet"}],
        "groups": {"stopped": "corral_instance_state != 'running'"},
        "compose": {"api": "corral_instance_url ~ '/api/version'"},
    }
    found = lab(config, {"unix:///var/run/docker.sock": fleet})
    names = ["localhost-ollama-ollama-server-1", "localhost-ollama-ollama-server-2", "localhost-shop-ollama-server-1"]
    groups = {name: [host.name for host in group.hosts] for name, group in found.groups.items()}
    assert groups["ollama_instances"] == names
    assert groups["fleet_ollama"] == names[:2]
    assert groups["stopped"] == names[1:2]
    told = found.hosts[names[0]].vars
    assert told["api"] == "http://127.0.0.1:11434/api/version"
    assert told["ansible_connection"] == "local"
    assert {key: told[f"corral_instance_{key}"] for key in ("name", "project", "host", "port", "version", "gpus")} == {
        "name": "ollama-server-1",
        "project": "ollama",
        "host": "localhost",
        "port": 11434,
        "version": "0.32.15",
        "gpus": [],
    }


def test_one_project_of_several_engines(lab):
    engines = {f"tcp://10.0.0.{number}:2375": LabelEngine(instance(1), instance(1, "shop")) for number in (1, 2)}
    found = lab({"docker_hosts": list(engines), "project": "shop"}, engines)
    assert sorted(found.hosts) == ["10.0.0.1-shop-ollama-server-1", "10.0.0.2-shop-ollama-server-1"]
    assert found.hosts["10.0.0.2-shop-ollama-server-1"].vars["ansible_host"] == "10.0.0.2"


def test_certificates_reach_the_engine(lab):
    entry = {"url": "tcp://a:2376", "ca_path": "/ca", "client_cert": "/c", "client_key": "/k"}
    lab({"docker_hosts": [entry]}, {"tcp://a:2376": LabelEngine()})
    assert lab.asked == [("tcp://a:2376", {"ca_path": "/ca", "client_cert": "/c", "client_key": "/k"})]


def test_what_an_engine_tells_is_no_template(lab):
    fleet = LabelEngine(instance(1, State={"Status": "{{ lookup('pipe', 'id') }}", "StartedAt": ""}))
    config = {"compose": {"copied": "corral_instance_state"}, "strict": True}
    told = lab(config, {"unix:///var/run/docker.sock": fleet}).hosts["localhost-ollama-ollama-server-1"].vars
    assert told["copied"] == told["corral_instance_state"] == "{{ lookup('pipe', 'id') }}"


def test_a_missing_engine_is_named_or_left_out(lab, monkeypatch):
    engines = {"tcp://a:1": CorralError("It is off.", remedy="Start it."), "tcp://b:1": LabelEngine(instance(1))}
    config = {"docker_hosts": list(engines)}
    with pytest.raises(AnsibleParserError, match="the instances of a are not known") as caught:
        lab(config, engines)
    assert "It is off. Start it. Or leave them out: unreachable: warn." in str(caught.value)
    said = []
    monkeypatch.setattr(Display, "warning", lambda _self, text, **_more: said.append(text))
    assert list(lab({**config, "unreachable": "warn"}, engines).hosts) == ["b-ollama-ollama-server-1"]
    assert ["the instances of a are not known" in text for text in said] == [True]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"docker_hosts": ["http://a"]}, "Use unix:///var/run/docker.sock"),
        ({"project": "A B"}, "no name of a project"),
        ({"unreachable": "shrug"}, "unreachable"),
    ],
)
def test_bad_options_are_refused(lab, config, said):
    engines = {"unix:///var/run/docker.sock": LabelEngine()}
    with pytest.raises(AnsibleError, match=said):
        lab(config, engines)


def test_only_files_that_are_called_so(lab):
    assert lab({}, name="hosts.yml") is None


def test_a_cache_keeps_what_is_complete(lab, tmp_path):
    where = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(tmp_path / "cache")}
    url = "unix:///var/run/docker.sock"
    config = {**where, "unreachable": "warn"}
    assert not lab(config, {url: CorralError("off")}).hosts
    assert list(lab(config, {url: LabelEngine(instance(1))}).hosts) == ["localhost-ollama-ollama-server-1"]
    assert list(lab(config, {url: LabelEngine()}).hosts) == ["localhost-ollama-ollama-server-1"]
    assert not lab(config, {url: LabelEngine()}, cache=False).hosts


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    (program.parent / "ssh.ps").write_text("a" * 64 + "\n")
    (program.parent / "ssh.inspect").write_text(json.dumps([instance(1, Id="a" * 64)]))
    return program.parent


def test_an_engine_over_ssh(lab, ssh):
    found = lab({"docker_hosts": ["ssh://ops@gpu1:2222"], "project": "ollama", "timeout": 7})
    assert found.hosts["gpu1-ollama-ollama-server-1"].vars["ansible_user"] == "ops"
    login = "-T -o BatchMode=yes -o ConnectTimeout=7 -p 2222 -l ops -- gpu1"
    label = "--filter label=corral.instance --filter label=corral.project=ollama"
    assert (ssh / "ssh.calls").read_text().split("\n")[:2] == [
        f"{login} docker ps --all --quiet --no-trunc {label}",
        f"{login} docker inspect --type container {'a' * 64}",
    ]
    (ssh / "ssh.ps").write_text("\n")
    assert not lab({"docker_hosts": ["ssh://gpu1"]}).hosts


def test_one_that_was_removed_meanwhile_is_left_out(lab, ssh):
    (ssh / "ssh.ps").write_text("")
    (ssh / "ssh.fail").write_text("Error: No such container: " + "a" * 64)
    with pytest.raises(AnsibleParserError, match="No such container"):
        lab({"docker_hosts": ["ssh://gpu1"]})
    (ssh / "ssh.ps").write_text("a" * 64)
    (ssh / "ssh").write_text(SSH.replace("[ ! -e", 'case "$*" in *" ps "*) exit 0 ;; esac; [ ! -e'))
    assert list(lab({"docker_hosts": ["ssh://gpu1"]}).hosts) == ["gpu1-ollama-ollama-server-1"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("ssh.fail", "ops@gpu1: Permission denied (publickey).", "Permission denied"),
        ("ssh.ps", "; reboot", "printed '; reboot'"),
        ("ssh.ps", "\n".join(["a" * 64] * 1001), "printed"),
        ("ssh.inspect", "no json", "printed no JSON"),
        ("ssh.inspect", "{}", "no list of containers"),
        ("ssh.inspect", "[7]", "no list of containers"),
    ],
)
def test_what_goes_wrong_over_ssh_is_said(lab, ssh, file, content, said):
    (ssh / file).write_text(content)
    with pytest.raises(AnsibleParserError, match=said) as caught:
        lab({"docker_hosts": ["ssh://ops@gpu1"]})
    assert "See that `ssh ops@gpu1 docker ps` works without a question." in str(caught.value)


def test_no_ssh_and_no_answer(lab, ssh, monkeypatch):
    (ssh / "ssh").write_text("#!/bin/sh\nexec sleep 30\n")
    with pytest.raises(AnsibleParserError, match=r"no answer within 0.2 seconds"):
        lab({"docker_hosts": ["ssh://gpu1"], "timeout": 0.2})
    (ssh / "ssh").unlink()
    monkeypatch.setenv("PATH", str(ssh))
    with pytest.raises(AnsibleParserError, match="no command ssh"):
        lab({"docker_hosts": ["ssh://gpu1"]})


def test_one_that_vanished_from_the_engine_is_left_out(lab):
    engine = LabelEngine(instance(1))
    listed = engine.containers(filters={"label": ["corral.instance"]})
    engine.all.clear()
    engine.containers = lambda all, filters: listed
    assert not lab({}, {"unix:///var/run/docker.sock": engine}).hosts
