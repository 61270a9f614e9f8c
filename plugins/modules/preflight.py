#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host can have the fleet, before anything is changed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Find everything that stands in the way of a fleet on a host, before anything is changed
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Looks at the Docker engine, Compose, the ports, the volume of the store and the disk, holds them against the fleet
    that is wanted, and fails once with a list of everything that is in the way. It changes nothing.
  - Ports that this project's own containers use, and a store that this project made, are fine.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.project
options:
  project_dir:
    description:
      - Where the project's Compose file is or will be. A project of the same name that was started from another place
        is in the way. When empty, this is not looked at.
    type: path
  count:
    description: How many instances the host is to run.
    type: int
    default: 8
  base_port:
    description: The host port of the first instance; the others follow it.
    type: int
    default: 11434
  bind_address:
    description: The IP address of the host on which the ports are published.
    type: str
    default: 127.0.0.1
  gpus:
    description:
      - The GPUs as in P(corral.ollama.instances#filter).
      - When it is left out, and the host has GPUs, a warning says that nobody gets them.
    type: raw
  image:
    description:
      - The image of the instances. Whether it is on the host is reported; an absent one is no failure, as it can be
        pulled.
    type: str
    default: ''
  store_volume:
    description: The volume of the shared store. When empty, V({project}_models).
    type: str
    default: ''
  adopt:
    description:
      - Whether a store that Corral did not make may be taken over. One that belongs to another project never is.
    type: bool
    default: false
  require_engine:
    description:
      - V(false) when the engine may be installed after this check. Then a missing one, missing libraries and
        a missing Compose are no failure, and what cannot be known yet is not judged.
    type: bool
    default: true
  min_engine:
    description: The oldest Docker engine that is good enough.
    type: str
    default: 20.10.0
  min_compose:
    description: The oldest Docker Compose that is good enough.
    type: str
    default: 2.20.0
  departing:
    description:
      - Containers that will be stopped before the fleet starts, as M(corral.ollama.legacy_info) lists them. That they
        use or claim the fleet's ports is no problem.
    type: list
    elements: str
    default: []
  judge_users:
    description:
      - Whether other containers are a problem that write to the volume of the store and might prune it. A migration
        looks before it knows which of them leave, and judges them afterwards.
    type: bool
    default: true
  migration_path:
    description:
      - The record of M(corral.ollama.migration), if there may be one. That the containers which it stopped will want
        the fleet's ports again is no problem as long as they are stopped.
    type: path
  rollout_path:
    description:
      - The directory of M(corral.ollama.rollout), if there may be one. Whether a rolling change was interrupted there
        is reported, and is no failure; a record that cannot be read is one.
    type: path
  reserve_bytes:
    description: How much has to be free on the file system that holds the store.
    type: int
    default: 1000000000
requirements:
  - The Python libraries C(docker) and C(requests) on the target, unless O(require_engine) is V(false).
seealso:
  - plugin: corral.ollama.shared_engines
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what is in the way of eight instances
  corral.ollama.preflight:
    count: 8
    image: ollama/ollama:0.32.15
    project_dir: /opt/corral/ollama
  register: corral_preflight

- name: Each inventory host has to be an engine of its own
  ansible.builtin.assert:
    that: corral_shared == []
    fail_msg: "{{ corral_shared | map('join', ' and ') | join('; ') }} are the same Docker engine."
  vars:
    corral_shared: >-
      {{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'corral_preflight')
         | map(attribute='same_engine_key'))) | corral.ollama.shared_engines }}
  run_once: true
"""

RETURN = r"""
ok:
  description: Always V(true); everything else is a failure with RV(error).
  returned: success
  type: bool
same_engine_key:
  description:
    - Equal on two inventory hosts that are one Docker engine, made of the boot id and the engine's id.
    - Empty while there is no engine.
  returned: success
  type: str
