#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is, and whether it may serve a fleet's store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: What an Ollama image is, and whether it may serve the store of a fleet
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Resolves an image that is on the host to its id and the digests under which registries know it, and says which
    images the instances of the fleet run now.
  - Learns the version of an image before any instance starts with it, and refuses one that does not belong on a shared
    store. Versions before 0.4.0 stop at a manifest that cannot be read, and prune although E(OLLAMA_NOPRUNE) is set;
    versions before 0.19.0 write manifests anew, so that digests differ.
  - An older version than the one that runs is allowed from there on, with a warning that says what is given up.
  - To learn the version it runs C(ollama --version) in a container that has no network, no mount, no GPU and no
    capabilities, and removes it. It does so only when the image is another one than the instances run and its version
    is not remembered. This happens in check mode too, as it leaves nothing behind.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.project
  - corral.ollama.options.engine
options:
  image:
    description: The image, by name and tag, by name and digest, or by its id.
    type: str
    required: true
  version:
    description:
      - The release of Ollama that the image was made from, where the image itself does not say one.
        A build of your own says V(0.0.0).
    type: str
    default: ''
  memory_path:
    description: The file in which M(corral.ollama.image_history) remembers images and their versions.
    type: path
  timeout:
    description: Seconds that the image gets to say its version.
    type: float
    default: 30.0
  on_refused:
    description: V(report) only lists in RV(problems) why the image is refused.
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python library C(docker) on the target.
seealso:
  - module: corral.ollama.instance_info
  - module: corral.ollama.image_history
"""

EXAMPLES = r"""
- name: May this image follow the one that runs?
  corral.ollama.image_info:
    image: ollama/ollama:0.32.15
    project: ollama
    memory_path: /var/lib/corral/ollama/images.json
  register: corral_image_found

- name: Say what it is
  ansible.builtin.debug:
    msg: "{{ corral_image_found.sentence }}"
"""

RETURN = r"""
image:
  description: The image that was asked for.
  returned: success
  type: dict
  contains:
    reference: {description: As given., type: str}
    present: {description: Whether it is on the host., type: bool}
    id: {description: "Its id, 64 hexadecimal digits, empty when it is not on the host.", type: str}
    repo_digests: {description: The names with digest under which registries know it., type: list, elements: str}
    version: {description: "The version of Ollama in it, empty when nobody had to ask.", type: str}
running:
  description:
    - The images that the instances were made from, that of most instances first. Each has C(id), C(references),
      C(instances) and C(version).
  returned: success
  type: list
  elements: dict
differs:
  description: Whether the image is on the host and not what all instances run.
  returned: success
  type: bool
sentence:
  description: All of this for people.
  returned: success
  type: str
problems:
  description: Why the image is refused, empty when it is not.
  returned: success
  type: list
  elements: str
error:
  description: Why the image is refused. C(kind) is V(version_skew) or V(unknown_version), C(rule) the rule it breaks.
  returned: failure
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.image_info import prepare_image_info
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ENGINE, PROJECT, merged

SPEC = merged(
    PROJECT,
    ENGINE,
    {
        "image": {"type": "str", "required": True},
        "version": {"type": "str", "default": ""},
        "memory_path": {"type": "path"},
        "timeout": {"type": "float", "default": 30.0},
        "on_refused": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_image_info(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
