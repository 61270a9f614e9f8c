# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever servers answer and files hold, a scrape is whole: it can be parsed, and says that the rest serves."""

from __future__ import annotations

import functools
import json
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.exporter import servers
from ansible_collections.corral.ollama.tests.unit.exported import SERVERS, config, exporting
from ansible_collections.corral.ollama.tests.unit.fake_ollama import FakeOllama, manifest
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ONE, TWO = SERVERS
PATHS = ("/api/version", "/api/tags", "/api/ps")
FILES = (
    "state/proofs.json",
    "state/rollout/rollout.json",
    "state/rollout/.corral.lease",
    "store/.corral.lease",
    "store/.corral/scrub.json",
    "store/manifests/registry.ollama.ai/library/mistral/7b",
)
TEXT = st.text(max_size=12) | st.sampled_from(
    ["mistral:7b", 'x"} 1\n# ', "\ud800", "\\", "\u2028", "2026-11-21T22:00:00Z"]
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just(10**400)
KEYS = st.sampled_from(
    ["models", "name", "model", "digest", "size", "size_vram", "expires_at", "version", "context_length"]
)
FILE_KEYS = st.sampled_from(
    ["schema", "proofs", "failures", "at", "scrub", "ended_at", "findings_by_kind", "expires_at"]
)
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | FILE_KEYS | TEXT, inner, max_size=6),
    max_leaves=20,
)
MODELS = st.fixed_dictionaries({"models": st.lists(st.dictionaries(KEYS, LEAF, max_size=8), max_size=6)})
DATA = st.binary(max_size=60) | (JSON | MODELS).map(lambda value: json.dumps(value).encode())
ANSWERS = st.fixed_dictionaries(
    {path: st.builds(Answer, status=st.sampled_from([200, 200, 200, 404, 500]), body=DATA) for path in PATHS}
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """One exporter for all examples, as on a host: what it remembers of one must not spoil the next."""
    folder = tmp_path_factory.mktemp("host")
    for path in FILES:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / "store/blobs").mkdir()
    with FakeOllama() as good, FakeOllama() as bad:
        good.models["mistral:7b"] = manifest("a", "b")
        wanted = config([good.url, bad.url], folder, times={"cache": 0, "store": 0, "part": 30, "request": 20})
        at_once = functools.partial(servers.listed, delay=0)
        with mock.patch.object(servers, "listed", at_once), exporting(wanted, CorralError("no engine")) as scraped:
            yield folder, bad, scraped


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=ANSWERS, files=st.fixed_dictionaries({}, optional={path: DATA for path in FILES}))
def test_a_scrape_is_always_whole(rig, answers, files):
    folder, bad, scraped = rig
    for path, answer in answers.items():
        bad.on("GET", path, answer)
    for path in FILES:
        (folder / path).unlink(missing_ok=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    found = scraped.values()
    assert found[f"up{{server={ONE}}}"] == 1
    assert found[f"up{{server={TWO}}}"] in (0, 1)
    assert found["scrape_part_ok{part=servers}"] == 1
    assert all(value == value and abs(value) != float("inf") for name, value in found.items() if "process" not in name)
