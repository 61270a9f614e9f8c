"""inventories/awx and extensions/awx_project know every playbook; what is asked is what the roles take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.awx_kinds import KINDS
from ansible_collections.corral.ollama.plugins.module_utils.core.awx_wish import SLICEABLE, wish_problems
from ansible_collections.corral.ollama.tests.contract import house
from ansible_collections.corral.ollama.tests.unit import fake_awx_rules as rules

PLAYBOOKS = house.files("playbooks", suffixes=(".yml",))
PROJECT = house.ROOT / "extensions/awx_project"
DATA: dict[str, Any] = {}
for file in house.files("inventories/awx/group_vars", suffixes=(".yml",)):
    DATA.update(house.data(file))
# Each entry of a subject's file, with what all templates share.
SUBJECTS = re.findall(r"corral_awx_templates_\w+", DATA["controller_templates"])
DATA["controller_templates"] = [{**DATA["corral_awx_template"], **item} for name in SUBJECTS for item in DATA[name]]
SPECS = [house.data(role / "meta/argument_specs.yml")["argument_specs"]["main"] for role in house.roles()]
OPTIONS = {name: option for spec in SPECS for name, option in (spec.get("options") or {}).items()}
TEMPLATES = {Path(item["playbook"]).stem: item for item in DATA["controller_templates"]}
SURVEYS = [(name, item["survey_spec"]["spec"]) for name, item in sorted(TEMPLATES.items())]
WORKFLOWS = [(item["name"], item["survey_spec"]["spec"]) for item in DATA["controller_workflows"]]
TYPES = {
    "int": ("integer",),
    "float": ("integer", "float"),
    "bool": ("multiplechoice",),
    "str": ("text", "textarea", "multiplechoice", "password"),
    "list": ("multiselect",),
    "raw": ("integer", "text"),
}
# What a project lists as a playbook, as AWX 24 looks for it.
LISTED = re.compile(r"^\s*-?\s*(?:hosts|include|import_playbook|ansible\.builtin\.import_playbook):", re.MULTILINE)


def playbooks_of(playbook: Path) -> list[Path]:
    """A playbook and those that it imports."""
    imported = [play.get("ansible.builtin.import_playbook") for play in house.data(playbook)]
    return [playbook, *(path for name in imported if name for path in playbooks_of(playbook.parent / name))]


def roles_of(playbook: Path) -> set[str]:
    """The roles that a playbook runs, those that they include as well."""
    plays = [play for path in playbooks_of(playbook) for play in house.data(path)]
    named = {entry["role"].rpartition(".")[2] for play in plays for entry in play.get("roles", [])}
    ahead = set(named)
    while ahead:
        role = ahead.pop()
        text = "".join(house.text(path) for path in house.files(f"roles/{role}/tasks"))
        found = set(re.findall(r"name: corral\.ollama\.(\w+)", text)) - named
        named |= found
        ahead |= found
    return named


def inputs_of(playbook: Path) -> dict[str, list[dict[str, Any]]]:
    """Every variable that a playbook takes, with the options of roles that it becomes."""
    inputs: dict[str, list[dict[str, Any]]] = {}
    for role in roles_of(playbook):
        for name, value in (house.data(house.ROOT / f"roles/{role}/defaults/main.yml") or {}).items():
            for known in (name, *re.findall(r"\b(corral_\w+)", str(value))):
                inputs.setdefault(known, []).append(OPTIONS[name])
        inputs.update({name: [option] for name, option in OPTIONS.items() if name.startswith(f"{role}_")})
    for path in playbooks_of(playbook):
        for name in re.findall(r"\b(corral_\w+)", house.text(path)):
            inputs.setdefault(name, [])
    return inputs


def resolved(value: Any) -> Any:
    """Data with what stands in site.yml instead of the names that stand for it."""
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, str):
        return value
    named = re.fullmatch(r"{{ (corral_awx_\w+) }}", value)
    return DATA[named[1]] if named else re.sub(r"{{ (corral_awx_\w+) }}", lambda name: str(DATA[name[1]]), value)


def test_nothing_is_declared_that_awx_would_not_take():
    aap = {"organizations": "aap_organizations"}
    named = {kind.option: aap.get(kind.option, f"controller_{kind.option}") for kind in KINDS}
    assert wish_problems({option: resolved(DATA[name]) for option, name in named.items()}) == []


def test_the_stand_in_takes_it_too():
    """Its rules are what AWX was seen to do, written down apart from those of the collection."""
    for _name, item in sorted(TEMPLATES.items()):
        rules.survey(item["survey_spec"])
    for item in DATA["controller_schedules"]:
        rules.rrule(resolved(item["rrule"]))
        template = next(one for one in TEMPLATES.values() if one["name"] == item["unified_job_template"])
        rules.launch(template, item["extra_data"], asks_variables=False)
    for item in DATA["controller_credential_types"]:
        rules.credential_type(item)
    for item in DATA["controller_notifications"]:
        rules.notification(item)


def test_every_playbook_has_a_job_template_and_a_place_in_the_project():
    names = [path.stem for path in PLAYBOOKS]
    assert sorted(TEMPLATES) == names, "inventories/awx/group_vars/awx_controllers/templates.yml"
    found = {path.stem: house.data(path) for path in house.files("extensions/awx_project/playbooks")}
    assert sorted(found) == names, "extensions/awx_project/playbooks"
    for name, plays in found.items():
        assert [play["ansible.builtin.import_playbook"] for play in plays] == [f"corral.ollama.{name}"]
        assert LISTED.search(house.text(PROJECT / f"playbooks/{name}.yml"))
        assert TEMPLATES[name]["playbook"] == f"playbooks/{name}.yml"
        assert TEMPLATES[name]["name"] == f"corral_{name}"


@pytest.mark.parametrize(("name", "questions"), SURVEYS, ids=[name for name, _ in SURVEYS])
def test_a_survey_asks_what_the_playbook_takes(name: str, questions: list[dict[str, Any]]):
    inputs = inputs_of(house.ROOT / f"playbooks/{name}.yml")
    for question in questions:
        variable = question["variable"]
        assert variable in inputs, f"no role of {name} takes {variable}"
        options = inputs[variable]
        kinds = {option["type"] for option in options}
        assert not options or any(question["type"] in TYPES[kind] for kind in kinds), (variable, kinds)
        if kinds == {"bool"}:
            assert sorted(question["choices"]) == ["false", "true"], variable
        for option in options:
            unknown = set(question.get("choices", [])) - set(option.get("choices") or question.get("choices", []))
            assert unknown == set(), f"{variable}: no such choice: {sorted(unknown)}"
            assert not option.get("choices") or question.get("choices"), (
                f"{variable} is asked for as a text, and is a choice"
            )


@pytest.mark.parametrize(("name", "questions"), SURVEYS + WORKFLOWS, ids=[name for name, _ in SURVEYS + WORKFLOWS])
def test_every_answer_is_bounded(name: str, questions: list[dict[str, Any]]):
    for question in questions:
        limits = {"text": {"max"}, "integer": {"min", "max"}, "float": {"min", "max"}}.get(
            question["type"], {"choices"}
        )
        assert limits <= question.keys(), f"{question['variable']} has no {sorted(limits - question.keys())}"


@pytest.mark.parametrize(("name", "questions"), SURVEYS, ids=[name for name, _ in SURVEYS])
def test_an_answer_that_nobody_gave_is_the_default_of_the_role(name: str, questions: list[dict[str, Any]]):
    """And a question about an input of the inventory has no default, as an answer beats the inventory."""
    for question in questions:
        variable, default = question["variable"], question.get("default")
        if variable.startswith("corral_"):
            assert default is None, variable
        elif not question["required"] and default is not None:
            real = OPTIONS[variable]["default"]
            assert default == (str(real).lower() if isinstance(real, bool) else real), variable


@pytest.mark.parametrize("role", house.roles(), ids=house.shown)
def test_what_a_survey_answers_with_text_is_read_as_a_truth_value(role: Path):
    """AWX has no such type: true arrives as "true", which Ansible refuses in a condition."""
    asked = {q["variable"] for _, spec in SURVEYS for q in spec if sorted(q.get("choices", [])) == ["false", "true"]}
    defaults = (house.data(role / "defaults/main.yml") or {}).items()
    fed = asked | {name for name, value in defaults if asked & set(re.findall(r"^{{ (\w+)", str(value)))}
    bare = re.compile(rf"\b({'|'.join(sorted(fed))})\b(?!\s*\|\s*bool)")
    found = [
        f"{house.shown(path)}: {task.get('name')}: {condition}"
        for path in house.files(f"roles/{role.name}/tasks", suffixes=(".yml",))
        for task in house.tasks(path)
        for condition in (task.get("when"), (task.get("ansible.builtin.assert") or {}).get("that"))
        if bare.search(str(condition))
    ]
    assert found == []


def test_a_workflow_asks_what_its_jobs_take():
    for item in DATA["controller_workflows"]:
        named = {node["unified_job_template"]["name"].removeprefix("corral_") for node in item["workflow_nodes"]}
        taken = {name for job in named & set(TEMPLATES) for name in inputs_of(house.ROOT / f"playbooks/{job}.yml")}
        assert {question["variable"] for question in item["survey_spec"]["spec"]} <= taken, item["name"]


def test_every_playbook_is_run_as_awx_runs_it():
    """tests/runner, which is not in every run of the tests."""
    launched = "".join(house.text(path) for path in house.files("tests/runner", suffixes=(".py",)))
    assert [path.stem for path in PLAYBOOKS if f'"{path.stem}"' not in launched] == []


def test_playbooks_that_coordinate_hosts_are_never_sliced():
    assert set(SLICEABLE) < set(TEMPLATES)
    for name, item in TEMPLATES.items():
        assert item["ask_job_slice_count_on_launch"] is (name in SLICEABLE)
        text = house.text(house.ROOT / f"playbooks/{name}.yml")
        assert name not in SLICEABLE or "serial" not in text
    for path in PLAYBOOKS:
        assert path.stem not in SLICEABLE or "distribution" not in roles_of(path)


def test_nothing_asks_a_person_while_it_runs():
    for path in house.files("playbooks", "roles", suffixes=(".yml",)):
        assert not re.search(r"vars_prompt|\bpause:\s*\n\s+prompt", house.text(path)), house.shown(path)


def test_no_secret_is_in_the_data():
    fields = [field for item in DATA["controller_credentials"] for field in item["inputs"].items()]
    hooks = [item["notification_configuration"] for item in DATA["controller_notifications"]]
    fields += [field for hook in hooks for field in hook.items()]
    for name, value in fields:
        if re.search(r"key|token|password", name):
            assert re.fullmatch(r"{{ \w+ }}", value), name
            assert "lookup(" in DATA[value.strip("{} ")], name
