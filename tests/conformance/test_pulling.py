"""What a pull does on disk, and how it is taken up again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from pathlib import Path

import pytest
import stores
from conftest import Serve
from registry_lab import Registry, Rules
from server_lab import Practice

SIZE = 2_400_000
WEIGHTS = os.urandom(SIZE)
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def server(serve: Serve, registry: Registry) -> Practice:
    registry.add_model("big", "1", WEIGHTS, stores.golden_blob(stores.CONFIG))
    return serve(PRACTICE_PART_MIN="1000000", PRACTICE_STALL_SECONDS="10")


def name(registry: Registry) -> str:
    return f"{registry.host}/library/big:1"


def pull(server: Practice, registry: Registry, **more: object) -> dict[str, object]:
    last: dict[str, object] = server.post("/api/pull", model=name(registry), insecure=True, **more).last
    return last


def partials(server: Practice) -> list[Path]:
    return sorted((server.models / "blobs").glob("*-partial*"))


def wait_for(condition: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def saved_parts(server: Practice) -> list[dict[str, int]]:
    return [json.loads(path.read_text() or '{"Completed":0}') for path in partials(server)[1:]]


def ranges(registry: Registry) -> list[str]:
    return [request["range"] for request in registry.requests if request["range"]]


def test_parts_and_the_final_name(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(rate=700_000.0)
    thread = threading.Thread(target=pull, args=(server, registry))
    thread.start()
    wait_for(lambda: len(partials(server)) == 4)
    wait_for(lambda: json.loads(partials(server)[3].read_text() or '{"Completed":0}')["Completed"])
    data, *jsons = partials(server)
    assert data.stat().st_size == SIZE
    parts = [json.loads(path.read_text()) for path in jsons]
    assert parts[0] == {"N": 0, "Offset": 0, "Size": 1_000_000, "Completed": 0}
    assert parts[2] == {"N": 2, "Offset": 2_000_000, "Size": 400_000, "Completed": 400_000}
    thread.join()
    assert partials(server) == []
    assert stores.blob_path(server.models, DIGEST).read_bytes() == WEIGHTS


def test_a_client_that_leaves_cancels_and_the_next_pull_resumes(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(rate=1_000_000.0)
    for line in server.stream("/api/pull", model=name(registry), insecure=True):
        if line.get("completed", 0) > 300_000:
            break
    wait_for(lambda: all(part["Completed"] for part in saved_parts(server)))
    saved = [part for part in saved_parts(server) if part["Completed"] < part["Size"]]
    registry.rules, registry.requests = Rules(), []
    assert pull(server, registry) == {"status": "success"}
    expected = [f"bytes={p['Offset'] + p['Completed']}-{p['Offset'] + p['Size'] - 1}" for p in saved]
    assert sorted(ranges(registry)[: len(saved)]) == sorted(expected)
    assert stores.blob_path(server.models, DIGEST).read_bytes() == WEIGHTS


def test_two_clients_share_one_download(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(rate=3_000_000.0)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(pull(server, registry))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"status": "success"}] * 2
    assert len([entry for entry in ranges(registry) if entry.startswith("bytes=0-9")]) == 1


def test_one_of_two_clients_leaves_and_the_other_gets_its_model(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(rate=1_500_000.0)
    leaving = server.stream("/api/pull", model=name(registry), insecure=True)
    next(leaving)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(pull(server, registry)))
    thread.start()
    wait_for(lambda: partials(server))
    time.sleep(0.2)
    leaving.close()
    thread.join()
    assert found == [{"status": "success"}]


def test_a_cut_is_retried(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(cut_after=100_000, cut_times=2)
    assert pull(server, registry) == {"status": "success"}
    assert "attempt 0 failed: unexpected EOF, retrying in 1s" in server.log


def test_six_attempts(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(cut_after=0)
    assert pull(server, registry) == {"error": "max retries exceeded: unexpected EOF"}
    assert "attempt 5 failed: unexpected EOF, retrying in 32s" in server.log
    assert partials(server)


def test_a_stall_is_retried_without_limit(serve: Serve, registry: Registry) -> None:
    registry.add_model("big", "1", WEIGHTS, stores.golden_blob(stores.CONFIG))
    server = serve(PRACTICE_STALL_SECONDS="0.3")
    registry.rules = Rules(hang_after=8192)
    for _ in server.stream("/api/pull", model=name(registry), insecure=True):
        if server.log.count("part 0 stalled; retrying") >= 3:
            break
    registry.rules = Rules()
    assert pull(server, registry) == {"status": "success"}


def test_a_blob_that_exists_is_trusted_by_its_name(server: Practice, registry: Registry) -> None:
    path = stores.blob_path(server.models, DIGEST)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"wrong")
    assert pull(server, registry) == {"status": "success"}
    assert path.read_bytes() == b"wrong"


def test_wrong_bytes_are_removed_and_the_other_layers_stay(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(wrong=f"sha256:{DIGEST}")
    assert str(pull(server, registry)["error"]).startswith("digest mismatch, file must be downloaded again: want")
    assert not stores.blob_path(server.models, DIGEST).exists()
    assert stores.blob_path(server.models, stores.CONFIG).exists()
    registry.rules = Rules()
    assert pull(server, registry) == {"status": "success"}


def test_redirect_to_the_same_host_name(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(same_host=True)
    assert pull(server, registry) == {"error": "http: no Location header in response"}


def test_only_307(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(get=302)
    assert pull(server, registry) == {"error": "unexpected status code 302"}


def test_the_manifest_is_written_in_place(server: Practice, registry: Registry) -> None:
    assert pull(server, registry) == {"status": "success"}
    path = stores.manifest_path(server.models, registry.host, "big", "1")
    before = path.stat()
    assert pull(server, registry) == {"status": "success"}
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns < after.st_mtime_ns) == (after.st_ino, True)


def test_sigterm_ends_the_stream_unfinished(server: Practice, registry: Registry) -> None:
    registry.rules = Rules(rate=500_000.0)
    threading.Timer(0.5, server.stop).start()
    answer = server.ask("POST", "/api/pull", {"model": name(registry), "insecure": True})
    assert (answer.status, answer.complete) == (200, False)
    assert "status" in answer.last


def test_a_tag_that_moved_leaves_no_old_layers(server: Practice, registry: Registry) -> None:
    assert pull(server, registry) == {"status": "success"}
    registry.add_model("big", "1", b"x" * 1000, stores.golden_blob(stores.CONFIG))
    assert pull(server, registry) == {"status": "success"}
    assert not stores.blob_path(server.models, DIGEST).exists()
