# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of one or many Docker hosts as hosts of an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: instances
short_description: The Ollama instances of Docker hosts as hosts of an inventory
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Asks Docker engines for the containers that carry Corral's labels, and makes a host of each instance.
  - It is for looking at, and for acting on, what runs, instance by instance. What should run is declared per Docker
    host, in the group C(ollama_hosts); the playbooks of this collection work on those.
  - All hosts are in the group C(ollama_instances). A host is called after the engine and the container, for example
    C(gpu1-ollama-ollama-server-3).
  - A task for an instance runs on the machine of its engine, where C(corral_instance_url) leads to the instance.
  - The file ends with C(instances.yml) or C(instances.yaml).
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Marks a file as one for this plugin.
    type: str
    required: true
    choices: [corral.ollama.instances]
  docker_hosts:
    description:
      - The engines. An entry is an address, or a mapping with C(url) and, where wanted, C(name), C(ca_path),
        C(client_cert) and C(client_key) (for C(tcp://) with TLS).
      - C(unix:///PATH) is an engine of the controller itself, C(tcp://HOST:PORT) one that listens on the network. For
        C(ssh://USER@HOST:PORT), the command C(docker) of that machine is asked over the command C(ssh) of the
        controller, which reads the user's configuration and never asks a question.
      - The name is the address's host unless it is given. Each engine needs one of its own.
    type: list
    elements: raw
    default: ["unix:///var/run/docker.sock"]
  project:
    description: Only instances of this Compose project; empty for those of all.
    type: str
    default: ''
  timeout:
    description: Seconds that an engine gets for an answer.
    type: float
    default: 30.0
  unreachable:
    description:
      - V(fail) refuses an inventory in which an engine is missing, V(warn) leaves its instances out, with a warning.
        What is incomplete is never cached.
    type: str
    choices: [fail, warn]
    default: fail
requirements:
  - The Python library C(docker) on the controller for C(unix://) and C(tcp://), the command C(ssh) for C(ssh://).
notes:
  - Variables of a host begin with C(corral_instance_). C(corral_instance_host) is the engine's name,
    C(corral_instance_engine) its address, C(corral_instance_name) the Compose service in C(corral_instance_project),
    C(corral_instance_container) its container. C(corral_instance_url) and C(corral_instance_port) are where the Docker
    host itself reaches it; C(corral_instance_image), C(corral_instance_image_digest), C(corral_instance_gpus),
    C(corral_instance_state), C(corral_instance_health) and C(corral_instance_started_at) are as the engine tells them.
  - C(corral_instance_version) is the version that the name of the image has, empty where it has none.
"""

EXAMPLES = r"""
# hosts.instances.yml: the engine of the machine on which Ansible runs
plugin: corral.ollama.instances

---
# Several hosts, grouped by what they run; `ansible-inventory -i hosts.instances.yml --graph` shows it
plugin: corral.ollama.instances
docker_hosts:
  - ssh://ops@gpu1.example
  - url: tcp://10.0.0.12:2376
    name: gpu2
    ca_path: /etc/corral/ca.pem
    client_cert: /etc/corral/cert.pem
    client_key: /etc/corral/key.pem
project: ollama
unreachable: warn
keyed_groups:
  - {key: corral_instance_host, prefix: "on"}
  - {key: corral_instance_version, prefix: version}
groups:
  not_running: corral_instance_state != 'running'
compose:
  answers_at: corral_instance_url ~ '/api/version'
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ..module_utils.core.engine_address import TLS, EngineAddress, parse_engines
from ..module_utils.core.errors import CorralError
from ..module_utils.core.instance_hosts import INSTANCE, PROJECT, host_name, host_variables, is_ours, project_label
from ..module_utils.engine.client import connect, inspect, speaking
from ..module_utils.engine.containers import instance_row
from ..plugin_utils.ssh_engine import inspected

GROUP = "ollama_instances"
_AT_ONCE = 10


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """``plugin: corral.ollama.instances``."""

    NAME = "corral.ollama.instances"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("instances.yml", "instances.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        self.load_cache_plugin()
        wanted = bool(self.get_option("cache"))
        key = self.get_cache_key(path)
        if not (wanted and cache and key in self._cache):
            hosts, complete = self._asked()
            if wanted and complete:
                self._cache[key] = hosts
        else:
            hosts = self._cache[key]
        self.inventory.add_group(GROUP)
        for name, variables in hosts.items():
            self._add(name, variables)

    def _asked(self) -> tuple[dict[str, dict[str, Any]], bool]:
        """Variables by host, of all engines in their order, and whether all of them answered."""
        hosts: dict[str, dict[str, Any]] = {}
        complete = True
        try:
            engines = parse_engines(self.get_option("docker_hosts"))
            labels = [INSTANCE, *project_label(self.get_option("project"))]
        except CorralError as error:
            raise AnsibleParserError(f"{self.NAME}: {error}") from None
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(pool.map(lambda engine: self._answer(engine, labels), engines))
        for engine, found in zip(engines, answers):
            if isinstance(found, CorralError):
                complete = False
                self._missing(engine, found)
            else:
                hosts.update(found)
        return hosts, complete

    def _answer(self, engine: EngineAddress, labels: list[str]) -> dict[str, dict[str, Any]] | CorralError:
        try:
            return instances_of(engine, labels, float(self.get_option("timeout")))
        except CorralError as error:
            return error

    def _missing(self, engine: EngineAddress, error: CorralError) -> None:
        text = f"{self.NAME}: the instances of {engine.name} are not known. {error}"
        if self.get_option("unreachable") == "fail":
            raise AnsibleParserError(f"{text} Or leave them out: unreachable: warn.")
        self.display.warning(text)

    def _add(self, name: str, variables: dict[str, Any]) -> None:
        strict = self.get_option("strict")
        self.inventory.add_host(name, group=GROUP)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)


def instances_of(engine: EngineAddress, labels: list[str], timeout: float) -> dict[str, dict[str, Any]]:
    """The variables of an engine's instances by the names of their hosts."""
    if engine.kind == "ssh":
        found = inspected(engine, labels, timeout)
    else:
        api = connect(timeout, engine.url, dict(zip(TLS, engine.tls)))
        with speaking():
            listed = api.containers(all=True, filters={"label": labels})
            found = [one for one in (inspect(api, entry["Id"]) for entry in listed) if one is not None]
    hosts = {}
    for container in found:
        if is_ours(container):
            row, project = instance_row(container), container["Config"]["Labels"][PROJECT]
            hosts[host_name(engine, row)] = {**host_variables(engine, project, row), **engine.login()}
    return dict(sorted(hosts.items()))
