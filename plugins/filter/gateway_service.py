# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's service for the template of the project file, and for the role that starts it."""

from __future__ import annotations

from typing import Any

from ..module_utils.core.gateway_service import service

DOCUMENTATION = r"""
name: gateway_service
short_description: The gateway as a service of a Compose project
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - The definition of the service C(gateway), with a variable in its environment that identifies the definition itself.
    The running HAProxy shows that variable, so one can tell whether its container was made from this definition.
options:
  _input:
    description: The name of the Compose project, usually C(corral_project).
    type: str
    required: true
  project_dir:
    description: The folder of the project on the host.
    type: str
    required: true
  image:
    description: The image of HAProxy.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show how the gateway runs
  ansible.builtin.debug:
    msg: "{{ 'ollama' | corral.ollama.gateway_service(project_dir='/opt/corral/ollama', image='haproxy:3.0.11') }}"
"""

RETURN = r"""
_value:
  description: The service as Compose takes it. C(environment.CORRAL_DEFINITION) identifies it.
  type: dict
"""


def gateway_service(project: str, project_dir: str, image: str) -> dict[str, Any]:
    return service(str(project), str(project_dir), str(image))


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"gateway_service": gateway_service}
