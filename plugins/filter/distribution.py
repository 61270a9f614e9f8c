# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host takes what from whom next, for the role distribution."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core.distribution import Caps
from ..module_utils.core.distribution_hosts import distribution
from ..module_utils.core.errors import CorralError

DOCUMENTATION = r"""
name: distribution
short_description: Which host fetches which blobs from whom next
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Deals hosts that lack blobs to hosts that have them, so that the registry sends each blob to the fleet once.
  - What no host has goes to one of those that need it, the seed. In each wave a peer serves no more than O(fan_out)
    hosts, so that the number of waves grows with the logarithm of the number of hosts.
options:
  _input:
    description:
      - By host a dictionary with C(models), as M(corral.ollama.store_info) returned them with C(layers=true).
      - C(got) are the digests that it has fetched since then, C(bad) the names of peers that it does not believe any
        more, and C(gone) is true for one that takes no more.
    type: dict
    required: true
  fan_out:
    description: How many hosts a peer serves at the same time.
    type: int
    default: 1
  bytes_per_second:
    description: The most bytes that one host takes in a second; V(0) is no limit.
    type: int
    default: 0
  fleet_bytes_per_second:
    description: The most that all of them take together.
    type: int
    default: 0
seealso:
  - module: corral.ollama.store_fetch
"""

EXAMPLES = r"""
- name: Who fetches what next?
  ansible.builtin.debug:
    msg: "{{ corral_seen | corral.ollama.distribution(fan_out=2) }}"
  vars:
    corral_seen:
      gpu1: {models: [], got: [], bad: []}
"""

RETURN = r"""
_value:
  description:
    - C(waves) is how many waves are left, this one included; 0 when nobody lacks anything.
    - C(transfers) is by host what it fetches now, with C(models), C(blobs), C(peers) and C(bytes_per_second) as options
      of M(corral.ollama.store_fetch), C(bytes) and C(bytes_from_upstream).
    - C(serving) are the hosts that have to serve for it, C(bad) those that nobody asks any more.
    - C(lacking) is by host how many C(blobs) and C(bytes) it lacks still.
  type: dict
"""


def distribution_filter(
    seen: Any, fan_out: Any = 1, bytes_per_second: Any = 0, fleet_bytes_per_second: Any = 0
) -> dict[str, Any]:
    try:
        return distribution(seen, int(fan_out), Caps(int(bytes_per_second), int(fleet_bytes_per_second)))
    except CorralError as error:
        raise AnsibleFilterError(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnsibleFilterError(f"corral.ollama.distribution: {error!r} in what the hosts say") from error


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"distribution": distribution_filter}
