# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another balancer than Corral's gateway: two files of tasks are told of each instance, in turn, before and after."""

from __future__ import annotations

TASKS = """
- name: Tell the balancer
  ansible.builtin.lineinfile:
    path: {told}
    line: "{word} {{{{ rolling_restart_instance.name }}}} {{{{ rolling_restart_instance.url }}}}"
    create: true
    insertafter: EOF
    mode: "0600"
"""


def test_it_is_told_before_and_after_each_instance(lab):
    hooks, told = {}, "/root/balancer"
    for word in ("before", "after"):
        file = lab.ephemeral / f"{word}.yml"
        file.write_text(TASKS.format(told=told, word=word))
        hooks[f"corral_{word}_instance"] = str(file)
    lab.run("rolling_restart", corral_force=True, **hooks).ok()
    one, two = "ollama-server-1 http://127.0.0.1:11434", "ollama-server-2 http://127.0.0.1:11435"
    assert lab.sh(f"cat {told}").splitlines() == [f"before {one}", f"after {one}", f"before {two}", f"after {two}"]
