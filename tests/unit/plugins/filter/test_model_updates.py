# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter model_updates: each kind of model, and what a person reads about it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.model_updates import FilterModule, model_updates_filter

NAME, OLD, NEW = "mistral:7b", "a" * 64, "b" * 64


def row(**changes):
    plain = {"name": NAME, "digest": OLD, "target_digest": OLD, "action": "none", "reason": "", "bytes_to_fetch": 0}
    return {**plain, "problem": "", **changes}


def pull(**changes):
    return row(
        action="pull", target_digest=NEW, bytes_to_fetch=2_000_000, reason="the registry now serves it", **changes
    )


def one(entry, found, **more):
    (update,) = model_updates_filter([entry], [found], **more)
    return update


@pytest.mark.parametrize(
    ("entry", "found", "state", "new", "sentence"),
    [
        (NAME, row(), "current", OLD, ""),
        (NAME, row(problem="Nobody answers."), "current", OLD, f"{NAME}: Nobody answers."),
        (NAME, pull(), "moved", NEW, f"{NAME} moves from aaaaaaaaaaaa to bbbbbbbbbbbb, 2.0 MB to fetch"),
        (NAME, pull(digest=""), "added", NEW, f"{NAME} is new here (bbbbbbbbbbbb), 2.0 MB to fetch"),
        (
            NAME,
            pull(digest=NEW),
            "completed",
            NEW,
            f"{NAME} is completed at bbbbbbbbbbbb (the registry now serves it), 2.0 MB to fetch",
        ),
        (NAME, pull(problem="no such model"), "unknown", OLD, f"{NAME}: no such model"),
        # the same content under another digest, written by a server before 0.19.0
        (NAME, row(target_digest=NEW), "current", OLD, ""),
        (
            {"name": NAME, "digest": OLD},
            row(target_digest=NEW),
            "held",
            NEW,
            f"{NAME} is held at aaaaaaaaaaaa by its pin; the registry serves bbbbbbbbbbbb",
        ),
        ({"name": NAME, "digest": OLD}, row(), "current", OLD, ""),
        ({"name": NAME, "digest": OLD}, row(problem="gone"), "current", OLD, f"{NAME}: gone"),
        (
            {"name": NAME, "digest": NEW},
            pull(),
            "moved",
            NEW,
            f"{NAME} moves from aaaaaaaaaaaa to bbbbbbbbbbbb, 2.0 MB to fetch",
        ),
        (
            {"name": NAME, "state": "absent"},
            row(action="remove", target_digest=""),
            "removed",
            "",
            f"{NAME} is removed, as it is declared absent",
        ),
        ({"name": NAME, "state": "absent"}, row(digest="", target_digest=""), "current", "", ""),
    ],
)
def test_what_becomes_of_a_model(entry, found, state, new, sentence):
    update = one(entry, found)
    assert (update["state"], update["new"], update["sentence"]) == (state, new, sentence)
    assert update["old"] == found["digest"]
    assert update["digest"] == (OLD if state == "held" else new)


def test_afterwards_the_digest_is_the_one_that_is_there():
    third = "c" * 64
    assert one(NAME, pull(), after=[row(digest=third)])["new"] == third
    assert one(NAME, pull(), after=[row(digest=third)])["old"] == OLD


def test_one_that_went_back():
    update = one(NAME, pull(), after=[row()], went_back=[NAME])
    assert (update["state"], update["old"], update["new"], update["digest"]) == ("went_back", OLD, NEW, OLD)
    assert update["sentence"] == f"{NAME} is aaaaaaaaaaaa again, as bbbbbbbbbbbb did not answer"


def layers(weights, template):
    kinds = {"model": weights, "template": template}
    return [{"digest": digest, "media_type": f"application/vnd.ollama.image.{kind}"} for kind, digest in kinds.items()]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (layers("w", "t1"), layers("w", "t2"), True),
        (layers("w1", "t"), layers("w2", "t"), False),
        ([], layers("w", "t"), False),
        ([], [], False),
    ],
)
def test_whether_the_weights_stay(old, new, same):
    assert one(NAME, pull(layers=old, target_layers=new))["same_weights"] is same


def test_what_cannot_be_meant_is_an_error():
    with pytest.raises(AnsibleFilterError, match="models entry 1"):
        FilterModule().filters()["model_updates"](["bad name!"], [])
