# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The official clients of Ollama and of OpenAI, with TLS and a key: whole answers, streams, embeddings, lists."""

from __future__ import annotations

import json
import ssl
from collections import Counter

import httpx
import ollama
import openai
import pytest
from asking import KEY

CHAT, EMBED = "gateway-chat:1b", "gateway-embed:1b"
SAY = [{"role": "user", "content": "Say something."}]


@pytest.fixture(scope="module")
def url(lab):
    return f"https://{lab.address}:11433"


@pytest.fixture(scope="module")
def tls(ca):
    return ssl.create_default_context(cafile=str(ca))


@pytest.fixture(scope="module")
def client(url, tls):
    return ollama.Client(url, headers={"Authorization": f"Bearer {KEY}"}, verify=tls)


@pytest.fixture(scope="module")
def openai_client(url, tls):
    with httpx.Client(verify=tls) as http:
        yield openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, http_client=http, max_retries=0)


@pytest.fixture
def web(url, tls):
    with httpx.Client(base_url=url, verify=tls, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as http:
        yield http


def test_ollama_answers_whole_and_in_a_stream(client):
    options = {"num_predict": 6}
    assert client.generate(CHAT, "Say something.", options=options).done is True
    assert client.chat(CHAT, SAY, options=options).message.content
    for parts in (
        list(client.generate(CHAT, "Say something.", stream=True, options=options)),
        list(client.chat(CHAT, SAY, stream=True, options=options)),
    ):
        assert len(parts) > 2
        assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]


def test_ollama_embeds_and_lists(client):
    assert len(client.embed(EMBED, ["one", "two"]).embeddings) == 2
    assert client.embeddings(EMBED, "one").embedding
    assert sorted(model.model for model in client.list().models) == [CHAT, EMBED]
    assert client.show(CHAT).details.family
    assert isinstance(client.ps().models, list)


def test_openai_answers_whole_and_in_a_stream(openai_client):
    whole = openai_client.chat.completions.create(model=CHAT, messages=SAY, max_tokens=6)
    assert whole.choices[0].message.content
    assert openai_client.completions.create(model=CHAT, prompt="Say something.", max_tokens=6).choices[0].text
    parts = list(openai_client.chat.completions.create(model=CHAT, messages=SAY, max_tokens=6, stream=True))
    assert len(parts) > 2
    assert parts[-1].choices[0].finish_reason


def test_openai_embeds_and_lists(openai_client):
    assert len(openai_client.embeddings.create(model=EMBED, input=["one", "two"]).data) == 2
    assert sorted(model.id for model in openai_client.models.list()) == [CHAT, EMBED]


def test_both_see_in_their_own_way_that_they_may_not(url, tls):
    stranger = ollama.Client(url, headers={"Authorization": "Bearer " + "w" * 40}, verify=tls)
    with pytest.raises(ollama.ResponseError, match="unauthorized") as raised:
        stranger.list()
    assert raised.value.status_code == 401
    with (
        httpx.Client(verify=tls) as http,
        pytest.raises(openai.AuthenticationError, match="unauthorized"),
    ):
        openai.OpenAI(base_url=f"{url}/v1", api_key="w" * 40, http_client=http, max_retries=0).models.list()


def test_an_ordinary_key_pulls_nothing(client):
    with pytest.raises(ollama.ResponseError, match="key of an administrator") as raised:
        client.pull("mistral:7b")
    assert raised.value.status_code == 403


def test_tokens_come_as_they_are_made(web):
    """Not all at once at the end: between the first and the last lie most of the reads."""
    body = {"model": CHAT, "prompt": "Say something.", "options": {"num_predict": 40}}
    with web.stream("POST", "/api/generate", json=body) as answer:
        pieces = [piece for piece in answer.iter_raw() if piece]
    assert len(pieces) > 10
    assert json.loads(b"".join(pieces).splitlines()[-1])["done"] is True


@pytest.mark.parametrize("name", [EMBED, EMBED.upper(), f"library/{EMBED}", f"registry.ollama.ai/library/{EMBED}"])
def test_a_model_of_one_instance_is_asked_there_in_every_spelling(web, name):
    """What the instance says to the spelling is its own affair."""
    answers = [web.post("/api/embed", json={"input": "one", "model": name}) for _ in range(4)]
    assert {answer.headers["X-Corral-Instance"] for answer in answers} == {"ollama-server-3"}


def test_other_models_are_asked_everywhere(web):
    body = {"model": CHAT, "prompt": "Say something.", "stream": False, "options": {"num_predict": 1}}
    asked = Counter(web.post("/api/generate", json=body).headers["X-Corral-Instance"] for _ in range(12))
    assert sorted(asked) == ["ollama-server-1", "ollama-server-2", "ollama-server-3"]


def test_a_large_body_goes_through(web):
    """One that is longer than the buffer, as pictures are; the model is read from its beginning."""
    body = json.dumps({"model": EMBED, "input": "x " * 400_000})
    answer = web.post("/api/embed", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["X-Corral-Instance"]) == (200, "ollama-server-3")
