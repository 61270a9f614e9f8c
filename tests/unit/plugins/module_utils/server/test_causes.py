# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recorded failure of a pull, replayed: the kind, the message, and whether it was worth a retry."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.server.causes import cause_of
from ansible_collections.corral.ollama.plugins.module_utils.server.client import OllamaClient
from ansible_collections.corral.ollama.plugins.module_utils.server.errors import PullError
from ansible_collections.corral.ollama.plugins.module_utils.server.pull import pull_model
from ansible_collections.corral.ollama.tests.unit.scripted_server import ScriptedServer, recorded

NAME = "127.0.0.1:5056/library/tiny:1b"

# recording, kind, reason, words of the message, words of the remedy, transient
RECORDED = [
    ("pull_bad_name", "bad_name", "name", "does not accept the name", "[host/][namespace/]model[:tag]", False),
    ("pull_no_model", "bad_name", "name", "does not accept the name", "", False),
    ("pull_no_body", "bad_name", "name", "missing request body", "", False),
    ("pull_bad_json", "registry_error", "bad_manifest", "invalid character", "", True),
    ("pull_unknown_model", "model_not_found", "unknown", "no such model or tag", "Check the spelling", False),
    ("pull_unknown_nostream", "model_not_found", "unknown", "no such model or tag", "Check the spelling", False),
    ("pull_registry_refused", "registry_unreachable", "refused", "nothing listens", "firewall", True),
    ("pull_registry_refused_nostream", "registry_unreachable", "refused", "connection refused", "firewall", True),
    ("pull_no_dns", "registry_unreachable", "dns", "name cannot be resolved", "name resolution", True),
    ("pull_http_registry_without_insecure", "registry_tls", "plain_http", "speaks HTTP", "Set insecure", False),
    ("pull_http_scheme_without_insecure", "registry_tls", "plain_http", "speaks HTTP", "Set insecure", False),
    ("pull_manifest_500", "registry_error", "registry_failed", "the registry failed", "Run it again", True),
    ("pull_manifest_bad_json", "registry_error", "bad_manifest", "manifest is not JSON", "proxy", True),
    ("pull_blob_head_404", "registry_error", "blob_missing", "not all of its blobs", "another tag", True),
    ("pull_blob_head_500", "registry_error", "registry_failed", "the registry failed", "Run it again", True),
    ("pull_plain_registry", "registry_error", "no_redirect", "without a redirect", "307 to another host", False),
    ("pull_blob_get_403", "registry_error", "blob_forbidden", "went on refusing a blob", "let this host", True),
    ("pull_network_lost_midway", "registry_unreachable", "connection_lost", "connection to the registry was lost",
     "what has been pulled is kept", True),
    ("pull_enospc", "no_space", "disk", "disk of the store is full", "Free space", False),
    ("pull_enospc_small", "no_space", "disk", "no space left on device", "Free space", False),
    ("pull_enospc_nostream", "no_space", "disk", "no space left on device", "Free space", False),
    ("pull_digest_mismatch", "digest_mismatch", "transfer", "not what the manifest promises", "wrong bytes", True),
    ("pull_digest_mismatch_nostream", "digest_mismatch", "transfer", "want sha256:", "wrong bytes", True),
    ("pull_auth_basic", "registry_auth", "auth", "credentials", "public models", False),
    ("pull_auth_realm_other_host", "registry_auth", "auth", "realm host", "public models", False),
    ("pull_stuck_by_empty_part", "store_conflict", "partials", "someone else pulls", "*-partial*", True),
    ("pull_stuck_by_leftover_part", "store_conflict", "partials", "someone else pulls", "*-partial*", True),
    ("ro_pull_new", "read_only_store", "read_only", "mounted read-only", "store_model", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("recording", "kind", "reason", "words", "remedy", "transient"), RECORDED, ids=[row[0] for row in RECORDED]
)
def test_a_recorded_failure_is_told_apart(
    recording: str, kind: str, reason: str, words: str, remedy: str, transient: bool
) -> None:
    with ScriptedServer() as server:
        server.on("POST", "/api/pull", recorded(recording))
        with pytest.raises(PullError) as caught:
            pull_model(OllamaClient(server.url), NAME, retries=2, sleep=lambda _seconds: None)
    failure = caught.value
    assert (failure.kind, failure.facts["reason"], failure.transient) == (kind, reason, transient)
    assert words in str(failure)
    assert remedy in failure.remedy
    assert NAME in str(failure)
    assert server.url in str(failure)
    assert len(server.called("/api/pull")) == (3 if transient else 1)
    assert [retry["kind"] for retry in failure.facts["retries"]] == [kind] * (3 if transient else 1)


# Texts that are known from the tracker or the source and were not recorded.
REPORTED = [
    ("pull model manifest: 412: requires a newer version of Ollama", "needs_newer_server", False),
    ("The model you are attempting to pull requires a newer version of Ollama.", "needs_newer_server", False),
    ("pull model manifest: 429: too many", "registry_busy", True),
    ('Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
     "registry_tls", False),
    ('Get "https://r/v2/": http: server gave HTTP response to HTTPS client', "registry_tls", False),
    ('Get "https://r/v2/": net/http: TLS handshake timeout', "registry_unreachable", True),
    ("dial tcp 1.2.3.4:443: i/o timeout", "registry_unreachable", True),
    ("dial tcp 1.2.3.4:443: connect: no route to host", "registry_unreachable", True),
    ("unexpected status code 302", "registry_error", False),
    ("open /root/.ollama/models/blobs/sha256-ab: permission denied", "store_denied", False),
    ("rename /m/blobs/sha256-ab-partial /m/blobs/sha256-ab: no such file or directory", "store_conflict", True),
    ("something never seen", "registry_error", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "transient"), REPORTED)
def test_a_reported_text_is_told_apart(text: str, kind: str, transient: bool) -> None:
    cause = cause_of(text)
    assert (cause.kind, cause.transient) == (kind, transient)
