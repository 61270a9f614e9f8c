#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Previous images of a fleet, removed when nothing needs them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prune
short_description: Remove images that a fleet ran before and does not need any more
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Removes images of earlier versions from the host. Only images that M(corral.ollama.image_history) remembers are
    looked at, by their id, so that nothing of anybody else goes.
  - An image stays when a container was made from it, whether that runs or not, when it is declared, when the record of
    a rollout names it, when it is one of the last O(keep), or when it has a name that Corral did not use.
  - The engine is never forced, so that it refuses what it knows to be needed.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.options.engine
options:
  path:
    description: The file of M(corral.ollama.image_history).
    type: path
    required: true
  image:
    description: The declared image, which always stays.
    type: str
    default: ''
  keep:
    description: How many images that are in no use stay for a way back, the newest first.
    type: int
    default: 2
  rollout_path:
    description: The record of the last rollout. What it names stays; when it cannot be read, nothing is removed.
    type: path
requirements:
  - The Python library C(docker) on the target.
seealso:
  - module: corral.ollama.image_history
  - module: corral.ollama.store_prune
"""

EXAMPLES = r"""
- name: Keep one image for a way back, and remove those before it
  corral.ollama.image_prune:
    path: /var/lib/corral/ollama/images.json
    image: ollama/ollama:0.32.15
    rollout_path: /var/lib/corral/ollama/rollout/rollout.json
    keep: 1
"""

RETURN = r"""
images:
  description:
    - The remembered images that are on the host, the newest first, each with C(id), C(references), C(version),
      C(action) (V(keep) or V(remove)), C(reason) and C(bytes).
  returned: success
  type: list
  elements: dict
bytes_freed:
  description: The bytes of those that go. Layers that other images share stay on the disk.
  returned: success
  type: int
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.image_history import prepare_prune
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ENGINE, merged

SPEC = merged(
    ENGINE,
    {
        "path": {"type": "path", "required": True},
        "image": {"type": "str", "default": ""},
        "keep": {"type": "int", "default": 2},
        "rollout_path": {"type": "path"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_prune(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
