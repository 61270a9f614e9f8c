"""Put the practice library on the path, and give the tests a practice registry of their own to break."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "practice" / "lib"))


@pytest.fixture(scope="session")
def own_front() -> Iterator[Any]:
    """A registry beside the default one, empty at first, gone afterwards."""
    from corral_practice import front, images, tls
    from corral_practice.down import down
    from corral_practice.engine import Site

    site = Site("corral-practice-test", 5444)
    tls.ensure_certificates()
    front.ensure_front(images.ensure_registry(), site)
    try:
        yield front.Front(site)
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CORRAL_PRACTICE_NAME", site.name)
            assert down([]) == 0


@pytest.fixture
def front(own_front: Any) -> Iterator[Any]:
    """The same with no fault and an empty log, before and after."""
    own_front.clear()
    own_front.clear_log()
    yield own_front
    own_front.clear()