host:
  description: The facts that were judged.
  returned: success
  type: dict
  contains:
    engine_version:
      description: The version of the engine, empty while there is none.
      type: str
      sample: 28.2.2
    compose_version:
      description: The version of the Compose plugin, empty while there is none.
      type: str
      sample: 2.26.1
    project_file:
      description: Mode and SHA-256 of C(compose.yml) in O(project_dir); empty when it is not there.
      type: str
      sample: 0640 5d41402abc4b2a76b9719d911017c592ae2f6d1d9a4e7a5b3a0a1b5c9c1f2e3d
    root_dir:
      description: Where the engine keeps its data.
      type: str
      sample: /var/lib/docker
    image_id:
      description: The id of O(image), 64 hexadecimal digits; empty when it is not on the host.
      type: str
    image_digests:
      description: The digests under which registries know O(image).
      type: list
      elements: str
    instance_images:
      description: The ids of the images that the project's instances were made from.
      type: list
      elements: str
    store_users:
      description:
        - Ollama servers that may write to O(store_volume), whatever state they are in. One that is not of this project
          and runs without E(OLLAMA_NOPRUNE) is in the way, as it prunes the store whenever it starts.
      type: list
      elements: dict
    store:
      description:
        - The volume of the store with C(exists), C(mountpoint), C(owner), the C(entries) of its root, and
          C(abandoned_puller), a container that may write to it although nobody holds the lease.
      type: dict
    rollout:
      description:
        - What C(rollout_path) tells. C(unfinished) says whether a next run has something to finish, C(in_doubt) names
          the instances that an interrupted run left out of service.
      type: dict
      sample: {unfinished: true, in_doubt: [ollama-server-3]}
    free_bytes:
      description: What is free on the file system of the store.
      type: int
    publications:
      description: The TCP ports that containers publish.
      type: list
      elements: dict
error:
  description: What is in the way.
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of the first problem.
      type: str
      sample: port_in_use
    problems:
      description: All problems, each with C(kind), C(message), C(remedy) and facts of its kind.
      type: list
      elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.layout import Layout, store_volume
from ..module_utils.core.preflight import Wanted, judge, unsaid_gpus
from ..module_utils.core.problems import raise_all
from ..module_utils.glue.host_facts import Question, gather
from ..module_utils.glue.migration import parked_by
from ..module_utils.glue.rollout_look import open_rollout
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import PROJECT, merged

SPEC = merged(
    PROJECT,
    {
        "project_dir": {"type": "path"},
        "count": {"type": "int", "default": 8},
        "base_port": {"type": "int", "default": 11434},
        "bind_address": {"type": "str", "default": "127.0.0.1"},
        "gpus": {"type": "raw"},
        "image": {"type": "str", "default": ""},
        "store_volume": {"type": "str", "default": ""},
        "adopt": {"type": "bool", "default": False},
        "require_engine": {"type": "bool", "default": True},
        "min_engine": {"type": "str", "default": "20.10.0"},
        "min_compose": {"type": "str", "default": "2.20.0"},
        "reserve_bytes": {"type": "int", "default": 1000000000},
        "departing": {"type": "list", "elements": "str", "default": []},
        "judge_users": {"type": "bool", "default": True},
        "migration_path": {"type": "path"},
        "rollout_path": {"type": "path"},
    },
)


def wanted_from(params: Mapping[str, Any]) -> Wanted:
    same = ("adopt", "require_engine", "min_engine", "min_compose", "reserve_bytes", "judge_users")
    return Wanted(
        layout=Layout(*(params[name] for name in ("project", "count", "base_port", "bind_address", "gpus"))),
        store_volume=params["store_volume"] or store_volume(params["project"]),
        project_dir=params["project_dir"] or "",
        departing=frozenset(params["departing"]),
        parked=frozenset(parked_by(params["migration_path"])),
        **{name: params[name] for name in same},
    )


def prepare(params: Mapping[str, Any]) -> Work:
    wanted = wanted_from(params)
    host = gather(Question(wanted.layout, params["image"], wanted.store_volume, wanted.project_dir))
    raise_all(judge(wanted, host), f"Host {host.hostname}")
    facts = {**host.as_dict(), "rollout": open_rollout(params["rollout_path"])}
    unsaid = unsaid_gpus(host) if params["gpus"] is None else []
    return Work(result={"ok": True, "host": facts, "same_engine_key": host.same_engine_key, "warnings": unsaid})


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
