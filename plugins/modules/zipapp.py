#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which does it all on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: zipapp
short_description: Bring a program of this collection to a host, as one file that Python runs
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Builds the file on the controller from the collection's own C(module_utils), with what the program imports of them
    and nothing else, and copies it. The same collection gives the same bytes on every controller.
  - The program shares its code with the modules, and needs neither Ansible nor this collection on the host.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
attributes:
  action:
    description: Runs as an action plugin, which builds on the controller and copies to the host.
    support: full
options:
  app:
    description:
      - The program. V(exporter) serves the fleet of a host as metrics, to be run as C(python3 DEST FILE); the role
        P(corral.ollama.exporter#role) writes that file.
    type: str
    choices: [exporter]
    default: exporter
  dest:
    description: The file on the host. Its folder has to be there.
    type: path
    required: true
  mode:
    description: As for M(ansible.builtin.copy).
    type: str
    default: "0644"
  owner:
    description: As for M(ansible.builtin.copy).
    type: str
    default: root
  group:
    description: As for M(ansible.builtin.copy).
    type: str
    default: root
seealso:
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
- name: Bring the exporter to the host
  corral.ollama.zipapp:
    app: exporter
    dest: /opt/corral/ollama/exporter/exporter.pyz
  notify: Restart the exporter
"""

RETURN = r"""
dest:
  description: Where it is.
  returned: success
  type: str
sha256:
  description: The digest of the file.
  returned: success
  type: str
size:
  description: Its bytes.
  returned: success
  type: int
files:
  description: What is in it.
  returned: success
  type: list
  elements: str
error:
  description:
    - Why it cannot be built. C(kind) is V(bad_collection).
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.zipapps import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("zipapp")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
