"""The page of the fleet as it is rendered: what is seen, by whom, on what, and that names stay names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.cell_state import SIGNS, cell_state
from ansible_collections.corral.ollama.plugins.module_utils.core.columns import short
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.plugins.module_utils.core.markup import visible
from ansible_collections.corral.ollama.plugins.plugin_utils.artifacts import write_text
from ansible_collections.corral.ollama.tests.browser.reader import DESK, PHONE, SCHEMES, luminance, opened
from ansible_collections.corral.ollama.tests.unit.paged import EARLIER, HOSTILE, NOW, hostile, large, reports
from playwright.sync_api import Browser

# Each host has all the names on its instances. With a host per name axe-core looks for a minute.
FEW = {text: told for text, told in hostile().items() if text in (HOSTILE[1], HOSTILE[-1])}
REPORTS = {**reports(), "hostile": fleet_report(FEW, NOW, fleet_report(FEW, EARLIER))}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each report as its page, written the way the action writes it."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        about: Path(write_text(str(folder), fleet_page(report), f"{about.replace(' ', '-')}.html"))
        for about, report in REPORTS.items()
    }


@pytest.mark.parametrize("about", REPORTS)
def test_it_is_quiet_fits_a_phone_and_bars_nobody(browser: Browser, pages: dict[str, Path], about: str) -> None:
    with opened(browser, pages[about], PHONE) as reader:
        assert reader.sticking_out() == []
        assert reader.barriers() == []
        reader.page.emulate_media(color_scheme="dark")
        assert reader.barriers(runOnly=["color-contrast"]) == []
        # Unfolded, printed and in a wide window it is as quiet.
        reader.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert reader.sticking_out() == []
        reader.page.set_viewport_size({"width": DESK, "height": 800})
        assert reader.sticking_out() == []
        assert reader.noise == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_cell_of_the_matrix_is_seen_in_its_colours(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    (instance,) = (one for one in REPORTS["troubled"]["instances"] if len(one["models"]) > 1)
    wanted = {model["name"]: cell_state(model) for model in instance["models"]}
    assert set(wanted.values()) == set(SIGNS)
    with opened(browser, pages["troubled"], DESK, scheme) as reader:
        table = reader.page.get_by_role("table", name=f"Models on the instances of {instance['host']}")
        assert table.is_visible()
        heads = table.get_by_role("columnheader").all_inner_texts()
        row = table.get_by_role("row").filter(has=reader.page.get_by_role("rowheader", name=instance["name"]))
        cells = dict(zip(heads[1:], row.get_by_role("cell").all()))
        seen: dict[str, set[str]] = {}
        for name, state in wanted.items():
            sign, good = SIGNS[state]
            assert cells[name].is_visible()
            assert cells[name].inner_text().startswith(f"{sign} {state}")
            seen.setdefault(good, set()).add(cells[name].evaluate("one => getComputedStyle(one).backgroundColor"))
        # One colour for each of good, bad and open, and no two alike.
        assert [len(colours) for colours in seen.values()] == [1, 1, 1]
        assert len(set.union(*seen.values())) == 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_is_as_light_as_the_readers_system(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    with opened(browser, pages["troubled"], DESK, scheme) as reader:
        page, text = (luminance(reader.style("body", name)) for name in ("backgroundColor", "color"))
    assert (page > 0.8 and text < 0.2) if scheme == "light" else (page < 0.2 and text > 0.8)


def test_what_is_wrong_comes_before_everything_else(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["troubled"], PHONE) as reader:
        assert reader.page.get_by_role("heading", level=2).all_inner_texts()[:2] == ["Problems", "What to do next"]
        tops = [reader.page.locator(one).bounding_box() for one in (".verdict", "#problems", "#next", "#matrix")]
        heights = [box["y"] for box in tops if box]
    assert len(heights) == 4
    assert heights == sorted(heights)


def test_hosts_fold_and_unfold_and_tables_scroll_without_a_mouse(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["troubled"], PHONE) as reader:
        folded = reader.page.locator("details:not([open])")
        count = folded.count()
        folded.first.locator("summary").focus()
        reader.page.keyboard.press("Enter")
        assert folded.count() == count - 1
        wide = reader.page.get_by_role("group", name="Models on the instances of gpu-2")
        wide.focus()
        reader.page.keyboard.press("ArrowRight")
        reader.page.wait_for_function("box => box.scrollLeft > 0", arg=wide.element_handle())
        # The names of the rows stay where they can be read.
        box, name = wide.bounding_box(), wide.locator("tbody th").first.bounding_box()
        assert box
        assert name
        assert abs(name["x"] - box["x"]) < 3


def test_hostile_names_stay_names(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["hostile"], DESK) as reader:
        reader.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        read = reader.page.locator("body").inner_text()
        assert [text for text in HOSTILE if short(visible(text), 80) not in read] == []
        assert not set(read) & set("\u202e\u200b\u2028\x00\x07\x1b")
        assert reader.page.title() == f"✗ Ollama fleet, {NOW}"
        made = reader.page.evaluate("[...new Set([...document.querySelectorAll('*')].map(one => one.localName))]")
        assert not set(made) & {"script", "img", "svg", "a", "iframe", "object", "embed", "link", "form", "input", "b"}
        assert len(reader.page.get_by_role("heading", level=1).all()) == 1
        assert reader.page.evaluate("document.querySelectorAll('style').length") == 1
        # A name that is written from right to left does not turn what stands beside it.
        arabic = reader.page.locator("bdi", has_text="مرحبا").first
        assert arabic.evaluate("one => getComputedStyle(one).unicodeBidi") == "isolate"
        assert reader.noise == []


def test_nothing_could_come_in(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    """Were a name ever to become markup, the page's own policy stops it: this is the last line, so it is tried."""
    page = pages["well"].read_text(encoding="utf-8")
    evil = (
        "<img src='data:,x' onerror='document.title=1'><script>document.title=2</script><style>body{color:red}</style>"
    )
    attacked = tmp_path / "attacked.html"
    attacked.write_text(page.replace("</main>", f"{evil}</main>"), encoding="utf-8")
    with opened(browser, attacked) as reader:
        assert reader.page.title() == f"✓ Ollama fleet, {EARLIER}"
        assert reader.style("body", "color") != "rgb(255, 0, 0)"
        assert len([line for line in reader.noise if "Content Security Policy" in line]) >= 3


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    report: dict[str, Any] = fleet_report(large(), NOW, fleet_report(large(), EARLIER))
    return Path(write_text(str(tmp_path_factory.mktemp("large")), fleet_page(report), "large.html"))


def test_200_hosts_of_8_instances_and_20_models(browser: Browser, large_page: Path) -> None:
    with opened(browser, large_page, PHONE) as reader:
        assert reader.page.locator("#matrix ~ details").count() == 200
        assert reader.page.locator("details table tbody td").count() == 200 * 8 * 20
        assert reader.sticking_out() == []
        last = reader.page.locator("#matrix ~ details").last
        last.locator("summary").click()
        cell = last.locator("tbody td").last
        cell.scroll_into_view_if_needed()
        assert cell.is_visible()
        assert cell.inner_text().startswith("✓ answered")
        assert reader.sticking_out() == []
        assert reader.noise == []
