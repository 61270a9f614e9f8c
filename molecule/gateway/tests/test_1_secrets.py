# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates change while the gateway runs, and nobody who looks gets to see one."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess

import pytest
from asking import BEARER, DISMISSED, KEYS, keyed
from conftest import DIR, OWN
from lab import wait_until

NEWCOMER = "newcomer-0123456789abcdef0123456789abcdef"
PLACES = "/opt /etc /root /tmp /run /var/lib/corral /var/log /var/lib/docker/containers"
SAMPLER = """
import glob, os, time
seen = set()
while not os.path.exists("/tmp/watch.stop"):
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            seen.add(open(path, "rb").read())
        except OSError:
            pass
    time.sleep(0.02)
open("/tmp/watch.new", "wb").write(b"\\n".join(seen))
os.rename("/tmp/watch.new", "/tmp/watch.out")
"""


def entry(name):
    return {"name": name, "key": KEYS[name], "admin": name == "operators"}


def hidden_lines(lab, *paths):
    """The lines of private keys: what nobody may see."""
    text = lab.sh(f"cat {' '.join(paths)}")
    return [line for line in text.splitlines() if line and not line.startswith("-----")]


@pytest.fixture(scope="module")
def seen(lab, gateway, own_certificate, change):
    """A run as loud as can be that exchanges keys and certificate, and everything that could be seen of it."""
    assert keyed(DISMISSED)(gateway) == ["200*"]
    secrets = [*KEYS.values(), NEWCOMER, *hidden_lines(lab, f"{OWN}.key", f"{DIR}/conf/tls/*.key")]
    lab.sh(f"rm -f /tmp/watch.*; setsid python3 -c {shlex.quote(SAMPLER)} </dev/null >/tmp/watch.log 2>&1 &")
    keys = [*(entry(name) for name in KEYS if name != "dismissed"), {"name": "newcomer", "key": NEWCOMER}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSIBLE_VERBOSITY", "3")
        patch.setenv("ANSIBLE_DIFF_ALWAYS", "1")
        run = change(corral_gateway_keys=keys, **own_certificate).ok()
    lab.sh("touch /tmp/watch.stop")
    wait_until(lambda: lab.sh("ls /tmp/watch.out 2>/dev/null", check=False), 30, "the sampler to end")
    return {"run": run, "secrets": secrets}


def found_in(secrets, text):
    return [secret[:12] for secret in secrets if secret in text]


def test_a_key_is_revoked_without_a_reload(lab, gateway, worker):
    before = worker()
    assert keyed(DISMISSED)(gateway) == ["200*"]
    hashed = [
        {"name": name, "sha256": hashlib.sha256(key.encode()).hexdigest(), "admin": name == "operators"}
        for name, key in KEYS.items()
    ]
    folders = {"conf_dir": f"{DIR}/conf", "run_dir": f"{DIR}/run", "gid": 99}
    without = lab.module("gateway_keys", **folders, keys=[one for one in hashed if one["name"] != "dismissed"])
    assert (without["changed"], without["removed"], without["synced"]) == (True, ["dismissed"], True)
    assert keyed(DISMISSED)(gateway) == ["401"]
    assert keyed(BEARER)(gateway) == ["200*"]
    assert lab.module("gateway_keys", **folders, keys=hashed)["added"] == ["dismissed"]
    assert worker() == before


def test_the_role_exchanges_keys_and_certificate_without_a_restart(lab, gateway, seen, worker):
    assert keyed(DISMISSED)(gateway) == ["401"]
    assert keyed(f"Authorization: Bearer {NEWCOMER}")(gateway) == ["200*"]
    with gateway.connect() as talk:
        assert dict(talk.getpeercert()["subject"][0]) == {"commonName": "our own"}
    names = lab.sh(f"ls {DIR}/conf/tls").split()
    assert [name.split("-")[0] for name in names] == ["given", "given"]
    assert lab.inspect("ollama-gateway")["RestartCount"] == 0


def test_no_secret_in_the_output_of_a_loud_run(seen):
    output = seen["run"].output + json.dumps(seen["run"].events, default=str)
    assert "newcomer" in output
    assert "TASK [corral.ollama.gateway" in output
    assert found_in(seen["secrets"], output) == []


def test_no_secret_in_a_command_line_or_environment(lab, seen):
    watched = lab.sh("cat /tmp/watch.out")
    assert "haproxy" in watched
    assert found_in(seen["secrets"], watched) == []


def test_no_secret_in_logs_containers_and_files(lab, seen):
    containers = lab.containers()
    logs = "".join(lab.sh(f"docker logs {name} 2>&1") for name in containers)
    assert "client=webshop" in logs
    assert found_in(seen["secrets"], logs + lab.docker("inspect", *containers)) == []
    patterns = "\n".join(seen["secrets"])
    script = f"grep -rlF -f - {PLACES} <<'END' 2>/dev/null\n{patterns}\nEND"
    holding = lab.sh(script, check=False).split()
    # The hashes of keys are no secret; a private key is where its owner put it, and where HAProxy reads it.
    assert sorted(holding) == sorted([f"{OWN}.key", *lab.sh(f"ls {DIR}/conf/tls/*.key").split()])


def test_only_root_and_the_gateway_can_read_its_files(lab):
    listed = lab.sh(f"find {DIR} -printf '%P %M %U:%G\\n'").splitlines()
    rights = {line.split()[0] if line[0] != " " else ".": line.split()[-2:] for line in listed}
    assert rights["."] == ["drwx------", "0:0"]
    assert rights["run"] == ["drwx------", "99:99"]
    assert {rights[name][0] for name in rights if name.startswith("run/")} <= {"srw-------", "-rw-------"}
    files = {name: rights[name] for name in rights if name.startswith("conf/")}
    assert set(map(tuple, files.values())) == {("-rw-r-----", "0:99"), ("drwxr-x---", "0:99")}
    assert lab.sh("stat -c %a /opt/corral/ollama/compose.yml").strip() == "600"


@pytest.mark.parametrize("user", [99, 65534])
@pytest.mark.parametrize("name", ["admin.sock", "master.sock"])
def test_no_other_user_of_the_host_reaches_the_sockets(lab, user, name):
    """Not even one with the number that the gateway has in its container."""
    script = (
        f"import os, socket; os.setgroups([]); os.setgid({user}); os.setuid({user})\n"
        f"try: socket.socket(socket.AF_UNIX).connect('{DIR}/run/{name}')\n"
        "except PermissionError: print('kept out')"
    )
    assert lab.sh(f"python3 -c {shlex.quote(script)}").strip() == "kept out"


def test_nothing_of_the_sockets_is_on_the_network(lab):
    listening = lab.sh("ss -Hltnp").splitlines()
    assert [line.split()[3] for line in listening if "haproxy" in line] == [f"{lab.address}:11433"]
    refused = subprocess.run(
        ["docker", "exec", lab.container, "ss", "-Hlxp"], text=True, capture_output=True, check=True
    )
    assert [line for line in refused.stdout.splitlines() if "haproxy" in line and "@" in line.split()[4]] == []
