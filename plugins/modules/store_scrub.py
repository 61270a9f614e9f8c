#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Re-reading a store in portions, so that rot is found before a server serves it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_scrub
short_description: Re-read a model store within a budget, and say what is damaged
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Reads the blobs of a store and compares what they hash to with their names. Of each blob that was read it keeps a
    receipt in the store's C(.corral), so that a blob that nothing has touched since need not be read again to be known.
  - Every mode also looks at names, sizes and manifests, as M(corral.ollama.digest_check) does.
  - It can be killed at any moment. What was read is kept, and the next run goes on.
  - It takes no lease and repairs nothing. Servers and writers go on meanwhile; what is published or removed while it
    reads is no damage. A second scrub of the same store is refused as long as the first one runs.
  - The page cache stays as it is. What is not in it is read past it.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.progress_action
  - corral.ollama.options.store
  - corral.ollama.options.progress
attributes:
  check_mode:
    support: full
    details:
      - In check mode no blob is read. RV(planned) says how much would be, the rest what is known already.
      - What is known to be damaged does not fail a check, whatever O(on_damage) says.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - Receipts and results are a memory. Writing them is no change.
options:
  mode:
    description:
      - V(incremental) reads the blobs without a receipt that holds. When O(max_bytes), O(max_seconds) or O(part) is
        given as well, the budget is used up on those that were read the longest ago.
      - V(full) reads everything, whatever receipts there are. One that was interrupted goes on where it was.
      - V(quick) reads no blob. It reports what is known from receipts.
    type: str
    choices: [quick, incremental, full]
    default: incremental
  part:
    description:
      - The share of the store to read at least in this run, for example V(1/7). Seven such runs in a row read every
        blob that was there all the time, however the store changes meanwhile.
      - Only with O(mode=incremental). What has no receipt counts as read the longest ago. At most 1000 runs.
    type: str
    default: ""
  max_bytes:
    description: The most bytes to read, V(0) for no limit. One blob is read in any case.
    type: int
    default: 0
  max_seconds:
    description:
      - Seconds after which no further blob is begun, V(0) for no limit.
      - What was begun is read to its end, as a large blob would never be verified otherwise.
    type: float
    default: 0.0
  max_age:
    description:
      - Seconds after which a receipt does not count any more with O(mode=incremental), V(0) for no limit.
      - With it, the other limits are only limits. What is younger is not read.
    type: float
    default: 0.0
  bytes_per_second:
    description: The rate of reading, V(0) for no limit. With a limit one thread reads, unless O(threads) says more.
    type: int
    default: 0
  max_load:
    description:
      - The load average (of the last minute) above which reading pauses, V(0) for no limit. It is looked at every five
        seconds. The scrub itself adds about as much to it as it has threads.
    type: float
    default: 0.0
  load_wait:
    description: Seconds for which the load may stay above O(max_load) before the run ends with what it has.
    type: float
    default: 600.0
  idle_io:
    description:
      - Read in the idle I/O class. There is a warning when the kernel refuses it.
      - It takes a disk whose scheduler knows classes (C(bfq), C(mq-deadline)).
    type: bool
    default: true
  nice:
    description: The niceness of the threads that read, V(0) to V(19).
    type: int
    default: 10
  threads:
    description: How many files to read at the same time; V(0) means one per usable processor, at most 32.
    type: int
    default: 0
  wait:
    description: Seconds to wait for another scrub of this store to end.
    type: float
    default: 0.0
  on_damage:
    description:
      - V(fail) ends with an error that carries the report under RV(ignore:error).
      - V(report) succeeds, with RV(ok) false.
    type: str
    choices: [fail, report]
    default: fail
seealso:
  - module: corral.ollama.digest_check
  - module: corral.ollama.store_repair
"""

EXAMPLES = r"""
- name: Read what is new or was changed
  corral.ollama.store_scrub:
    path: /var/lib/docker/volumes/ollama_models/_data

- name: Read a seventh of the store every night, slowly, and everything within a week
  corral.ollama.store_scrub:
    path: /var/lib/docker/volumes/ollama_models/_data
    part: 1/7
    bytes_per_second: 100000000
    max_load: 16
    on_damage: report
  register: corral_scrub

- name: Read everything
  corral.ollama.store_scrub:
    path: /var/lib/docker/volumes/ollama_models/_data
    mode: full
"""

RETURN = r"""
ok:
  description: Whether no damage is known.
  returned: success
  type: bool
findings:
  description:
    - Everything that is not as it should be, damage first, as M(corral.ollama.digest_check) returns it. At most 1000 of
      each kind.
  returned: success
  type: list
  elements: dict
models:
  description: The verdict on each model, with C(name), C(digest), C(size), C(ok) and C(findings).
  returned: success
  type: list
  elements: dict
planned:
  description: The C(blobs) and C(bytes) that this run set out to read, or would in check mode.
  returned: success
  type: dict
summary:
  description: The result in a few sentences.
  returned: success
  type: list
  elements: str
scrub:
  description:
    - The result as an object, kept in the store's C(.corral/scrub.json). Times are seconds since 1970, V(0) for never.
  returned: success
  type: dict
  contains:
    schema: {description: "V(1).", type: int}
    mode: {description: The mode., type: str}
    started_at: {description: When it began., type: float}
    ended_at: {description: When it ended., type: float}
    ok: {description: Whether no damage is known., type: bool}
    complete: {description: "Whether the mode did all that it is about, whatever limits there were.", type: bool}
    stopped_by:
      description: "The limit that ended it: V(part), V(max_bytes), V(max_seconds), V(max_load), or empty."
      type: str
    store: {description: "The C(models), C(blobs) and C(bytes) that there are.", type: dict}
    read: {description: "What was read: C(blobs), C(bytes), C(seconds), C(bytes_per_second).", type: dict}
    left: {description: "What is left for it to be complete: C(blobs), C(bytes).", type: dict}
    findings_by_kind: {description: How many findings there are of each kind., type: dict}
    models_affected: {description: The models with damage., type: list, elements: str}
    coverage:
      description: >-
        What has been read since it was last changed: C(blobs), C(bytes), C(fraction) (of the bytes),
        C(oldest_verified_at) and C(never_verified) (blobs).
      type: dict
    receipts_from_future: {description: Receipts that were not believed as they are dated after now., type: int}
    last_full_at:
      description: Everything that was there has been read since this moment.
      type: float
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.run import Work, run
from ..module_utils.glue.scrub import prepare_scrub
from ..module_utils.glue.spec import PROGRESS, STORE, merged

SPEC = merged(
    STORE,
    PROGRESS,
    {
        "mode": {"type": "str", "choices": ["quick", "incremental", "full"], "default": "incremental"},
        "part": {"type": "str", "default": ""},
        "max_bytes": {"type": "int", "default": 0},
        "max_seconds": {"type": "float", "default": 0.0},
        "max_age": {"type": "float", "default": 0.0},
        "bytes_per_second": {"type": "int", "default": 0},
        "max_load": {"type": "float", "default": 0.0},
        "load_wait": {"type": "float", "default": 600.0},
        "idle_io": {"type": "bool", "default": True},
        "nice": {"type": "int", "default": 10},
        "threads": {"type": "int", "default": 0},
        "wait": {"type": "float", "default": 0.0},
        "on_damage": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_scrub(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
