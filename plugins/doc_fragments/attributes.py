# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module says about check mode, diff mode and repeats; each adds its own C(support)."""

from __future__ import annotations


class ModuleDocFragment:
    # The standard fragment: descriptions only. Add one of the others, or `support` in the module.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)) when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that what the module manages has not been changed by someone else in between.
  platform:
    description: The target operating systems on which the module runs.
    support: full
    platforms: posix
  action_group:
    description: Use C(group/corral.ollama.corral) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - corral.ollama.corral
"""

    # Modules that only look. Use together with the standard fragment.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - This module does not modify state.
"""

    # Modules that bring something into a declared state. Use together with the standard fragment.
    STATE_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    # Modules whose work an action plugin does on the controller, once for all hosts.
    CONTROLLER_ACTION = r"""
options: {}
attributes:
  action:
    description: Runs as an action plugin, on the controller only.
    support: full
  bypass_host_loop:
    description: Runs once for all hosts, as with C(run_once).
    support: full
"""

    # Those of them that write a report. Use together with the two others.
    CONTROLLER_REPORT = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - In check mode the report is made and printed, and not written.
  diff_mode:
    support: N/A
    details:
      - The report is a record of what was seen, not a state that is managed.
  idempotent:
    support: full
    details:
      - Each run replaces what was written by what is newer, which is no change of the fleet and not reported as one.
"""

    # Modules with an action plugin that prints progress while the module works.
    PROGRESS_ACTION = r"""
options: {}
attributes:
  action:
    description: Has a corresponding action plugin, so that parts of it run on the controller.
    support: full
    details:
      - The action runs the module in the background on the target and prints its progress,
        one line at least every ten seconds, each beginning with the host's name.
      - With C(async) on the task, in check mode and with C(no_log) no progress is printed.
      - A playbook that is interrupted or killed does not stop the module on the target; it works on to its end there.
        Whatever it changes is changed atomically, so the next run finds either the old or the new state.
  async:
    description: Supports being used with the C(async) keyword.
    support: full
"""
