# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole exporter over its own door: what a scrape shows and costs, whatever is behind it."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
import requests
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.exporter import main as program
from ansible_collections.corral.ollama.plugins.module_utils.exporter.web import AT_ONCE
from ansible_collections.corral.ollama.tests.unit.exported import SERVERS, config, document, exporting
from ansible_collections.corral.ollama.tests.unit.fake_ollama import FakeOllama, manifest
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer

ONE, TWO = SERVERS
GONE = CorralError("The Docker engine is gone.")


@pytest.fixture
def servers():
    with FakeOllama() as one, FakeOllama() as two:
        one.models["mistral:7b"] = two.models["mistral:7b"] = manifest("a", "b")
        yield one, two


def engine():
    made = [container(f"ollama-{name}", 11434, project="ollama", service=name, RestartCount=2) for name in SERVERS]
    return FakeEngine(*made, images={"ollama/ollama:0.32.15": {"Id": "sha256:" + "a" * 64}})


def test_a_fleet_with_its_engine(servers, tmp_path):
    with exporting(config([server.url for server in servers], tmp_path), engine()) as scraped:
        found = scraped.values()
    assert found[f"up{{server={ONE}}}"] == found["instances_available{}"] - 1 == 1
    assert found[f"instance_restarts_total{{server={TWO}}}"] == 2
    assert found["exporter_info{version=1.2.3}"] == 1
    assert found["scrape_part_ok{part=engine}"] == found["scrape_part_ok{part=servers}"] == 1
    assert found["drift{kind=image}"] == found["drift{kind=instance_missing}"] == 0
    assert found["process_resident_memory_bytes{}"] > 0


def test_without_an_engine_the_servers_are_shown(servers, tmp_path):
    with exporting(config([server.url for server in servers], tmp_path), GONE) as scraped:
        found = scraped.values()
    assert found["scrape_part_ok{part=engine}"] == found["scrape_part_ok{part=logs}"] == 0
    assert found["instances_available{}"] == 2
    assert "engine: The Docker engine is gone." in scraped.said


def test_scrapes_between_two_readings_ask_nobody(servers, tmp_path):
    settings = config([server.url for server in servers], tmp_path, times={"cache": 3600})
    with exporting(settings, GONE) as scraped, ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda _: scraped.text(), range(20)))
    assert {"corral_up" in text for text in texts} == {True}
    assert [len(server.called("/api/tags")) for server in servers] == [1, 1]


def test_one_that_hangs_delays_nobody_longer_than_its_budget(servers, tmp_path):
    one, two = servers
    two.on("GET", "/api/version", Answer(delay=60))
    times = {"cache": 0, "request": 30, "part": 1}
    with exporting(config([one.url, two.url], tmp_path, times=times), GONE) as scraped:
        began = time.monotonic()
        for _scrape in range(5):
            found = scraped.values()
            assert (found[f"up{{server={ONE}}}"], found[f"up{{server={TWO}}}"]) == (1, 0)
        # five scrapes that waited for the answer would take two and a half minutes
        assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/metrics", 200),
        ("GET", "/", 404),
        ("GET", "/metrics/x", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/healthz", 405),
    ],
)
def test_there_are_two_pages(tmp_path, method, path, status):
    with exporting(config([], tmp_path), GONE) as scraped:
        assert requests.request(method, scraped.url + path, timeout=30).status_code == status


def test_clients_that_only_connect_do_not_pile_up(tmp_path):
    """Who comes on top of the first few is turned away, and the door is open again when they have left."""
    with exporting(config([], tmp_path), GONE) as scraped:
        address = ("127.0.0.1", scraped.server.server_port)
        idle = [socket.create_connection(address) for _client in range(AT_ONCE)]
        end = time.monotonic() + 30
        while scraped.server._room._value and time.monotonic() < end:
            time.sleep(0.01)
        with socket.create_connection(address) as late:
            late.settimeout(30)
            assert late.recv(1) == b""
            assert scraped.server._room._value == 0, "it was turned away while the others were still there"
        threads = threading.active_count()
        for client in idle:
            client.close()
        while scraped.server._room._value < AT_ONCE and time.monotonic() < end:
            time.sleep(0.01)
        assert "corral_exporter_info" in scraped.text()
        assert threading.active_count() <= threads


def test_openmetrics_is_served_too(tmp_path):
    with exporting(config([], tmp_path), GONE) as scraped:
        accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
        request = urllib.request.Request(scraped.url + "/metrics?name[]=nothing", headers=accept)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.read().decode().endswith("# EOF\n")


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["/no/such/file"]])
def test_what_only_a_person_can_mend_is_one_line(capsys, arguments):
    assert program.main(arguments, "1") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{", "[" * 99999, '{"schema": 9}', "\ud800"])
def test_a_damaged_file_is_named(capsys, tmp_path, text):
    path = tmp_path / "exporter.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert program.main([str(path)], "1") == 2
    assert "corral.ollama.exporter" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(tmp_path):
    with exporting(config([], tmp_path), GONE) as scraped:
        taken = config([], tmp_path, port=scraped.server.server_port)
        with pytest.raises(CorralError, match=str(scraped.server.server_port)):
            program.serving(taken, "1")


def test_threads_have_the_stack_that_parsers_count_on(tmp_path):
    """With a smaller one, an answer of nothing but brackets ends a Python 3.13 with a segmentation fault."""
    with mock.patch.object(program, "server_for"):
        program.serving(config([], tmp_path), "1")
    assert threading.stack_size() == 0


def test_it_serves_what_its_file_says(tmp_path, capsys):
    path = tmp_path / "exporter.json"
    path.write_text(json.dumps(document([], tmp_path)))
    with mock.patch.object(program, "serving") as serving:
        assert program.main([str(path)], "1") == 0
    assert serving.call_args.args[0] == config([], tmp_path)
    assert serving.return_value.serve_forever.called
