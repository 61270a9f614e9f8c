# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that the role gateway and the template of the project file use."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.gateway import FilterModule
from ansible_collections.corral.ollama.plugins.filter.gateway_service import FilterModule as ServiceModule
from ansible_collections.corral.ollama.plugins.filter.instances import FilterModule as InstancesModule

gateway = FilterModule().filters()["gateway"]
gateway_service = ServiceModule().filters()["gateway_service"]
FLEET = InstancesModule().filters()["instances"]("ollama", 2)


def test_strings_from_surveys_and_the_command_line_are_numbers():
    assert gateway(FLEET, "12000", {"rate_limit": "5"})["bind"] == "127.0.0.1:12000"


@pytest.mark.parametrize(
    ("text", "on"), [("true", True), ("Yes", True), (True, True), ("no", False), (False, False), ("auto", False)]
)
def test_tls_as_text(text, on):
    assert gateway(FLEET, tls=text)["tls"] is on


@pytest.mark.parametrize(
    "bad",
    [{"port": "many"}, {"port": None}, {"limits": {"rate_limit": "x"}}, {"limits": {"other": 1}}, {"tls": "maybe"}],
)
def test_bad_input_is_a_filter_error(bad):
    with pytest.raises(AnsibleFilterError, match=r"corral\.ollama\.gateway: "):
        gateway(FLEET, **bad)


def test_an_error_does_not_tell_a_key():
    with pytest.raises(AnsibleFilterError) as raised:
        gateway(FLEET, keys=[{"name": "a", "key": "hunter2"}])
    assert "hunter2" not in str(raised.value)
    assert "'a'" in str(raised.value)


def test_the_service_is_the_same_for_whoever_asks():
    made = gateway_service("ollama", "/opt/corral/ollama", "haproxy:3.0.11")
    assert made == gateway_service("ollama", "/opt/corral/ollama", "haproxy:3.0.11")
    assert made["container_name"] == "ollama-gateway"
