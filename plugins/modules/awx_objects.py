#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which looks and decides on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: awx_objects
short_description: Make the objects of an AWX controller as they are declared
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Reads what an AWX controller has of the declared objects, compares field by field, and lets the modules of the
    collection C(awx.awx) create, change or remove what differs, in the order in which the objects need each other.
  - Refuses before anything is changed what AWX would take and could not launch, names that lead nowhere, and names that
    several objects have.
  - The nodes of a workflow are made anew when they differ, so what is gone from the data is gone from AWX.
  - AWX hides secrets. One that alone has changed is not seen; O(update_secrets) writes them all.
extends_documentation_fragment:
  - corral.ollama.attributes
attributes:
  action:
    description: Runs as an action plugin, on the controller, and runs modules of C(awx.awx) there.
    support: full
  check_mode:
    support: full
    details:
      - The controller is read, and nothing is changed; the prediction does not rely on the modules of C(awx.awx).
  diff_mode:
    support: full
    details:
      - Inputs of credentials and the configuration of notifications are not shown.
  idempotent:
    support: partial
    details:
      - With O(update_secrets) every credential is written in every run.
options:
  controller:
    description: How to reach the controller.
    type: dict
    required: true
    suboptions:
      hostname:
        description: The address, for example C(https://awx.example.com). Without a scheme it is https.
        type: str
        default: ''
      token:
        description: An OAuth token.
        type: str
        default: ''
      username:
        description: The name to log in with where there is no O(controller.token).
        type: str
        default: ''
      password:
        description: The password of O(controller.username).
        type: str
        default: ''
      validate_certs:
        description: Whether the certificate of the controller has to hold.
        type: bool
        default: true
      timeout:
        description: Seconds to wait for one answer.
        type: float
        default: 30.0
  objects:
    description: What is declared, in the order in which it is made.
    type: dict
    required: true
    suboptions:
      instance_groups:
        description:
          - Groups of nodes that run jobs.
          - Each has the arguments of the module C(awx.awx.instance_group).
        type: list
        elements: dict
        default: []
      organizations:
        description:
          - Organizations, with their Galaxy credentials; without one AWX installs no collection.
          - Each has the arguments of the module C(awx.awx.organization).
        type: list
        elements: dict
        default: []
      labels:
        description:
          - Labels of job templates and workflows.
          - Each has the arguments of the module C(awx.awx.label).
        type: list
        elements: dict
        default: []
      credential_types:
        description:
          - Types of credentials.
          - Each has the arguments of the module C(awx.awx.credential_type).
        type: list
        elements: dict
        default: []
      credentials:
        description:
          - Credentials. Their secrets come from lookups and are never part of the data.
          - Each has the arguments of the module C(awx.awx.credential).
        type: list
        elements: dict
        default: []
      execution_environments:
        description:
          - Images in which jobs run.
          - Each has the arguments of the module C(awx.awx.execution_environment).
        type: list
        elements: dict
        default: []
      notifications:
        description:
          - Whom AWX tells when a job starts, ends or fails.
          - Each has the arguments of the module C(awx.awx.notification_template).
        type: list
        elements: dict
        default: []
      projects:
        description:
          - Where the playbooks come from.
          - Each has the arguments of the module C(awx.awx.project).
        type: list
        elements: dict
        default: []
      inventories:
        description:
          - Inventories.
          - Each has the arguments of the module C(awx.awx.inventory).
        type: list
        elements: dict
        default: []
      hosts:
        description:
          - Hosts of inventories.
          - Each has the arguments of the module C(awx.awx.host).
        type: list
        elements: dict
        default: []
      groups:
        description:
          - Groups of hosts.
          - Each has the arguments of the module C(awx.awx.group).
        type: list
        elements: dict
        default: []
      templates:
        description:
          - Job templates with their surveys.
          - Each has the arguments of the module C(awx.awx.job_template).
        type: list
        elements: dict
        default: []
      workflows:
        description:
          - Workflows with their nodes.
          - Each has the arguments of the module C(awx.awx.workflow_job_template).
        type: list
        elements: dict
        default: []
      schedules:
        description:
          - What runs when.
          - Each has the arguments of the module C(awx.awx.schedule).
        type: list
        elements: dict
        default: []
  update_secrets:
    description: Write the inputs of credentials also where no difference can be seen.
    type: bool
    default: false
  check_only:
    description: Only judge what is declared. The controller is not asked.
    type: bool
    default: false
  plan_only:
    description: Only say what would be done.
    type: bool
    default: false
requirements:
  - The collection C(awx.awx) where Ansible runs. It comes with the community package ansible 12.
"""

EXAMPLES = r"""
- name: Make a label
  corral.ollama.awx_objects:
    controller:
      hostname: https://awx.example.com
      token: "{{ lookup('ansible.builtin.env', 'CONTROLLER_OAUTH_TOKEN') }}"
    objects:
      organizations:
        - name: corral
          galaxy_credentials: [Ansible Galaxy]
      labels:
        - name: corral
          organization: corral
"""

RETURN = r"""
steps:
  description: What was done, or would be in check mode and with O(plan_only), in this order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(update) and V(remove).
      type: str
    target:
      description: The kind and the name of the object.
      type: str
      sample: job template corral_verify
    detail:
      description: The fields that differ.
      type: str
error:
  description: What is wrong, with C(kind), C(message) and C(remedy), and with C(problems) where there are several.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.awx_plan import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("awx_objects")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
