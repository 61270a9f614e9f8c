#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images the instances of a host have run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_history
short_description: Remember which images the instances of a host run
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Writes down the images that the running instances of a fleet were made from, the present ones first. From that
    M(corral.ollama.image_prune) knows which images are previous ones of this fleet, and which of them stay for a way
    back.
  - Call it when a change has succeeded, and before an image is replaced.
  - As long as the same images run under the same names, nothing is written. Fifty images are remembered.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.options.project
  - corral.ollama.options.engine
options:
  path:
    description: The file on the target that remembers them. A damaged one begins anew, with a warning.
    type: path
    required: true
  versions:
    description: Versions of Ollama that were learnt, by image id. Others are kept as they were.
    type: dict
    default: {}
requirements:
  - The Python library C(docker) on the target.
seealso:
  - module: corral.ollama.image_info
  - module: corral.ollama.image_prune
"""

EXAMPLES = r"""
- name: Remember what runs
  corral.ollama.image_history:
    path: /var/lib/corral/ollama/images.json
    project: ollama
"""

RETURN = r"""
images:
  description: All that is remembered, the newest first, each with C(id), C(references) and C(version).
  returned: success
  type: list
  elements: dict
  sample:
    - id: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
      references: ["ollama/ollama:0.32.15"]
      version: 0.32.15
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.image_history import prepare_history
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ENGINE, PROJECT, merged

SPEC = merged(
    PROJECT,
    ENGINE,
    {"path": {"type": "path", "required": True}, "versions": {"type": "dict", "default": {}}},
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_history(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
