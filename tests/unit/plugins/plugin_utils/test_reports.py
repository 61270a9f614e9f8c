# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a report: all of it, in pieces that AWX does not cut."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.plugin_utils.reports import EVENT, pieces, show


@pytest.mark.parametrize("lines", [[], ["one"], ["", "a", ""], ["x" * 70] * 200, ["y" * 2000, "z"], ["é"] * 1000])
def test_pieces_are_whole_lines_and_no_longer_than_an_event(lines):
    found = list(pieces(lines))
    assert [line for piece in found for line in piece.split("\n")] == lines
    for piece in found:
        assert "\n" not in piece or len(piece.replace("\n", "\r\n")) <= EVENT


def test_as_few_as_can_be():
    assert len(list(pieces(["x" * 70] * 12))) == 1
    assert len(list(pieces(["x" * 70] * 13))) == 2


def test_a_table_is_shown_as_it_is():
    shown = []

    class Display:
        def display(self, text):
            shown.append(text)

    show(Display(), "a\n\nb\n" * 400)
    assert "\n".join(shown) == ("a\n\nb\n" * 400).rstrip("\n")
    assert len(shown) > 1
