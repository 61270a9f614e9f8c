# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project file between two definitions: who comes from where, that scalars stay as written, and hostile files."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.corral.ollama.plugins.module_utils.core.project_file import differing, image_of, merged
from ansible_collections.corral.ollama.plugins.module_utils.core.project_yaml import BadProject, parse_project

OLD = """\
# by hand
name: ollama
x-instance: &instance
  image: "a:1"
  tmpfs: [/tmp]
  environment:
    ANSWER: no
    TIME: 22:22
    MODE: 0777
    DAY: 2026-08-01
    MONEY: "$$5"
    LONG: 1_000
    NOTHING:
  command: [22:22, ~]
services:
  s-1:
    <<: *instance
    container_name: o-s-1
    volumes: [data_1, models]
  s-2:
    <<: *instance
    container_name: o-s-2
  s-3: {image: "c:1"}
volumes:
  data_1: {name: data_1}
  data_3: {name: data_3}
"""
NEW = OLD.replace("a:1", "b:2").replace('  s-3: {image: "c:1"}\n', "  s-4: {image: d:1}\n").replace("data_3", "data_4")


def project(text, what="there"):
    return parse_project(text, what)


def meaning(text, name):
    found = project(text)
    return found.digest(found.services[name])


def test_some_are_taken_and_the_others_stay():
    merge = merged(project(OLD), project(NEW), ["s-1", "s-4"], {})
    assert (merge.taken, merge.dropped) == (("s-1", "s-4"), ())
    assert meaning(merge.text, "s-1") == meaning(NEW, "s-1") != meaning(OLD, "s-1")
    assert meaning(merge.text, "s-2") == meaning(OLD, "s-2") != meaning(NEW, "s-2")
    assert meaning(merge.text, "s-3") == meaning(OLD, "s-3")
    document = yaml.safe_load(merge.text)
    assert list(document["services"]) == ["s-1", "s-2", "s-4", "s-3"]
    assert sorted(document["volumes"]) == ["data_1", "data_3", "data_4"]
    assert differing(project(merge.text), project(NEW)) == ("s-2", "s-3")


def test_scalars_stay_as_they_are_written():
    merge = merged(project(OLD), project(NEW), ["s-1"], {})
    for written in (
        "ANSWER: no",
        "TIME: 22:22",
        "MODE: 0777",
        "DAY: 2026-08-01",
        'MONEY: "$$5"',
        "LONG: 1_000",
        "NOTHING:",
    ):
        assert merge.text.count(f"{written}\n") == 2, written
    # where it cannot stay plain it becomes text, which is what Compose takes it for anyway
    assert merge.text.count("command: ['22:22', ~]\n") == 2


def test_the_last_one_makes_it_the_definition_byte_for_byte():
    half = merged(project(OLD), project(NEW), ["s-1", "s-4"], {}).text
    whole = merged(project(half), project(NEW), ["s-2", "s-3"], {})
    assert whole.text == NEW
    assert (whole.taken, whole.dropped) == (("s-2",), ("s-3",))
    back = merged(project(half), project(OLD), ["s-1", "s-4"], {})
    assert back.text == OLD
    assert (back.taken, back.dropped) == (("s-1",), ("s-4",))


def test_what_is_as_it_is_to_be_is_not_written_anew():
    half = merged(project(OLD), project(NEW), ["s-1"], {}).text
    again = merged(project(half), project(NEW), ["s-1"], {})
    assert (again.text, again.taken, again.dropped) == (half, (), ())
    assert merged(project(OLD), project(NEW), [], {}).text == OLD
    assert merged(project(OLD), project(NEW), ["gateway"], {}).text == OLD


def test_an_empty_place_gets_what_is_named():
    merge = merged(None, project(NEW), ["s-1"], {})
    assert list(project(merge.text).services) == ["s-1"]
    assert merged(None, project(NEW), ["s-1", "s-2", "s-4"], {}).text == NEW


@pytest.mark.parametrize("volumes", ["data_1", "models"])
def test_the_order_of_keys_styles_and_merges_do_not_count(volumes):
    flat = """
name: ollama
services:
  s-1: {container_name: "o", environment: {B: "1", A: "2"}, image: a}
  s-2: {volumes: [%s]}
"""
    folded = """
name: ollama
x: &x {image: wrong, environment: {A: '2', "B": "1"}}
y: &y {image: a}
services:
  s-1:
    <<: [*y, *x]
    container_name: 'o'
  s-2: {volumes: [data_1]}
""".replace("'o'", '"o"')
    assert differing(project(flat % volumes), project(folded)) == (() if volumes == "data_1" else ("s-2",))


def test_a_string_is_not_a_number():
    assert meaning("services: {s: {a: 1}}", "s") != meaning('services: {s: {a: "1"}}', "s")


