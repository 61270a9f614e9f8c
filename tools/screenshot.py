#!/usr/bin/env python
"""Pictures of a fleet's page for the README, in light and dark, taken from a real report by Debian's Chromium.

Usage: make demo, then tools/screenshot.py [artifacts/fleet.html] [docs/images]
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZE = {"width": 1000, "height": 1260}
LIMIT = 200_000
BROWSERS = ("chromium-headless-shell", "chromium")


def taken(page: Path, folder: Path) -> list[Path]:
    """The top of the page, which has what people look for; one file per scheme."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        raise SystemExit("There is no Chromium: tools/chromium installs it.")
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
            opened = context.new_page()
            opened.goto(page.resolve().as_uri())
            files.append(folder / f"fleet-{scheme}.png")
            opened.screenshot(path=files[-1])
            context.close()
        browser.close()
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", type=Path, default=Path("artifacts/fleet.html"))
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/images"))
    wanted = parser.parse_args()
    for file in taken(wanted.page, wanted.folder):
        size = file.stat().st_size
        print(f"{file}: {size} bytes")
        if size > LIMIT:
            raise SystemExit(f"{file} has more than {LIMIT} bytes.")


if __name__ == "__main__":
    main()
