# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that templates use."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.instances import FilterModule

instances = FilterModule().filters()["instances"]


def test_defaults_are_the_eight_instances():
    fleet = instances("ollama")
    assert len(fleet) == 8
    assert fleet[0]["url"] == "http://127.0.0.1:11434"


def test_strings_from_surveys_and_the_command_line_are_numbers():
    assert [entry["port"] for entry in instances("ollama", "2", "12000")] == [12000, 12001]


@pytest.mark.parametrize("bad", [{"count": 0}, {"count": "many"}, {"gpus": "1"}, {"base_port": None}])
def test_bad_input_is_a_filter_error(bad):
    with pytest.raises(AnsibleFilterError, match=r"corral\.ollama\.instances: "):
        instances("ollama", **bad)


def test_auto_is_what_the_host_has():
    host = {"count": 3, "gpus": [["GPU-a"], ["GPU-b"], ["GPU-c"]]}
    assert [entry["gpus"] for entry in instances("ollama", gpus="auto", host=host)] == host["gpus"]
    # A role that knows nothing of GPUs has the same instances.
    assert len(instances("ollama", host=host)) == 3
    with pytest.raises(AnsibleFilterError, match="nobody has looked there yet"):
        instances("ollama", gpus="auto")
    with pytest.raises(AnsibleFilterError, match="instances: "):
        instances("ollama", gpus="auto", host={"gpus": []})