def test_a_pin_replaces_the_image_and_nothing_else():
    merge = merged(project(NEW), project(OLD), ["s-1"], {"s-1": "a" * 64})
    there, old = project(merge.text), project(OLD)
    service, before = there.flat(there.services["s-1"]), old.flat(old.services["s-1"])
    assert {key for key in service if there.digest(service[key]) != old.digest(before[key])} == {"image"}
    assert sorted(service) == sorted(before)
    assert image_of(project(merge.text), "s-1") == "sha256:" + "a" * 64
    whole = merged(project(OLD), project(OLD), ["s-1"], {"s-1": "a" * 64})
    assert whole.taken == ("s-1",)
    again = merged(project(whole.text), project(OLD), ["s-1"], {"s-1": "a" * 64})
    assert (again.text, again.taken) == (whole.text, ())


@pytest.mark.parametrize("pin", ["", "a" * 63, "latest", "a" * 64 + "\n"])
def test_no_other_pin(pin):
    with pytest.raises(Exception, match="not a sha256"):
        merged(project(NEW), project(OLD), ["s-1"], {"s-1": pin})


def test_the_image_of_a_service():
    assert [image_of(project(OLD), name) for name in ("s-1", "s-3", "s-9")] == ["a:1", "c:1", ""]
    assert image_of(project("services: {s: {image: [x]}}"), "s") == ""


def test_another_project_is_left_alone():
    with pytest.raises(BadProject) as caught:
        merged(project(OLD.replace("name: ollama", "name: theirs")), project(NEW), ["s-1"], {})
    assert caught.value.kind == "another_project"
    for part in ("theirs", "ollama", "corral_project_dir"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["s 1", "s\n1", "../x", "", "a;b"])
def test_no_other_names(name):
    with pytest.raises(BadProject) as caught:
        merged(project(OLD), project(NEW), [name], {})
    assert caught.value.kind == "bad_input"


def bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    return "\n".join([*lines, "services: {s: {image: *a39}}"])


def merge_bomb():
    lines = ["a0: &a0 {k0: x}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}], k{n}: x}}" for n in range(1, 40)]
    return "\n".join([*lines, "services: {s: {<<: *a39}}"])


def test_aliases_upon_aliases_cost_nothing():
    """Written out they would be 9 to the power of 39."""
    assert list(project(bomb()).services) == ["s"]
    merges = project(merge_bomb())
    assert len(merges.flat(merges.services["s"])) == 40
    merge = merged(project(bomb()), project("services: {s: {image: b}}", "new"), ["s"], {})
    assert merge.taken == ("s",)


HOSTILE = [
    ("", "empty"),
    ("# only\n", "empty"),
    ("SECRET: [", "not YAML"),
    ("a: b: SECRET", "not YAML"),
    ("- SECRET", "a mapping belongs there"),
    ("SECRET", "a mapping belongs there"),
    ("services: [SECRET]", "a mapping belongs there"),
    ("services: {s: SECRET}", "is no mapping"),
    ("services: {s: {a: SECRET}, s: {}}", "twice"),
    ("services: {s: {a: SECRET, a: b}}", "twice"),
    ("services: {[SECRET]: {}}", "no text"),
    ("services: {s: {<<: SECRET}}", "a mapping belongs there"),
    ("services: {s: &s {a: [*s, SECRET]}}", "contains itself"),
    ("services: &s {s: {<<: *s, a: SECRET}, <<: *s}", "contains itself|mapping|twice|no project"),
    ("services: {s: {a: *SECRET}}", "not YAML"),
    ("a: 1\n---\nSECRET: 1", "not YAML"),
    ("\x00SECRET", "not YAML"),
    ("a: \x07SECRET", "not YAML"),
    ("[" * 5000 + "SECRET", "nested deeper"),
    ("{a: " * 5000 + "SECRET", "nested deeper"),
    ("- " * 5000 + "SECRET", "nested deeper"),
    ("a: [" + "x, " * 250_000 + "SECRET]", "longer"),
    ("SECRET " * 200_000, "longer"),
]


@pytest.mark.parametrize(("text", "told"), HOSTILE, ids=[str(number) for number in range(len(HOSTILE))])
def test_what_is_no_project_file_is_said_without_telling_what_is_in_it(text, told):
    with pytest.raises(BadProject, match=told) as caught:
        project(text, "The project file /x")
    assert "The project file /x" in str(caught.value)
    assert "SECRET" not in str(caught.value) + str(caught.value.as_dict())


def test_a_tag_of_python_constructs_nothing():
    text = "services: {s: {image: !!python/object/apply:os.system ['exit 1']}}"
    assert "python/object" in merged(project(text), project("services: {}", "new"), ["x"], {}).text


def test_nothing_is_not_an_empty_text():
    old = OLD.replace("  s-3: {", "  s-3: {environment: {FROM_OUTSIDE: , EMPTY: ''}, ")
    text = merged(project(old), project(NEW), ["s-1"], {}).text
    assert yaml.safe_load(text)["services"]["s-3"]["environment"] == {"FROM_OUTSIDE": None, "EMPTY": ""}
