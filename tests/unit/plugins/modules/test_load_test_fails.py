# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``load_test`` where something is missing or goes wrong: what it says, and that nothing is left behind."""

from __future__ import annotations

import os

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import load_test as glue
from ansible_collections.corral.ollama.tests.unit.load_engine import Engine, answering, generating


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (
            {"code": 1, "said": b"ImportError: no locust"},
            "ended with status 1, without a result. ImportError: no locust",
        ),
        (
            {"code": 137, "oom": True},
            "ended with status 137, for want of memory, without a result. Give it more memory",
        ),
        ({"play": answering(finished=False)}, "ended with status 0, without a result."),
    ],
)
def test_a_generator_that_fails_says_why_and_is_removed(tmp_path, engine, words):
    double = Engine(**engine)
    with generating(double, tmp_path) as run:
        found = run()
    assert found.kind == "load_generator_failed"
    assert words in found.msg
    assert double.removed == ["generator"]
    assert not list((tmp_path / "load").glob("run-*/in"))


def test_one_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(glue, "_END", 0.05)
    engine = Engine(answering(), ends=False)
    with generating(engine, tmp_path) as run:
        assert run()["load"]["requests"] == 10
    assert engine.removed == ["generator"]


def test_without_its_image(tmp_path):
    with generating(Engine(), tmp_path) as run:
        found = run(image="locustio/locust:0.0.0")
    assert found.kind == "image_missing"
    assert "docker pull locustio/locust:0.0.0" in found.msg


def test_without_the_action_plugin(tmp_path):
    with generating(Engine(), tmp_path) as run:
        assert run(generator={}).kind == "no_action_plugin"


def test_bad_options_are_named_together(tmp_path):
    with generating(Engine(), tmp_path) as run:
        found = run(rate=-1.0, concurrency=0, check=True)
    assert found.kind == "bad_input"
    assert "(1) rate is -1.0." in found.msg
    assert "(2) concurrency is 0." in found.msg


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "load").write_text("a file")
    with generating(Engine(), tmp_path) as run:
        assert run().kind == "load_folder"


@pytest.mark.parametrize("name", ["requests.jsonl", "progress.json"])
def test_links_that_the_generator_left_are_not_followed(tmp_path, name):
    def play(plan, out):
        answering()(plan, out)
        (out / name).rename(tmp_path / "elsewhere")
        os.symlink(tmp_path / "elsewhere", out / name)

    with generating(Engine(play), tmp_path) as run:
        found = run()
    assert found.failed or found["load"]["requests"] == 0


def test_lines_that_are_no_records_are_told(tmp_path):
    def play(plan, out):
        answering()(plan, out)
        with (out / "requests.jsonl").open("ab") as file:
            file.write(b'{"half\n[1]\nnull\n\xff\xfe\n{"mix": 9}\n' + b"[" * 100_000)

    with generating(Engine(play), tmp_path) as run:
        found = run()
    assert found["load"]["requests"] == 10
    assert found["warnings"] == ["1 lines of the results could not be read."]
