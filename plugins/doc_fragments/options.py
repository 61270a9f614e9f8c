# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share; each documents the dictionary of the same name in module_utils/glue/spec.py."""

from __future__ import annotations


class ModuleDocFragment:
    STORE = r"""
options:
  path:
    description:
      - The model store's directory on the target, the one that holds C(blobs) and C(manifests).
      - For a Docker volume this is the volume's mount point on the host.
    type: path
    required: true
"""

    LEASE = r"""
options:
  lease_token:
    description:
      - The token of the store's lease, as returned by M(corral.ollama.store_lease).
      - It says who may write, it is not a secret.
    type: str
    required: true
"""

    PROJECT = r"""
options:
  project:
    description:
      - The name of the Compose project, usually C(corral_project).
    type: str
    default: ollama
"""

    ENGINE = r"""
options:
  engine_timeout:
    description:
      - Seconds to wait for one answer of the engine.
    type: float
    default: 60.0
"""

    GATEWAY = r"""
options:
  run_dir:
    description:
      - The folder with the sockets of the gateway on the target, C(admin.sock) and C(master.sock).
      - The folder C(conf) beside it holds the configuration.
    type: path
    required: true
  timeout:
    description:
      - Seconds to wait for one answer of the gateway.
    type: float
    default: 10.0
"""

    ROLLOUT = r"""
options:
  rollout_path:
    description:
      - The rollout's directory on the target, as given to M(corral.ollama.rollout).
    type: path
    required: true
  audit_path:
    description:
      - The file that each event is appended to.
    type: path
    required: true
  token:
    description:
      - The token of the rollout's lease, as returned by M(corral.ollama.rollout).
      - The lease is renewed for as long as the module works.
    type: str
    default: ''
"""

    REGISTRY = r"""
options:
  registry_endpoints:
    description:
      - Where to reach a registry other than by its name, as a dictionary.
      - A key is the registry's host, for example V(registry.ollama.ai),
        its value a base URL, for example V(https://mirror.example.com).
      - This concerns only the questions that the module itself asks the registry. The Ollama server goes its own way.
    type: dict
    default: {}
  registry_ca_path:
    description:
      - A file on the target with the certificates of the authorities that sign the registries' certificates.
      - When empty, the system's authorities are used.
    type: path
  registry_timeout:
    description:
      - Seconds to wait for a registry to connect, and to go on answering.
    type: float
    default: 30.0
"""

    SERVER = r"""
options:
  url:
    description:
      - The base URL of the Ollama server, for example V(http://127.0.0.1:11434).
      - Proxy settings of the environment are not used to reach it.
    type: str
    required: true
  timeout:
    description:
      - Seconds to wait for the Ollama server to answer one request. Pulls have O(stall_timeout) instead.
    type: float
    default: 30.0
"""

    SERVERS = r"""
options:
  servers:
    description:
      - The Ollama servers to look at. All are asked at the same time.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the server in results and messages.
        type: str
        required: true
      url:
        description:
          - The base URL of the server, for example V(http://127.0.0.1:11434).
        type: str
        required: true
  concurrency:
    description:
      - The most servers to ask at the same time.
    type: int
    default: 16
"""

    RECHECKS = r"""
options:
  rechecks:
    description:
      - How often an absence or an error is looked at again before it is believed.
      - A server whose store is being written may answer, for a moment, that a model is missing.
    type: int
    default: 3
  recheck_delay:
    description:
      - Seconds between two looks.
    type: float
    default: 0.25
"""

    PROGRESS = r"""
options:
  progress_path:
    description:
      - A file on the target into which the module writes its progress as JSON.
      - The action plugin sets it; there is no need to set it in a playbook.
    type: path
"""

    PULL = r"""
options:
  stall_timeout:
    description:
      - Seconds without a single new byte after which a pull counts as stalled, is cancelled and tried again.
      - While the server verifies what it has pulled, it is silent;
        it then gets one more second for every 50 MB of the model.
    type: float
    default: 120.0
  retries:
    description:
      - How often a failed pull is tried again.
      - What cannot get better, such as an unknown model or a full disk, is not tried again.
    type: int
    default: 3
  backoff:
    description:
      - Seconds before the first retry. Each further retry waits twice as long, at most 60 seconds.
    type: float
    default: 1.0
  progress_path:
    description:
      - A file on the target into which the module writes its progress as JSON.
      - The action plugin sets it; there is no need to set it in a playbook.
    type: path
"""
