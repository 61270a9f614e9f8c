"""The official Python client, the command line and OpenAI's shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import certificates
import ollama
import pytest
import registry_lab
import stores
from conftest import Serve
from registry_lab import Registry
from server_lab import Practice

HOST = stores.RECORDED_HOST
TINY = f"{HOST}/library/tiny:1b"
NOMIC = f"{HOST}/library/nomic-embed-text:v1.5"


def client_of(server: Practice) -> ollama.Client:
    return ollama.Client(host=f"http://127.0.0.1:{server.port}", trust_env=False)


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Practice:
    stores.golden(tmp_path / "models")
    return serve()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Registry, Path]]:
    """The recorded models over TLS, and the authority's file."""
    ca, context = certificates.make(tmp_path)
    with registry_lab.running(context) as lab:
        yield stores.fill_registry(lab), ca


def test_official_client(serve: Serve, registry: Registry) -> None:
    client = client_of(serve())
    name = f"{registry.host}/library/tiny:1b"
    statuses = [part.status for part in client.pull(name, insecure=True, stream=True)]
    assert (statuses[0], statuses[-1]) == ("pulling manifest", "success")
    listed = client.list().models
    assert [(model.model, model.details.family if model.details else "") for model in listed] == [(name, "llama")]
    assert client.show(name).modelinfo["llama.context_length"] == 512
    parts = list(client.generate(name, "hi", stream=True))
    assert parts[-1].done
    assert "".join(part.response for part in parts)
    assert client.chat(name, [{"role": "user", "content": "hi"}]).message.content
    assert [model.model for model in client.ps().models] == [name]
    client.copy(name, "other:1")
    client.delete(name)
    assert [model.model for model in client.list().models] == ["other:1"]
    with pytest.raises(ollama.ResponseError) as error:
        client.delete(name)
    assert error.value.status_code == 404


def test_official_client_embeds_and_creates(server: Practice, tmp_path: Path) -> None:
    client = client_of(server)
    assert [len(vector) for vector in client.embed(NOMIC, ["a", "b"]).embeddings] == [64, 64]
    assert len(client.embeddings(NOMIC, "a").embedding) == 64
    file = tmp_path / "tiny.gguf"
    file.write_bytes(stores.golden_blob(stores.TINY_2) + b"\0")
    digest = client.create_blob(file)
    assert client.create("made:1", files={"tiny.gguf": digest}, system="Say yes.").status == "success"
    assert client.generate("made:1", "hi").done


def test_pull_over_tls(serve: Serve, secure: tuple[Registry, Path]) -> None:
    registry, ca = secure
    client = client_of(serve(SSL_CERT_FILE=str(ca)))
    assert client.pull(f"{registry.host}/library/tiny:1b").status == "success"


def test_pull_over_tls_from_a_stranger(serve: Serve, secure: tuple[Registry, Path]) -> None:
    registry, _ = secure
    with pytest.raises(ollama.ResponseError) as error:
        client_of(serve()).pull(f"{registry.host}/library/tiny:1b")
    text = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    assert error.value.error.endswith(text)
    assert error.value.status_code == 500


def test_command_line(serve: Serve, registry: Registry) -> None:
    server = serve()
    name = f"{registry.host}/library/tiny:1b"
    assert server.cli("pull", "--insecure", name).returncode == 0
    listing = server.cli("ls").stdout.splitlines()
    assert [line.split()[0] for line in listing] == ["NAME", name]
    assert listing[1].split()[1] == "800c58fec83b"
    assert "architecture        llama" in server.cli("show", name).stdout
    assert server.cli("run", name, "hello").stdout.strip()
    assert "100% CPU" in server.cli("ps").stdout
    assert server.cli("stop", name).returncode == 0
    assert name not in server.cli("ps").stdout
    assert server.cli("cp", name, "other").stdout == f"copied '{name}' to 'other'\n"
    assert server.cli("rm", name, "other").stdout == f"deleted '{name}'\ndeleted 'other'\n"
    assert server.cli("--version").stdout == "ollama version is 0.32.15-practice\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["pull", "--insecure", "127.0.0.1:1/a/b"], "connect: connection refused"),
        (["rm", "nosuch"], "model 'nosuch' not found"),
        (["stop", "nosuch"], 'couldn\'t find model "nosuch" to stop'),
        (["show", "nosuch"], "model 'nosuch:latest' not found"),
        (["cp", "nosuch", "b"], 'model "nosuch" not found'),
        (["dance"], 'unknown command "dance" for "ollama"'),
    ],
)
def test_command_line_errors(words: list[str], error: str, shared: Practice) -> None:
    done = shared.cli(*words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert error in done.stderr


def test_command_line_without_a_server(shared: Practice, tmp_path: Path) -> None:
    done = Practice(tmp_path, tmp_path, port=1).cli("list")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: could not connect to ollama server, run 'ollama serve' to start it\n",
    )


def test_openai_chat(server: Practice) -> None:
    body = {"model": TINY, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
    answer = server.ask("POST", "/v1/chat/completions", body).json
    assert answer["choices"][0]["message"]["content"]
    assert (answer["choices"][0]["finish_reason"], answer["usage"]["completion_tokens"]) == ("length", 3)
    raw = server.ask("POST", "/v1/chat/completions", {**body, "stream": True}).text
    events = [line.removeprefix("data: ") for line in raw.splitlines() if line]
    assert (len(events), events[-1]) == (5, "[DONE]")
    assert "".join(json.loads(e)["choices"][0]["delta"]["content"] for e in events[:-1])


def test_openai_completion(server: Practice) -> None:
    answer = server.post("/v1/completions", model=TINY, prompt="hi", max_tokens=2).json
    assert (answer["object"], bool(answer["choices"][0]["text"])) == ("text_completion", True)
