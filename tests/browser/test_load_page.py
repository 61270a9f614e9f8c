"""The page of the load tests as it is rendered: tables and curves are seen, in both schemes, on a phone too."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.load_page import load_page
from ansible_collections.corral.ollama.plugins.module_utils.core.load_report import load_report
from ansible_collections.corral.ollama.plugins.plugin_utils.artifacts import write_text
from ansible_collections.corral.ollama.tests.browser.reader import DESK, PHONE, opened
from ansible_collections.corral.ollama.tests.unit import loaded
from ansible_collections.corral.ollama.tests.unit.paged import HOSTILE
from playwright.sync_api import Browser

# With a host per name axe-core looks for a minute: the one with all the signs and the longest will do.
FEW = (HOSTILE[1], HOSTILE[-1])
REPORTS = {**loaded.reports(), "hostile": load_report({text: loaded.hostile(text) for text in FEW}, loaded.NOW)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    return {
        about: Path(write_text(str(folder), load_page(report), f"{about.replace(' ', '-')}.html"))
        for about, report in REPORTS.items()
    }


@pytest.mark.parametrize("about", REPORTS)
def test_it_is_quiet_fits_a_phone_and_bars_nobody(browser: Browser, pages: dict[str, Path], about: str) -> None:
    with opened(browser, pages[about], PHONE) as reader:
        reader.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert reader.sticking_out() == []
        assert reader.barriers() == []
        reader.page.emulate_media(color_scheme="dark")
        assert reader.barriers(runOnly=["color-contrast"]) == []
        reader.page.set_viewport_size({"width": DESK, "height": 800})
        assert reader.sticking_out() == []
        assert reader.noise == []


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_tables_and_curves_are_seen(browser: Browser, pages: dict[str, Path], width: int) -> None:
    with opened(browser, pages["well"], width) as reader:
        curves = reader.page.locator("figure")
        assert curves.count() >= 4
        for curve in curves.all():
            box = curve.locator("svg").bounding_box()
            assert box
            assert box["width"] > 200
            assert box["height"] > 60
        assert reader.page.get_by_role("table", name="Both views side by side").first.is_visible()
