"""Start-up: the prune, the exit statuses, the log; and how light the server is."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
import stores
from conftest import Serve
from server_lab import Practice
from stores import CONFIG, TINY, blob_path

OLD = 7200.0
GIN = re.compile(
    r"^\[GIN\] (\d{4}/\d\d/\d\d - \d\d:\d\d:\d\d) \|\s*(\d{3})\s*\|\s*(\S+)\s*\|\s*(\S+)\s*\|\s*(\S+)\s+\"(.*)\"$"
)


def put(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    stores.age(path, age)
    return path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return stores.golden(tmp_path / "models", keep=("tiny:1b",))


def rubbish(models: Path, age: float) -> list[Path]:
    blobs = models / "blobs"
    names = [f"sha256-{'1' * 64}", f"sha256-{'2' * 64}-partial", f"sha256-{'2' * 64}-partial-0", "README"]
    return [put(blobs / name, age) for name in names]


def test_old_rubbish_goes_and_young_rubbish_stays(serve: Serve, models: Path) -> None:
    old = rubbish(models, OLD)
    young = put(models / "blobs" / f"sha256-{'3' * 64}-partial", 0)
    kept = [put(models / "own-file", OLD), put(models / "manifests" / "own-file", OLD)]
    kept.append(put(models / "blobs" / "own" / "file", OLD))
    empty = models / "manifests" / "x" / "y"
    empty.mkdir(parents=True)
    server = serve(models)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in (young, *kept, blob_path(models, TINY)))
    assert not (models / "manifests" / "x").exists()
    assert re.search(r"total unused blobs removed: \d", server.log)


def test_before_0_21_nothing_is_too_young(serve: Serve, models: Path) -> None:
    young = rubbish(models, 0)
    serve(models, PRACTICE_VERSION="0.20.7")
    assert not any(path.exists() for path in young)
    assert blob_path(models, CONFIG).exists()


@pytest.mark.parametrize(("value", "prunes"), [("1", False), ("yes please", False), ("0", True), ("false", True)])
def test_noprune_is_a_go_bool(value: str, prunes: bool, serve: Serve, models: Path) -> None:
    old = rubbish(models, OLD)
    serve(models, OLLAMA_NOPRUNE=value)
    assert [path.exists() for path in old] == [not prunes] * 4


@pytest.mark.parametrize("name", ["tag.tmp", ".hidden", "2"])
def test_one_unreadable_manifest_stops_the_prune(name: str, serve: Serve, models: Path) -> None:
    old = rubbish(models, OLD)
    put(models / "manifests" / stores.RECORDED_HOST / "library" / "tiny" / name, 0)
    server = serve(models)
    assert all(path.exists() for path in old)
    assert "corrupt manifests detected, skipping prune operation.  Re-pull or delete to clear" in server.log


def test_old_names_are_changed_even_without_prune(serve: Serve, models: Path) -> None:
    os.rename(blob_path(models, TINY), models / "blobs" / f"sha256:{TINY}")
    serve(models, OLLAMA_NOPRUNE="1")
    assert blob_path(models, TINY).exists()


def test_a_port_in_use(serve: Serve) -> None:
    first = serve()
    second = serve(wait=False, OLLAMA_HOST=f"127.0.0.1:{first.port}")
    assert second.process
    assert second.process.wait(10) == 1
    assert f"Error: listen tcp 127.0.0.1:{first.port}: bind: address already in use" in second.log


def test_a_home_that_cannot_be_written(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server = serve(wait=False, HOME=str(tmp_path / "file"))
    assert server.process
    assert server.process.wait(10) == 1
    assert "ensure path elements are traversable" in server.log


def wait_for(server: Practice, text: str) -> None:
    """A request is logged when it has ended, which is after its answer."""
    end = time.monotonic() + 5
    while text not in server.requests:
        assert time.monotonic() < end, server.requests
        time.sleep(0.02)


def test_the_request_log(serve: Serve, models: Path) -> None:
    server = serve(models)
    server.ask("GET", "/api/version?x=1")
    wait_for(server, "/api/version?x=1")
    server.ask("POST", "/api/show", {"model": "nosuch"}, {"X-Forwarded-For": "10.1.2.3"})
    wait_for(server, "/api/show")
    lines = [GIN.match(line) for line in server.requests.splitlines()]
    assert [(m.group(2), m.group(4), m.group(5), m.group(6)) for m in lines if m] == [
        ("200", "127.0.0.1", "GET", "/api/version?x=1"),
        ("404", "10.1.2.3", "POST", "/api/show"),
    ]


@pytest.mark.parametrize(("fault", "status"), [("slow_load", "499"), ("hang_generate", "500")])
def test_the_status_of_a_client_that_left(fault: str, status: str, serve: Serve, models: Path) -> None:
    server = serve(models, PRACTICE_FAULTS=f'{{"{fault}": 20}}')
    model = f"{stores.RECORDED_HOST}/library/tiny:1b"
    connection = server.begin("/api/generate", model=model, prompt="hi", stream=False)
    time.sleep(0.4)
    connection.close()
    wait_for(server, f"| {status} |")


def test_bound_to_all_addresses_any_host_may_ask(serve: Serve) -> None:
    server = serve(OLLAMA_HOST="0.0.0.0:0")
    assert server.ask("GET", "/api/tags", headers={"Host": "evil.example.com"}).status == 200


def test_eight_at_once_are_light(serve: Serve, models: Path) -> None:
    """Well under 60 MB each, with a model loaded."""
    servers = [serve(models, wait=False) for _ in range(8)]
    for server in servers:
        server.wait()
        body = {"model": f"{stores.RECORDED_HOST}/library/tiny:1b", "prompt": "hi", "stream": False}
        assert server.ask("POST", "/api/generate", body).json["done"] is True
        assert server.process
        text = Path(f"/proc/{server.process.pid}/status").read_text()
        assert int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) < 60_000  # type: ignore[index]
