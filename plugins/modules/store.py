#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory in which a fleet keeps its models once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store
short_description: A directory made ready to be the model store of a fleet
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Makes C(blobs/) and C(manifests/), without which an Ollama server on a read-only mount does not start,
    and C(.corral/) for what only Corral writes, its staging directory included.
  - Marks the store as that of one project. A directory that holds something else, or the store of another project,
    is refused before anything is changed.
  - Nothing of Corral's own is ever put into C(blobs/) or C(manifests/).
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.options.store
options:
  project:
    description: The name of the Compose project to which the store belongs.
    type: str
    default: ollama
  adopt:
    description:
      - Take over a directory that already is an Ollama store and was not made by Corral.
      - Its models stay as they are. Stop whatever else writes to it first.
    type: bool
    default: false
  shared:
    description:
      - Several hosts mount this directory from a file server. Then the time of the file server decides whether a lease
        has expired, and not that of a host.
      - Refused where the mount keeps locks on the host (C(nolock), C(local_lock)).
      - A store that was shared once stays so.
    type: bool
    default: false
  state:
    description: The store exists and is ready. To remove a store, remove its volume or directory.
    type: str
    choices: [ready]
    default: ready
seealso:
  - module: corral.ollama.store_lease
  - module: corral.ollama.store_model
"""

EXAMPLES = r"""
- name: Make the shared volume a store
  corral.ollama.store:
    path: /var/lib/docker/volumes/ollama_models/_data
    project: ollama

- name: Take over the store of an Ollama server that was installed by hand
  corral.ollama.store:
    path: /usr/share/ollama/.ollama/models
    adopt: true
"""

RETURN = r"""
store:
  description: The store after the module ran.
  returned: success
  type: dict
  contains:
    path:
      description: Its directory.
      type: str
    project:
      description: The project to which it belongs.
      type: str
    models:
      description: The names of the models in it, sorted.
      type: list
      elements: str
    free_bytes:
      description: Free space of its file system.
      type: int
    total_bytes:
      description: Size of its file system.
      type: int
    adopted:
      description: Whether it was an Ollama store before Corral took it over.
      type: bool
    shared:
      description: Whether several hosts write to it.
      type: bool
steps:
  description: What was done, or would be in check mode. Each has C(action), C(target) and C(detail).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.ownership import is_adopted, plan_store
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import STORE, merged
from ..module_utils.store.layout import store_at
from ..module_utils.store.preparing import make_ready, read_directory, refuse_local_locks, space
from ..module_utils.store.reading import model_names

SPEC = merged(
    STORE,
    {
        "project": {"type": "str", "default": "ollama"},
        "adopt": {"type": "bool", "default": False},
        "shared": {"type": "bool", "default": False},
        "state": {"type": "str", "choices": ["ready"], "default": "ready"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    paths = store_at(params["path"])
    if params["shared"]:
        refuse_local_locks(paths.root)
    found = read_directory(paths)
    plan = plan_store(found, params["project"], params["adopt"], params["shared"])
    shared = params["shared"] or (found.marker is not None and found.marker.shared)
    store = {
        "path": paths.root,
        "project": params["project"],
        "models": [name.display for name in model_names(paths)],
        "adopted": is_adopted(found),
        "shared": shared,
        **space(paths.root),
    }

    def apply() -> Mapping[str, Any]:
        make_ready(paths, found, plan.steps, shared)
        return {"store": {**store, **space(paths.root)}}

    return Work(plan, {"store": store}, apply)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
