# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of the page, as they stand in its style sheet, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.tests.unit.strict_page import Page

PAGE = Page(fleet_page(fleet_report({}, "2026-11-22T10:00:00Z")))
(SHEET,) = PAGE.texts["style"]
LIGHT, DARK = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part)) for part in SHEET.split("@media", 1))
PAIRS = sorted(set(re.findall(r"[ {]color: var\(--([a-z-]+)\); background: var\(--([a-z-]+)\)", SHEET)))


def luminance(colour):
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("front", "back"), PAIRS)
@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_pair_of_colours_can_be_read(scheme, front, back):
    assert contrast(scheme[front], scheme[back]) >= 4.5


def test_no_colour_escapes_the_pairs():
    assert LIGHT.keys() == DARK.keys()
    assert len(PAIRS) >= 5
    assert len(re.findall(r"[ {](?:color|background): ", SHEET)) == sum(
        len(re.findall(f"color: var\\(--{front}\\); background: var\\(--{back}\\)", SHEET)) * 2 for front, back in PAIRS
    )
    assert re.sub(r"--[a-z-]+: #[0-9a-f]{6};", "", SHEET).count("#") == 0


def test_the_policy_lets_in_this_style_sheet_and_nothing_else():
    policies = [given["content"] for given in PAGE.all("meta") if "http-equiv" in given]
    digest = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()
    assert policies == [f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"]


def test_it_fits_a_phone():
    assert ".scroll { overflow-x: auto;" in SHEET
    assert re.search(r"tbody th \{ position: sticky; left: 0;", SHEET)
