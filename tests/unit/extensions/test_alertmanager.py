# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event filter, called as ansible-rulebook calls it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FILTER = Path(__file__).resolve().parents[3] / "extensions/eda/plugins/event_filter/alertmanager.py"
NASTY = "{{ lookup('pipe', 'id') }}"


@pytest.fixture(scope="module")
def main():
    return runpy.run_path(str(FILTER))["main"]


def alert(name="CorralInstanceDown", status="firing", **labels):
    known = {"alertname": name, "host": "gpu1", "project": "ollama", **labels}
    return {"status": status, "labels": known, "annotations": {"summary": NASTY}, "startsAt": "2026-01-01T00:00:00Z"}


def message(*alerts, **more):
    payload = {"version": "4", "groupKey": NASTY, "status": "firing", "alerts": list(alerts), **more}
    return {"payload": payload, "meta": {"headers": {"X": NASTY}, "endpoint": NASTY}}


def test_an_event_for_each_host_and_fleet(main):
    found = main(
        message(
            alert(server="ollama-server-3"),
            alert(server="ollama-server-3", model="mistral:7b"),
            alert("CorralStoreDamaged", host="gpu2.example"),
            alert("CorralStoreDamaged", project="shop"),
            alert("CorralDrift", status="resolved"),
            alert("NodeDown"),
        )
    )
    assert [(one["corral"]["host"], one["corral"]["project"], one["meta"]) for one in found] == [
        ("gpu1", "ollama", {"hosts": ["gpu1"]}),
        ("gpu1", "shop", {"hosts": ["gpu1"]}),
        ("gpu2.example", "ollama", {"hosts": ["gpu2.example"]}),
    ]
    down = {"alert": "CorralInstanceDown", "host": "gpu1", "project": "ollama", "server": "ollama-server-3"}
    assert found[0]["corral"]["alerts"] == [down]


def test_the_key_is_of_what_fires(main):
    def key(*alerts):
        return main(message(*alerts))[0]["corral"]["key"]

    one, two = alert(server="s-1"), alert("CorralStoreDamaged")
    assert key(one, two) == key(two, one, one)
    assert key(one) != key(one, two) != key(two)


def test_nothing_of_the_message_but_names(main):
    found = main(message(alert(server=NASTY, model=NASTY, kind=NASTY)))
    assert NASTY not in str(found)
    assert "server" not in found[0]["corral"]["alerts"][0]


@pytest.mark.parametrize("label", ["alertname", "host", "project"])
@pytest.mark.parametrize("value", [NASTY, "", None, 7, ["gpu1"], "a b", "gpu1,gpu2", "gpu*", "!gpu1", "~gpu", "a:b"])
def test_a_label_that_is_no_name_takes_its_alert_along(main, label, value):
    bad = alert()
    bad["labels"][label] = value
    assert main(message(bad)) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"payload": None},
        {"payload": []},
        {"payload": {"alerts": None}},
        {"payload": {"alerts": {}}},
        {"payload": {"alerts": [None, 7, "x", {}, {"status": "firing"}, {"status": "firing", "labels": []}]}},
    ],
)
def test_what_is_no_message_makes_no_event(main, event):
    assert main(event) == []


def test_a_long_list_is_cut(main):
    found = main(message(*(alert(server=f"s-{number}") for number in range(600))))
    assert len(found[0]["corral"]["alerts"]) == 500


def test_other_names(main):
    assert main(message(alert("NodeDown")), prefix="Node")[0]["corral"]["alerts"][0]["alert"] == "NodeDown"
