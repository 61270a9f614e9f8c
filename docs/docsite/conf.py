# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the reference pages of what antsibull-docs writes; `make docs`. Nothing is fetched for it."""

from __future__ import annotations

from typing import Any

from docutils import nodes

project = "corral.ollama"
copyright = "The Corral founders"
title = html_short_title = "corral.ollama"
extensions = ["sphinx_antsibull_ext"]
root_doc = "index"
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_theme_options = {"vcs_pageview_mode": ""}
html_show_sphinx = False
html_use_modindex = html_use_index = html_copy_source = False
default_role = "any"

# Pages of Ansible's own documentation that ours refer to: to know them all, Sphinx would fetch them over the network.
_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
_ELSEWHERE = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
_BUILTIN = "ansible_collections.ansible.builtin."


def _elsewhere(_app: Any, _environment: Any, node: Any, shown: Any) -> Any:
    """A link for a label that is Ansible's; for any other nothing, so that it is a warning and with it an error."""
    label = str(node["reftarget"])
    page = _ELSEWHERE.get(label)
    if label.startswith(_BUILTIN):
        page = f"collections/ansible/builtin/{label[len(_BUILTIN) :]}.html"
    return nodes.reference("", "", shown, internal=False, refuri=f"{_ANSIBLE}/{page}") if page else None


def setup(app: Any) -> None:
    app.connect("missing-reference", _elsewhere)
