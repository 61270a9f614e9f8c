"""Recordings about models that are there: show, list, copy, delete, blobs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import stores
import table
from compare import Check
from conftest import Serve
from server_lab import Practice
from stores import BERT, BERT_CONFIG, CONFIG, PARAMS, TINY, golden_blob

TINY_1B = "127.0.0.1:5056/library/tiny/1b"
SYSTEM = {"system": b"You are a test.", "license": b"MIT", "params": golden_blob(PARAMS)}
Prepare = Callable[[Path], object]


def recorded(models: Path) -> None:
    stores.golden(models, keep=("tiny:1b",))


def created(models: Path) -> None:
    """`tiny:1b` as it was created, with a system text and a licence."""
    stores.put_model(models, "registry.ollama.ai/library/tiny/1b", golden_blob(TINY), golden_blob(CONFIG), SYSTEM)


def embedding(models: Path) -> None:
    config = golden_blob(BERT_CONFIG)
    stores.put_model(models, "registry.ollama.ai/library/nomic-embed-text/v1.5", golden_blob(BERT), config, {})


def embedding_and_another(models: Path) -> None:
    texts = {"params": golden_blob(PARAMS)}
    path = stores.put_model(
        models, "registry.ollama.ai/library/mistral/7b", golden_blob(TINY), golden_blob(CONFIG), texts
    )
    stores.age(path, 60)
    embedding(models)


def two_names(models: Path) -> None:
    stores.golden(models, keep=("tiny:1b", "tiny:2"))
    old = stores.manifest_path(models, stores.RECORDED_HOST, "tiny", "2")
    old.rename(old.with_name("9"))
    stores.age(old.with_name("9"), 60)


def other_registry(models: Path) -> None:
    stores.golden(models, host="127.0.0.1:5055", keep=("tiny:1b",))


def empty_manifest(models: Path) -> None:
    recorded(models)
    (models / "manifests" / TINY_1B).write_bytes(b"")


def known_blob(models: Path) -> None:
    digest = "773f5245fea97bcd6c23bde8e17942f0aa0f61fcb84b32b26a8eef4821acb077"
    (models / "blobs").mkdir(parents=True)
    stores.blob_path(models, digest).write_bytes(b"an existing name is enough")


# The store that a recording needs, and the keys whose values belong to the models of that day.
SCENES: dict[str, tuple[Prepare, tuple[str, ...]]] = {
    "show": (created, ("modelfile",)),
    "embedding_only_show": (embedding, ()),
    "tags_one": (created, ("digest",)),
    "tags_with_embedding_model": (embedding_and_another, ("digest", "size", "parameter_size", "embedding_length")),
    "v1_models": (two_names, ()),
    "copy": (recorded, ()),
    "delete": (other_registry, ()),
    "delete_empty_manifest": (empty_manifest, ()),
    "blob_head_present": (known_blob, ()),
}


@pytest.mark.parametrize("name", table.names("manage"))
def test_replay(name: str, serve: Serve, tmp_path: Path) -> None:
    prepare, varies = SCENES[name]
    prepare(tmp_path / "models")
    server = serve()
    check = Check(name, server.models, "127.0.0.1:5055" if name == "delete" else stores.RECORDED_HOST, varies)
    check.hold(check.send(server))


def test_the_modelfile_of_show(serve: Serve, tmp_path: Path) -> None:
    """All but the weights' digest, which the recording server had made by rewriting them."""
    created(tmp_path / "models")
    check = Check("show", tmp_path / "models")
    found = check.send(serve()).json["modelfile"].replace(TINY, "<weights>")
    expected = check.record["response"]["json"]["modelfile"]
    assert check.plain(found) == expected.replace(
        "554bb7a39bc3e7c6549b321ee85c0c02ab8dd4f401fb717f822105c99de281b9", "<weights>"
    )


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Practice:
    stores.golden(tmp_path / "models")
    return serve(OLLAMA_NOPRUNE="1")


def test_the_digest_is_that_of_the_manifests_bytes(server: Practice) -> None:
    tags = server.tags()
    raw = (server.models / "manifests" / TINY_1B).read_bytes()
    assert tags["127.0.0.1:5056/library/tiny:1b"]["digest"] == hashlib.sha256(raw).hexdigest()
    assert sorted(name.rsplit("/", 1)[1] for name in tags) == [
        "nomic-embed-text:v1.5",
        "rich:latest",
        "tiny:1b",
        "tiny:2",
    ]


def test_a_manifest_that_goes_while_it_is_listed(server: Practice) -> None:
    """A dangling link is such a moment made to last."""
    gone = server.models / "manifests" / "registry.ollama.ai" / "library" / "x" / "1"
    gone.parent.mkdir(parents=True)
    gone.symlink_to("nowhere")
    answer = server.ask("GET", "/api/tags")
    assert (answer.status, answer.json) == (500, {"error": f"stat {gone}: no such file or directory"})


def test_delete_keeps_what_others_use(server: Practice) -> None:
    assert server.ask("DELETE", "/api/delete", {"model": "127.0.0.1:5056/library/tiny:1b"}).status == 200
    assert stores.blob_path(server.models, TINY).exists()
    assert server.ask("DELETE", "/api/delete", {"model": "127.0.0.1:5056/library/rich:latest"}).status == 200
    assert not stores.blob_path(server.models, TINY).exists()
    assert stores.blob_path(server.models, CONFIG).exists()


def test_names_match_whatever_their_case(server: Practice) -> None:
    assert server.post("/api/copy", source="127.0.0.1:5056/library/tiny:1b", destination="MyModel:V1").status == 200
    assert "MyModel:V1" in server.tags()
    assert server.post("/api/show", model="mymodel:v1").status == 200
    assert server.post("/api/copy", source="mymodel:v1", destination="MYMODEL:two").status == 200
    assert "MyModel:two" in server.tags()
    assert server.ask("DELETE", "/api/delete", {"model": "mymodel:V1"}).status == 200


def test_blobs_are_checked_when_they_are_uploaded(server: Practice) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    assert server.ask("POST", f"/api/blobs/sha256:{digest}", b"other").status == 400
    assert server.ask("POST", f"/api/blobs/sha256:{digest}", b"content").status == 201
    assert server.ask("HEAD", f"/api/blobs/sha256:{digest}").status == 200
    assert stores.blob_path(server.models, digest).read_bytes() == b"content"


def test_create_from_an_uploaded_gguf(server: Practice) -> None:
    """The recording's lines, but for the weights: they are not rewritten here."""
    body = Check("create", server.models).record["request"]["body"]
    body["files"] = {"tiny.gguf": f"sha256:{TINY}"}
    lines = server.ask("POST", "/api/create", body).lines
    words = [line["status"].split(" sha256:")[0] for line in lines]
    layers = ["using existing layer", "creating new layer", "creating new layer", "using existing layer"]
    assert words == ["parsing GGUF", "verifying conversion", *layers, "writing manifest", "success"]
    shown = server.post("/api/show", model="tiny:1b").json
    assert (shown["system"], shown["license"], shown["details"]["parameter_size"]) == ("You are a test.", "MIT", "119K")
    assert server.post("/api/create", model="second", **{"from": "tiny:1b"}).last == {"status": "success"}
