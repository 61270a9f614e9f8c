#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project file that changes service by service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: project_file
short_description: Take some services of a Compose project file from another definition
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Writes the project file with the named services as the new definition (or the old one) has them, and all others as
    they are. So while instances are changed one after another, the file describes what runs at any moment, and
    C(docker compose up) by hand changes nothing that was not to be changed yet.
  - When all services are as the definition has them, the file is the definition, byte for byte.
  - Before it writes, it notes in the record of the rollout that the instances are being changed.
  - The file may hold secrets. It is written for root alone, and no message, result or diff has any of its values.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
options:
  path:
    description: The project file. Its directory has to be there.
    type: path
    required: true
  definition:
    description: The text of the project file as it is to be in the end. Required with O(source=desired).
    type: str
    default: ''
  services:
    description:
      - The services that are taken from the definition. One that is not in it is removed from the file, all others
        stay as they are.
    type: list
    elements: str
    required: true
  source:
    description:
      - V(desired) takes them from O(definition).
      - V(before) takes them from the project file that the record of the rollout keeps. Where the tag of an image means
        another image by now, the service is given the image that it ran, by its id.
    type: str
    choices: [desired, before]
    default: desired
  rollout_path:
    description: The directory of the rollout, see M(corral.ollama.rollout). When empty, there is none.
    type: path
  audit_path:
    description: The audit log. When empty, C(audit.jsonl) beside O(rollout_path).
    type: path
  token:
    description: What identifies the holder of the rollout's lease. Required with O(rollout_path), but in check mode.
    type: str
    default: ''
requirements:
  - The Python library C(PyYAML) on the target, and with O(source=before) C(docker).
seealso:
  - module: corral.ollama.rollout
"""

EXAMPLES = r"""
- name: Let the first instance have its new definition
  corral.ollama.project_file:
    path: /opt/corral/ollama/compose.yml
    definition: "{{ lookup('ansible.builtin.template', 'compose.yml.j2') }}"
    services: [ollama-server-1]
    rollout_path: /var/lib/corral/ollama/rollout
    token: "{{ corral_rollout.token }}"

- name: Give it its old one again
  corral.ollama.project_file:
    path: /opt/corral/ollama/compose.yml
    services: [ollama-server-1]
    source: before
    rollout_path: /var/lib/corral/ollama/rollout
    token: "{{ corral_rollout.token }}"
"""

RETURN = r"""
services:
  description: The services that the file has after this.
  returned: success
  type: list
  elements: str
taken:
  description: The services that are new or other than before.
  returned: success
  type: list
  elements: str
dropped:
  description: The services that the file has no more.
  returned: success
  type: list
  elements: str
differ:
  description: The services that are still not as the definition has them, or that only one of both has.
  returned: success
  type: list
  elements: str
pinned:
  description: The services that were given an image by its id.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.rollout_record import SOURCES
from ..module_utils.glue.project_file import prepare_project_file
from ..module_utils.glue.run import run


def main() -> None:
    spec = {
        "path": {"type": "path", "required": True},
        "definition": {"type": "str", "default": "", "no_log": True},
        "services": {"type": "list", "elements": "str", "required": True},
        "source": {"type": "str", "choices": list(SOURCES), "default": "desired"},
        "rollout_path": {"type": "path"},
        "audit_path": {"type": "path"},
        "token": {"type": "str", "default": "", "no_log": False},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), prepare_project_file)


if __name__ == "__main__":
    main()
