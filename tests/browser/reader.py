"""A reader of our pages: Debian's Chromium, who notes whatever a page does besides being there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright

PHONE, DESK = 360, 1280
SCHEMES = ("light", "dark")
_NAMES = ("chromium-headless-shell", "chromium")

#: What sticks out of the window to the right, and is not inside a box that scrolls by itself.
_STICKING_OUT = """() => [...document.body.querySelectorAll("*")]
  .filter(one => !one.parentElement.closest(".scroll"))
  .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(one => one.outerHTML.slice(0, 200))"""


def launched(playwright: Playwright) -> Browser:
    found = [path for path in map(shutil.which, _NAMES) if path]
    assert found, "No Chromium: make browser installs it."
    # A test runs as whoever builds, which is root in a container, and there the sandbox cannot be made.
    return playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox", "--disable-gpu"])


class Opened:
    """An open page. ``noise`` is what it asked for, said, or did by itself: it has to stay empty."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page, self.noise = page, list[str]()
        page.on("request", lambda request: self._heard("request", request.url, but=path.as_uri()))
        page.on("console", lambda message: self._heard("console", message.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))
        page.on("dialog", lambda dialog: (self._heard("dialog", dialog.message), dialog.dismiss()))
        page.on("popup", lambda popup: self._heard("popup", popup.url))
        page.goto(path.as_uri())

    def _heard(self, kind: str, text: str, but: str = "") -> None:
        if text != but:
            self.noise.append(f"{kind}: {text}")

    def texts(self, selector: str) -> list[str]:
        """As they are rendered; what is folded away has none."""
        return self.page.locator(selector).all_inner_texts()

    def style(self, selector: str, name: str) -> str:
        script = "(one, name) => getComputedStyle(one)[name]"
        return str(self.page.locator(selector).first.evaluate(script, name))

    def sticking_out(self) -> list[str]:
        """What would make a reader scroll sideways; the document's own width included."""
        wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return [*(["the page"] if wide else []), *self.page.evaluate(_STICKING_OUT)]

    def barriers(self, **options: Any) -> list[str]:
        """What axe-core has against it, with the first place of each."""
        found = Axe().run(self.page, options=options or None).response["violations"]
        return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]


@contextmanager
def opened(browser: Browser, path: Path, width: int = DESK, scheme: str = "light") -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        yield Opened(context.new_page(), path)
    finally:
        context.close()


def luminance(colour: str) -> float:
    """0 for black, 1 for white; of ``rgb(…)`` as a browser computes it."""
    red, green, blue = (int(part) / 255 for part in colour[4:-1].split(","))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
