"""What alerts may start: the same list wherever it stands, and rulebooks that differ in nothing but their door."""

from __future__ import annotations

import re

import yaml
from ansible_collections.corral.ollama.plugins.module_utils.core.response_plan import DEFAULTS
from ansible_collections.corral.ollama.plugins.module_utils.core.response_record import ACTIONS
from ansible_collections.corral.ollama.tests.contract import house

RULEBOOKS = house.ROOT / "extensions/eda/rulebooks"
GUIDE = house.text(house.ROOT / "docs/guides/eda.md")


def rulebook(name: str) -> dict:
    (ruleset,) = house.data(RULEBOOKS / f"{name}.yml")
    return ruleset


def test_the_allow_list_is_the_same_everywhere():
    documented = yaml.safe_load(house.doc_blocks(house.ROOT / "plugins/modules/response.py")["DOCUMENTATION"])
    specs = house.data(house.ROOT / "roles/response/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert documented["options"]["actions"]["default"] == DEFAULTS == specs["response_actions"]["default"]
    rows = [line for line in GUIDE.splitlines() if line.startswith("| [Corral")]
    told = {name: row.split("`")[1] for row in rows for name in re.findall(r"\[(Corral\w+)\]", row)}
    assert told == DEFAULTS
    assert set(DEFAULTS.values()) == set(ACTIONS)


def test_only_alerts_that_there_are_and_that_name_what_is_needed():
    rules = house.text(house.ROOT / "roles/monitoring/templates/rules.yml.j2")
    assert [name for name in DEFAULTS if f"alert: {name}\n" not in rules] == []
    restarted = [name for name, action in DEFAULTS.items() if action == "restart"]
    pages = {name: house.text(house.ROOT / f"docs/runbook/{name}.md") for name in restarted}
    assert [name for name, page in pages.items() if "`server`" not in page] == []


def test_no_rulebook_listens_without_a_token_and_none_runs_anything_else():
    for path in sorted(RULEBOOKS.glob("*.yml")):
        ruleset = rulebook(path.stem)
        (source,), (rule,) = ruleset["sources"], ruleset["rules"]
        assert source["eda.builtin.webhook"]["token"] == "{{ corral_eda_token }}", path.name
        assert source["filters"] == [{"corral.ollama.alertmanager": None}], path.name
        play = rule["action"]["run_playbook"]
        assert play["name"] == "corral.ollama.respond", path.name
        assert play["extra_vars"] == {"response_alerts": "{{ event.corral.alerts }}"}, path.name


def test_only_the_one_with_tls_listens_for_others():
    plain, tls = rulebook("respond"), rulebook("respond_tls")
    doors = [one["sources"][0]["eda.builtin.webhook"] for one in (plain, tls)]
    assert "default('127.0.0.1')" in doors[0]["host"]
    assert set(doors[1]) - set(doors[0]) == {"certfile", "keyfile"}
    for one in (plain, tls):
        one["sources"][0] = {**one["sources"][0], "eda.builtin.webhook": {}}
    assert plain == tls
