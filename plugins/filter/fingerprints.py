# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared values on their way to a host that compares them and does not have to know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils.core.verify_skew import fingerprint

DOCUMENTATION = r"""
name: fingerprints
short_description: The values of a dictionary as SHA-256
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Replaces each value of a dictionary by the SHA-256 of its text, as hexadecimal digits. An environment can be
    compared with it on a host to which no secret is sent.
options:
  _input:
    description: The dictionary, for example C(corral_environment).
    type: dict
    required: true
seealso:
  - module: corral.ollama.instance_check
"""

EXAMPLES = r"""
- name: See whether the environment is in force
  corral.ollama.instance_check:
    instances: [{name: ollama-server-1}]
    environment: "{{ corral_environment | corral.ollama.fingerprints }}"
"""

RETURN = r"""
_value:
  description: The same keys, each with 64 hexadecimal digits.
  type: dict
"""


def fingerprints(values: Any) -> dict[str, str]:
    if not isinstance(values, Mapping):
        # The role's own contract says that it has to be a dictionary, and says so better.
        return values  # type: ignore[no-any-return]
    return {str(name): fingerprint(str(value)) for name, value in values.items()}


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"fingerprints": fingerprints}
