"""Every fault does what the README says, and goes away."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import stores
from conftest import Serve
from registry_lab import Registry
from server_lab import Practice
from stores import CONFIG, TINY

HOST = stores.RECORDED_HOST
MODEL = f"{HOST}/library/tiny:1b"
WEIGHTS = os.urandom(400_000)


@pytest.fixture
def pulling(serve: Serve, registry: Registry) -> Practice:
    registry.add_model("big", "1", WEIGHTS, stores.golden_blob(CONFIG))
    return serve()


@pytest.fixture
def loaded(serve: Serve, tmp_path: Path) -> Practice:
    stores.golden(tmp_path / "models", keep=("tiny:1b", "tiny:2", "nomic-embed-text:v1.5"))
    return serve()


def pull(server: Practice, registry: Registry, name: str = "big:1") -> dict[str, Any]:
    body = {"model": f"{registry.host}/library/{name}", "insecure": True}
    last: dict[str, Any] = server.ask("POST", "/api/pull", body).last
    return last


def generate(server: Practice, model: str = MODEL, **more: Any) -> Any:
    return server.post("/api/generate", model=model, prompt="hi", stream=False, **more)


def test_slow_pull(pulling: Practice, registry: Registry) -> None:
    pulling.faults(slow_pull=500_000)
    began = time.monotonic()
    assert pull(pulling, registry) == {"status": "success"}
    assert time.monotonic() - began >= 0.7


def test_stall_pull(pulling: Practice, registry: Registry) -> None:
    pulling.faults(stall_pull={"after": 100_000})
    for line in pulling.stream("/api/pull", model=f"{registry.host}/library/big:1", insecure=True):
        assert line.get("completed", 0) <= 150_000
        if pulling.log.count("stalled; retrying") >= 2:
            break
    pulling.faults()
    assert pull(pulling, registry) == {"status": "success"}


def test_cut_pull(pulling: Practice, registry: Registry) -> None:
    pulling.faults(cut_pull={"after": 100_000, "attempts": 2})
    assert pull(pulling, registry) == {"status": "success"}
    assert "attempt 1 failed: unexpected EOF" in pulling.log
    assert "attempt 2 failed" not in pulling.log


def test_cut_pull_for_good(pulling: Practice, registry: Registry) -> None:
    pulling.faults(cut_pull={"after": 100_000, "attempts": 6, "model": f"{registry.host}/library/big:1"})
    assert pull(pulling, registry) == {"error": "max retries exceeded: unexpected EOF"}
    assert pull(pulling, registry, "tiny:1b") == {"status": "success"}


def test_wrong_bytes_before_the_check(pulling: Practice, registry: Registry) -> None:
    pulling.faults(wrong_bytes={"when": "before_verify", "count": 1})
    assert pull(pulling, registry)["error"].startswith("digest mismatch, file must be downloaded again")
    assert pull(pulling, registry) == {"status": "success"}


def test_wrong_bytes_behind_the_check(pulling: Practice, registry: Registry) -> None:
    pulling.faults(wrong_bytes="after_success")
    assert pull(pulling, registry, "tiny:1b") == {"status": "success"}
    assert stores.blob_path(pulling.models, TINY).read_bytes() != stores.golden_blob(TINY)


def test_disk_full(pulling: Practice, registry: Registry) -> None:
    pulling.faults(disk_full={"after": 50_000})
    assert pull(pulling, registry)["error"].endswith("-partial: no space left on device")
    assert list((pulling.models / "blobs").glob("*-partial-0"))


def test_error_on_a_route(loaded: Practice) -> None:
    loaded.faults(error={"route": "/api/show", "status": 503, "message": "no", "count": 2})
    answers = [loaded.post("/api/show", model=MODEL) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 200]
    assert answers[0].json == {"error": "no"}
    loaded.faults(error=500)
    assert loaded.ask("GET", "/api/version").status == 500


def test_slow_start(serve: Serve) -> None:
    began = time.monotonic()
    server = serve(PRACTICE_FAULTS='{"slow_start": 0.7}')
    assert server.ask("GET", "/api/version").status == 200
    assert time.monotonic() - began >= 0.7


def test_slow_load(loaded: Practice) -> None:
    loaded.faults(slow_load=0.4)
    assert generate(loaded).json["load_duration"] >= 400_000_000


def test_crash_at_a_request(loaded: Practice) -> None:
    loaded.faults(crash="/api/generate")
    assert loaded.ask("GET", "/api/tags").status == 200
    with pytest.raises(ConnectionError):
        generate(loaded)
    assert loaded.process
    assert loaded.process.wait(5) == 2


def test_crash_now(loaded: Practice) -> None:
    loaded.faults(crash={"when": "now"})
    assert loaded.process
    assert loaded.process.wait(5) == 2


def test_hang_generate(loaded: Practice) -> None:
    """Everything but an answer works."""
    loaded.faults(hang_generate={"model": MODEL})
    hanging = loaded.begin("/api/generate", model=MODEL, prompt="hi", stream=False)
    assert hanging.sock
    hanging.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        hanging.getresponse()
    assert MODEL in loaded.tags()
    assert [model["name"] for model in loaded.ask("GET", "/api/ps").json["models"]] == [MODEL]
    assert generate(loaded, f"{HOST}/library/tiny:2").json["done"] is True
    hanging.close()
    loaded.faults()
    assert generate(loaded).json["done"] is True


def test_what_hangs_goes_on_when_the_fault_ends(loaded: Practice) -> None:
    loaded.faults(hang_generate=True)
    hanging = loaded.begin("/api/generate", model=MODEL, prompt="hi", stream=False)
    time.sleep(0.2)
    loaded.faults()
    assert json.loads(hanging.getresponse().read())["done"] is True


def test_hang_for_a_while(loaded: Practice) -> None:
    loaded.faults(hang_generate={"seconds": 0.4, "count": 1})
    began = time.monotonic()
    embed = loaded.post("/api/embed", model=f"{HOST}/library/nomic-embed-text:v1.5", input="x")
    assert (embed.status, time.monotonic() - began >= 0.4) == (200, True)


def test_runner_killed_in_a_stream(loaded: Practice) -> None:
    loaded.faults(runner_killed={"after": 2, "count": 1})
    lines = loaded.post("/api/generate", model=MODEL, prompt="hi").lines
    assert [line["done"] for line in lines] == [False, False]
    assert generate(loaded).json["done"] is True


@pytest.mark.parametrize("fault", [MODEL, True])
def test_cpu_fallback(serve: Serve, tmp_path: Path, fault: str | bool) -> None:
    stores.golden(tmp_path / "models", keep=("tiny:1b",))
    server = serve(PRACTICE_GPU="1")
    assert vram_share(server) == 1.0
    generate(server, keep_alive=0)
    server.faults(cpu_fallback=fault)
    assert vram_share(server) == 0.0


def test_a_fault_that_is_on_for_everything(loaded: Practice) -> None:
    loaded.faults(queue_full=True)
    assert generate(loaded).status == 503


def vram_share(server: Practice) -> float:
    generate(server)
    model = server.ask("GET", "/api/ps").json["models"][0]
    return float(model["size_vram"] / model["size"])


def test_queue_full(loaded: Practice) -> None:
    loaded.faults(queue_full={"model": MODEL, "count": 1})
    assert [generate(loaded).status for _ in range(2)] == [503, 200]


def test_missing_on_list(loaded: Practice) -> None:
    loaded.faults(missing_on_list={"model": MODEL, "count": 1})
    assert MODEL not in loaded.tags()
    assert MODEL in loaded.tags()


def test_not_found_is_what_a_warm_server_without_weights_says(loaded: Practice) -> None:
    embedding = f"{HOST}/library/nomic-embed-text:v1.5"
    generate(loaded, keep_alive=0)
    loaded.post("/api/embed", model=embedding, input="x", keep_alive=0)
    loaded.post("/api/show", model=MODEL)
    loaded.faults(not_found=[MODEL, embedding])
    told = [generate(loaded), loaded.post("/api/embed", model=embedding, input="x")]
    assert MODEL in loaded.tags()
    assert loaded.post("/api/show", model=MODEL).status == 200
    assert generate(loaded, f"{HOST}/library/tiny:2").status == 200
    loaded.faults()
    for digest in (TINY, stores.BERT):
        stores.blob_path(loaded.models, digest).unlink()
    real = [generate(loaded), loaded.post("/api/embed", model=embedding, input="x")]
    assert [(one.status, one.json) for one in told] == [(one.status, one.json) for one in real]


def test_runner_crash(loaded: Practice) -> None:
    loaded.faults(runner_crash={"model": MODEL, "count": 1})
    answer = generate(loaded)
    assert (answer.status, answer.json["error"]) == (500, "llama-server process has terminated: signal: killed")
    assert 'msg="Load failed"' in loaded.log
    assert loaded.ask("GET", "/api/ps").json["models"] == []
    assert generate(loaded).status == 200


def test_faults_are_told_and_cleared(loaded: Practice) -> None:
    loaded.faults(slow_pull=1, queue_full={"count": 3})
    generate(loaded)
    shown = loaded.ask("GET", "/practice/faults").json["faults"]
    assert shown == {"slow_pull": [{"rate": 1}], "queue_full": [{"count": 2}]}
    assert loaded.ask("DELETE", "/practice/faults").json == {"faults": {}}
    assert generate(loaded).status == 200


def test_unknown_faults_are_refused(serve: Serve, loaded: Practice) -> None:
    answer = loaded.ask("PUT", "/practice/faults", {"slow_pul": 1})
    assert (answer.status, "unknown fault slow_pul" in answer.json["error"]) == (400, True)
    server = serve(wait=False, PRACTICE_FAULTS='{"slow_pul": 1}')
    assert server.process
    assert server.process.wait(10) == 1
    assert "unknown fault slow_pul" in server.log
