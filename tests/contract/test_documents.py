"""What the documents tell people to type or open exists, and what is generated from code is current."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.tests.contract import house

DOCUMENTS = [path for path in house.files("docs", suffixes=(".md",)) if "transcripts" not in path.parts] + [
    house.ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
]
RECORDS = house.ROOT / "docs/decisions"
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", house.text(house.ROOT / "Makefile"), re.MULTILINE))
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
TOP = {path.relative_to(house.ROOT).parts[0] for path in house.all_files()}
MADE = ("artifacts/", "build/", "dist/", ".cache/", ".venv")  # exist only after a command has run


def code(path: Path) -> list[str]:
    return [fenced or inline for fenced, inline in CODE.findall(house.text(path))]


@cache
def names() -> set[str]:
    """Everything that can be called ``corral.ollama.NAME``."""
    plugins = [path for path in house.files("plugins", suffixes=(".py",)) if "module_utils" not in path.parts]
    playbooks = house.files("playbooks", suffixes=(".yml",))
    events = house.files("extensions/eda", suffixes=(".py", ".yml"))
    return {path.stem for path in plugins + playbooks + events} | {role.name for role in house.roles()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.shown)
def test_make_targets_exist(path: Path):
    used = {target for text in code(path) for target in re.findall(r"(?:^|[\s;&])make ([a-z][a-z-]*)", text)}
    assert sorted(used - TARGETS) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.shown)
def test_full_names_exist(path: Path):
    used = set(re.findall(r"\bcorral\.ollama\.([a-z_]+)", house.text(path)))
    assert sorted(used - names()) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.shown)
def test_links_lead_somewhere(path: Path):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", house.text(path))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=house.shown)
def test_paths_exist(path: Path):
    used = {word.strip(".,;:") for text in code(path) for word in re.findall(r"(?<![\w/.<{-])[\w.-]+/[\w./-]*", text)}
    ours = {word for word in used if word.split("/")[0] in TOP and not word.startswith(MADE)}
    assert sorted(word for word in ours if not (house.ROOT / word).exists()) == []


def test_every_make_target_says_what_it_is_for():
    lines = house.text(house.ROOT / "Makefile").splitlines()
    assert [line for line in lines if re.match(r"[a-z][a-z-]*:(?!=)", line) and " ## " not in line] == []


def test_continuous_integration_runs_what_people_run():
    assert re.search(r"\bmake test$", house.text(house.ROOT / ".ci/run"), re.MULTILINE)
    assert (house.ROOT / ".ci/run").stat().st_mode & 0o111


def test_the_pages_list_all_there_is_and_say_what_it_does():
    readme, reference = house.text(house.ROOT / "README.md"), house.text(house.ROOT / "docs/reference.md")
    named = [path.stem for path in house.modules()] + [role.name for role in house.roles()]
    named += [
        path.stem for path in house.files("plugins/filter", "plugins/lookup", "plugins/inventory", suffixes=(".py",))
    ]
    assert [name for name in named if f"| `{name}` |" not in reference] == []
    assert [play.stem for play in house.files("playbooks") if f"| `{play.stem}` |" not in readme] == []
    assert re.findall(r"^\| `\w+` \|\s*\|$", readme + reference, re.MULTILINE) == []
    check = subprocess.run(
        [sys.executable, "tools/readme_tables.py", "--check"], cwd=house.ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_support_matrix_is_the_one_that_is_tested():
    """The table itself is written by tools/readme_tables.py, of the files that continuous integration reads."""
    readme = house.text(house.ROOT / "README.md")
    listed = re.findall(r"^\| (2\.\d+) \| (3\.\d+) \|$", readme, re.MULTILINE)
    lock = house.text(house.ROOT / "requirements/dev.txt")
    locked = re.findall(r"^ansible-core==(2\.\d+)\.\d+", lock, re.MULTILINE)
    assert sorted(core for core, _ in listed) == sorted(locked)
    # Whoever reads these, asks the matrix which cores there are.
    for path in ("tools/sanity", "tools/setup", "tests/release/test_release.py"):
        assert re.search(r"matrix", house.text(house.ROOT / path)), path


def test_a_host_in_the_support_matrix_has_a_scenario_that_runs():
    """And its versions are looked at there: molecule/conftest.py."""
    (seldom,) = re.findall(r"^seldom=\((.*)\)$", house.text(house.ROOT / "molecule/run"), re.MULTILINE)
    (line,) = re.findall(r"^Managed hosts: .*", house.text(house.ROOT / "README.md"), re.MULTILINE)
    hosts = re.findall(r"Debian (\w+) with .*?\(Molecule: (.*?)\)", line)
    assert len(hosts) > 1
    assert [name for name, where in hosts if set(re.findall(r"`(\w+)`", where)) <= set(seldom.split())] == []


def test_decision_records_are_numbered_titled_and_listed():
    records = sorted(path for path in RECORDS.glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    index = house.text(RECORDS / "README.md")
    for path in records:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
        title = house.text(path).splitlines()[0]
        assert title.startswith(f"# {path.name[:4]} "), path.name
        assert f"[{title.removeprefix('# ')}]({path.name})" in index, path.name
        headings = re.findall(r"^## (\w+)", house.text(path), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


def test_decision_records_that_are_mentioned_exist():
    known = {path.name[:4] for path in RECORDS.glob("[0-9]*.md")}
    mentioned = {
        (house.shown(path), number)
        for path in house.files(suffixes=(".py", ".yml", ".md", ".j2"))
        for number in re.findall(r"\bdecisions?[ /](\d{4})\b", house.text(path))
    }
    assert sorted(entry for entry in mentioned if entry[1] not in known) == []
