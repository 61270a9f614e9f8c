# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory says about the gateway: judged as a whole, and what the configuration is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from ..module_utils.core.errors import CorralError
from ..module_utils.core.gateway_settings import Wish, settings

DOCUMENTATION = r"""
name: gateway
short_description: The settings of a fleet's gateway
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Judges the inputs of the gateway and works out what its configuration is made from.
  - It fails with one message for everything that is wrong, which names keys by the names of their clients only.
options:
  _input:
    description: The instances of the host, as P(corral.ollama.instances#filter) returns them.
    type: list
    elements: dict
    required: true
  bind_address:
    description: The IP address on which the gateway listens.
    type: str
    default: 127.0.0.1
  port:
    description: The port on which it listens, 1024 to 65535.
    type: int
    default: 11433
  metrics_port:
    description: The port of HAProxy's own exporter on loopback, 1024 to 65535; 0 for none.
    type: int
    default: 0
  keys:
    description: Mappings with C(name), C(key) or C(sha256), and C(admin).
    type: list
    elements: dict
    default: []
  allow_anonymous:
    description: Let in who has no key.
    type: bool
    default: false
  tls:
    description: V(auto) (on, but for loopback), V(true) or V(false).
    type: raw
    default: auto
  certificate:
    description: Absolute path of the certificate on the host; empty for a generated one.
    type: str
    default: ''
  certificate_key:
    description: Absolute path of its private key there.
    type: str
    default: ''
  names:
    description: Host names and IP addresses that a generated certificate has to name.
    type: list
    elements: str
    default: []
  own_names:
    description: The same, where what is no such name is left out.
    type: list
    elements: str
    default: []
  model_instances:
    description: Lists of instances by model, for models that only these instances serve.
    type: dict
    default: {}
  limits:
    description: Numbers whose ranges are judged, such as C(max_body_bytes).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show where the gateway listens
  ansible.builtin.debug:
    msg: "{{ ('ollama' | corral.ollama.instances | corral.ollama.gateway(port=11433)).url }}"
"""

RETURN = r"""
_value:
  description:
    - C(bind), C(url), C(tls), C(anonymous), C(alt_names) and C(models_map).
    - C(clients) has C(name), C(sha256) and C(admin) of each key, and not the key.
    - C(servers) has C(name) and C(address) of each instance.
    - C(subsets) has C(backend), C(instances) and C(spellings) for models that only some instances serve.
  type: dict
"""


def gateway_filter(
    instances: Sequence[Mapping[str, Any]],
    port: Any = 11433,
    limits: Mapping[str, Any] | None = None,
    tls: Any = "auto",
    metrics_port: Any = 0,
    **inputs: Any,
) -> dict[str, Any]:
    try:
        numbers = {name: int(value) for name, value in (limits or {}).items()}
        wish = Wish(
            instances, port=int(port), metrics_port=int(metrics_port), limits=numbers, tls=_switch(tls), **inputs
        )
        return settings(wish).as_dict()
    except (CorralError, TypeError, ValueError, KeyError) as error:
        raise AnsibleFilterError(f"corral.ollama.gateway: {error}") from error


def _switch(value: Any) -> Any:
    """A survey and the command line say true and false as text; anything else is for the one who judges."""
    words = {**dict.fromkeys(BOOLEANS_TRUE, True), **dict.fromkeys(BOOLEANS_FALSE, False)}
    return words.get(value.lower() if isinstance(value, str) else value, value)


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"gateway": gateway_filter}
