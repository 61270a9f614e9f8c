# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest by its digest, from registries that know digests and from those that do not."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.registry.blobs import BlobClient
from ansible_collections.corral.ollama.plugins.module_utils.registry.errors import RegistryError
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, ScriptedServer
from ansible_collections.corral.ollama.tests.unit.staged import digest, manifest_of

NAME = parse_name("mistral:7b")
OLD, NEW = manifest_of(b"config", b"old"), manifest_of(b"config", b"new")
TAG, BY_DIGEST = "/v2/library/mistral/manifests/7b", f"/v2/library/mistral/manifests/sha256:{digest(OLD)}"


def ask(server):
    options = {"timeout": 5.0, "retries": 0}
    return BlobClient({"registry.ollama.ai": server.url}, **options).manifest_at(NAME, digest(OLD))


def test_by_its_digest_whatever_the_tag_is_now():
    with ScriptedServer() as server:
        server.on("GET", BY_DIGEST, Answer(body=OLD)).on("GET", TAG, Answer(body=NEW))
        assert ask(server).raw == OLD
        assert server.called(TAG) == []


@pytest.mark.parametrize("answer", [Answer(404), Answer(400), Answer(body=b"<html>"), Answer(body=NEW)])
def test_by_the_tag_where_digests_are_not_understood(answer):
    with ScriptedServer() as server:
        server.on("GET", BY_DIGEST, answer).on("GET", TAG, Answer(body=OLD))
        assert ask(server).raw == OLD


def test_a_tag_that_has_moved_on_is_not_taken():
    with ScriptedServer() as server:
        server.on("GET", TAG, Answer(body=NEW))
        with pytest.raises(RegistryError) as caught:
            ask(server)
    assert caught.value.kind == "digest_unavailable"
    assert digest(OLD) in caught.value.message
    assert digest(NEW) in caught.value.message


@pytest.mark.parametrize(("code", "kind"), [(503, "registry_error"), (429, "registry_busy"), (401, "registry_auth")])
def test_a_registry_that_fails_is_not_asked_by_the_tag(code, kind):
    with ScriptedServer() as server:
        server.on("GET", BY_DIGEST, Answer(code)).on("GET", TAG, Answer(body=NEW))
        with pytest.raises(RegistryError) as caught:
            ask(server)
        assert caught.value.kind == kind
        assert server.called(TAG) == []
