# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs this, for leases and logs on the hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: operator
short_description: Who runs this, and in which job
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Under AWX or Tower the number of the job, else the user (before C(sudo)) and the name of the controller.
  - The roles write it into leases, records and the audit log, so that others see who is at work.
  - It is for people. What it says is not proven.
options:
  _terms:
    description: Takes none.
    type: list
    elements: str
    required: false
"""

EXAMPLES = r"""
- name: Show who runs this
  ansible.builtin.debug:
    msg: "{{ lookup('corral.ollama.operator').owner }}"
"""

RETURN = r"""
_list:
  description: One dictionary with C(owner) and C(job); the job is empty outside of AWX.
  type: list
  elements: dict
"""

import getpass
import os
import platform
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """``lookup('corral.ollama.operator')``."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, str]]:
        if terms or kwargs:
            raise AnsibleLookupError("corral.ollama.operator takes no terms and no options.")
        known = variables or {}
        job = str(known.get("awx_job_id") or known.get("tower_job_id") or "")
        return [{"owner": f"AWX job {job}" if job else f"{_user()}@{platform.node() or 'the controller'}", "job": job}]


def _user() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # a container may run under a number that has no name
        return f"uid {os.getuid()}"
