"""The commands in the documents: what they call is there and takes what they give it.

None of them is run here: the Molecule scenario `documents` runs them.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from functools import cache
from typing import Any

import pytest
import yaml
from ansible_collections.corral.ollama.tests.contract import house

sys.path.insert(0, str(house.ROOT / "tools"))

from commands import Command, commands

EVERY = commands()
PLAYS = [command for command in EVERY if command.words[0] == "ansible-playbook"]
MODULES = [command for command in EVERY if command.words[0] == "ansible" and "corral.ollama." in command.text]
FLAGS = {"--check", "--diff", "--become", "-K"}
TAKES = {"-i", "-e", "--limit", "-m", "-a", "--forks"}


def shown(command: Command) -> str:
    return f"{command.document}:{command.line}"


@cache
def inputs() -> set[str]:
    """Everything that a role or a playbook of the collection asks for."""
    texts = [house.text(path) for path in house.files("roles", "playbooks", suffixes=(".yml",))]
    names = {name for text in texts for name in re.findall(r"\bcorral_[a-z0-9_]+", text)}
    for role in house.roles():
        names |= set(house.data(role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options", {}))
    return names


def options(command: Command) -> dict[str, list[str]]:
    """The values of each option; what is no option stands under an empty name."""
    found: dict[str, list[str]] = {}
    words = iter(command.words[1:])
    for word in words:
        assert not word.startswith("-") or word in FLAGS | TAKES, (
            f"{shown(command)}: is {word} an option of {command.text}?"
        )
        name, value = (word, next(words)) if word in TAKES else (word, "") if word in FLAGS else ("", word)
        found.setdefault(name, []).append(value)
    return found


def given(values: list[str]) -> dict[str, Any]:
    """The variables of -e or -a: a mapping, or pairs."""
    found: dict[str, Any] = {}
    for value in values:
        read = (
            json.loads(value) if value.lstrip().startswith("{") else dict(p.split("=", 1) for p in shlex.split(value))
        )
        found.update(read)
    return found


def test_there_are_some():
    assert len(PLAYS) > 50


@pytest.mark.parametrize("command", PLAYS, ids=shown)
def test_a_playbook_is_there_and_knows_its_variables(command: Command):
    found = options(command)
    (name,) = found[""]
    assert (house.ROOT / "playbooks" / f"{name.removeprefix('corral.ollama.')}.yml").exists()
    assert sorted(set(given(found.get("-e", []))) - inputs()) == []


@pytest.mark.parametrize("command", MODULES, ids=shown)
def test_a_module_is_there_and_knows_its_options(command: Command):
    found = options(command)
    (name,) = found["-m"]
    documented = yaml.safe_load(
        house.doc_blocks(house.ROOT / f"plugins/modules/{name.split('.')[-1]}.py")["DOCUMENTATION"]
    )
    fragments = " ".join(documented.get("extends_documentation_fragment", []))
    wanted = set(given(found.get("-a", [])))
    unknown = wanted - set(documented.get("options", {}))
    known = {entry for entry in unknown if re.search(rf"^ +{entry}:$", in_fragments(fragments), re.MULTILINE)}
    assert sorted(unknown - known) == []


@cache
def in_fragments(names: str) -> str:
    stems = {name.removeprefix("corral.ollama.").split(".")[0] for name in names.split()}
    return "\n".join(house.text(house.ROOT / f"plugins/doc_fragments/{stem}.py") for stem in sorted(stems))
