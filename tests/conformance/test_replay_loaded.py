"""Recordings of models that are loaded and answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import stores
import table
from compare import Check
from conftest import Serve
from server_lab import Answer, Practice
from stores import BERT, BERT_CONFIG, CONFIG, PARAMS, TINY, golden_blob

HOST = stores.RECORDED_HOST
MODEL = f"{HOST}/library/tiny:1b"
MID = f"{HOST}/library/mid:1"
NOMIC = "nomic-embed-text:v1.5"


def make_store(models: Path) -> Path:
    """tiny:1b, mid:1 (other weights, so a runner of its own) and the embedding-only model."""
    stores.golden(models, keep=("tiny:1b",))
    texts = {"params": golden_blob(PARAMS)}
    stores.put_model(models, f"{HOST}/library/mid/1", golden_blob(stores.TINY_2), golden_blob(CONFIG), texts)
    nomic = {"params": b'{"num_ctx":256}\n'}
    stores.put_model(
        models, "registry.ollama.ai/library/nomic-embed-text/v1.5", golden_blob(BERT), golden_blob(BERT_CONFIG), nomic
    )
    return models


def load(server: Practice, model: str = MODEL, **more: object) -> Answer:
    return server.post("/api/generate", model=model, prompt="hi", stream=False, **more)


def busy(server: Practice) -> None:
    """One request that answers and one that waits for it, so that the queue of one is full."""
    server.faults(hang_generate={"seconds": 3, "model": MODEL})
    for _ in range(2):
        server.begin("/api/generate", model=MODEL, prompt="hi", stream=False)
        time.sleep(0.2)


def cut_under_the_runner(server: Practice) -> None:
    load(server, MID)
    weights = stores.blob_path(server.models, stores.TINY_2)
    with weights.open("r+b") as stream:
        stream.truncate(1000)


def kill_runner(server: Practice) -> None:
    server.faults(runner_killed={"after": 3, "model": MID, "count": 1})


def killed_runner(server: Practice) -> None:
    kill_runner(server)
    load(server, MID)


# What happens before the recorded request.
BEFORE: dict[str, Callable[[Practice], object]] = {
    "generate_queue_full": busy,
    "generate_blob_truncated_while_mmapped": cut_under_the_runner,
    "generate_runner_killed": kill_runner,
    "ps_after_runner_killed": killed_runner,
    "ps_loaded": load,
    "ps_keepalive_forever": lambda server: load(server, keep_alive=-1),
    "ps_embedding_loaded": lambda server: server.post("/api/embed", model=NOMIC, input="x"),
    "generate_unload": load,
}
ENV = {
    "generate_queue_full": {"OLLAMA_MAX_QUEUE": "1"},
    "generate_load_timeout": {"OLLAMA_LOAD_TIMEOUT": "200ms", "PRACTICE_LOAD_SECONDS": "5"},
}


@pytest.mark.parametrize("name", table.names("loaded"))
def test_replay(name: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(make_store(tmp_path / "models"), **ENV.get(name, {}))
    BEFORE.get(name, lambda _: None)(server)
    varies = ("size", "digest", "parameter_size") if name.startswith("ps_") else ()
    check = Check(name, server.models, HOST, varies)
    answer = check.send(server)
    if name == "generate_stream":
        assert [line["done"] for line in answer.lines] == [False, False, False, True]
    check.hold(answer)


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Practice:
    return serve(make_store(tmp_path / "models"))


def test_for_ever_is_the_year_2319(server: Practice) -> None:
    load(server, keep_alive=-1)
    assert server.ask("GET", "/api/ps").json["models"][0]["expires_at"].startswith("23")


def test_a_killed_runner_is_still_listed_and_comes_back(server: Practice) -> None:
    killed_runner(server)
    assert [model["name"] for model in server.ask("GET", "/api/ps").json["models"]] == [MID]
    server.faults()
    assert load(server, MID).json["done"] is True


def test_an_unlinked_blob_goes_on_answering(server: Practice) -> None:
    load(server)
    stores.blob_path(server.models, TINY).unlink()
    assert load(server).json["done"] is True


def test_a_long_running_server_hides_damage(server: Practice) -> None:
    """Show and list remember what they have seen; a load does not."""
    show = server.post("/api/show", model=MODEL).body
    listed = server.tags()[MODEL]
    load(server, keep_alive=0)
    stores.blob_path(server.models, TINY).write_bytes(b"")
    assert server.post("/api/show", model=MODEL).body == show
    assert server.tags()[MODEL] == listed
    assert (load(server).status, load(server).json) == (500, {"error": "EOF"})
    stores.blob_path(server.models, TINY).unlink()
    assert load(server).json == {"error": f'model "{MODEL}" not found, try pulling it first'}
    stores.blob_path(server.models, CONFIG).unlink()
    assert MODEL in server.tags()
    fresh = server.restart()
    assert MODEL not in fresh.tags()


def test_one_request_at_a_time_for_each_model(serve: Serve, tmp_path: Path) -> None:
    server = serve(make_store(tmp_path / "models"), PRACTICE_TOKEN_SECONDS="0.05")
    began = time.monotonic()
    threads = [threading.Thread(target=load, args=(server,), kwargs={"options": {"num_predict": 6}}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 0.6


def test_three_models_at_most(serve: Serve, tmp_path: Path) -> None:
    server = serve(make_store(tmp_path / "models"), OLLAMA_MAX_LOADED_MODELS="1")
    load(server)
    load(server, MID)
    assert [model["name"] for model in server.ask("GET", "/api/ps").json["models"]] == [MID]


def test_a_model_goes_when_its_time_is_over(server: Practice) -> None:
    load(server, keep_alive="200ms")
    assert server.ask("GET", "/api/ps").json["models"]
    time.sleep(0.25)
    assert server.ask("GET", "/api/ps").json["models"] == []


def in_memory(server: Practice) -> dict[str, tuple[int, str]]:
    """Context and the year of the end of each loaded model."""
    models = server.ask("GET", "/api/ps").json["models"]
    return {model["name"]: (model["context_length"], model["expires_at"][:4]) for model in models}


def test_a_request_without_a_time_leaves_the_one_that_the_model_has(server: Practice) -> None:
    load(server, keep_alive=-1)
    load(server)
    assert in_memory(server)[MODEL][1] > "2100"
    load(server, keep_alive="5m")
    assert in_memory(server)[MODEL][1] < "2100"


def test_another_context_is_another_load(server: Practice) -> None:
    load(server, keep_alive=-1)
    own = in_memory(server)[MODEL][0]
    load(server, keep_alive=-1, options={"num_ctx": own // 2})
    assert in_memory(server)[MODEL] == (own // 2, in_memory(server)[MODEL][1])
    load(server)
    assert in_memory(server)[MODEL][0] == own, "a plain request asks for the server's own"


def test_who_stays_for_ever_leaves_last(serve: Serve, tmp_path: Path) -> None:
    server = serve(make_store(tmp_path / "models"), OLLAMA_MAX_LOADED_MODELS="2")
    load(server, keep_alive=-1)
    load(server, MID, keep_alive="1h")
    server.post("/api/embed", model=NOMIC, input="x")
    assert sorted(in_memory(server)) == [MODEL, NOMIC]
