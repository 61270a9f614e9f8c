"""One browser for all tests; each opens its page in a context of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.corral.ollama.tests.browser import reader
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = reader.launched(playwright)
        yield one
        one.close()
