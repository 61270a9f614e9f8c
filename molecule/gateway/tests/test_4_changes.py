# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""It changes while clients ask; a fleet of one is restarted; what cannot work is refused and changes nothing."""

from __future__ import annotations

import shlex
import threading
from contextlib import contextmanager

import httpx
from asking import BEARER, KEY, KEYS, asked, keyed, two
from conftest import DIR
from lab import wait_until
from load import Load
from wire import Gateway

ADMIN_SOCKET = f"{DIR}/run/admin.sock"
TELL = (
    "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
    "s.sendall(sys.argv[2].encode() + b'\\n')\nprint(b''.join(iter(lambda: s.recv(65536), b'')).decode())"
)


def tell(lab, command):
    """A command of the runtime API, as the host's root."""
    return lab.sh(f"python3 -c {shlex.quote(TELL)} {ADMIN_SOCKET} {shlex.quote(command)}")


def test_a_reload_under_load_cuts_nothing(lab, ca, own_certificate, change, worker):
    """A new worker with another configuration, twice; streams that run meanwhile end with the old one."""
    change(**own_certificate).ok()
    started, pid, before = worker()
    models = {"gateway-chat:1b": "chat", "gateway-embed:1b": "embed"}
    load = Load(
        f"https://{lab.address}:11433", KEY, str(ca), models, clients=8, long_streams=2, rate=12, long_tokens=400
    )
    with load:
        change(corral_gateway_queue_timeout=60).ok()
        middle = worker()
        change(corral_gateway_queue_timeout=120).ok()
        enough = load.so_far().total + 20
        wait_until(lambda: load.so_far().total > enough, 90, "requests after the reloads")
        outcome = load.stop()
    # The old worker closes what is idle, as nobody can drain through it. Who sends in that moment has to send again.
    closed = [one for one in outcome.failed if (one.how, one.status, one.instance) == ("dropped", 0, "")]
    assert [one for one in outcome.failed if one not in closed] == [], str(outcome)
    assert len(closed) <= outcome.total // 100, str(outcome)
    assert outcome.total > 50
    assert (middle[0], middle[2] == before) == (started, False)
    assert worker()[0] == started
    assert pid not in (middle[1], worker()[1])
    assert worker()[2] == before


@contextmanager
def clients(lab, ca, body):
    """Four clients that ask one after the other, and the statuses that they get."""
    answers, stop = [], threading.Event()

    def ask():
        with httpx.Client(verify=str(ca), headers={"Authorization": f"Bearer {KEY}"}, timeout=120) as http:
            while not stop.wait(0.3):
                answers.append(http.post(f"https://{lab.address}:11433/api/embed", json=body).status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        # Nobody is left waiting for it, whatever went wrong.
        tell(lab, "set server instances/ollama-server-3 state ready")
        stop.set()
        for thread in threads:
            thread.join()


def test_requests_wait_while_the_only_instance_restarts(lab, ca):
    """Its model is served by nobody else, as all are in a fleet of one. Drained, restarted, ready: none fails."""
    with clients(lab, ca, {"model": "gateway-embed:1b", "input": "one"}) as answers:
        wait_until(lambda: len(answers) > 8, 60, "answers before the restart")
        assert tell(lab, "set server instances/ollama-server-3 state drain").strip() == ""
        lab.docker("restart", "ollama-ollama-server-3")
        before = len(answers)
        wait_until(lambda: answered(lab, 11436), 60, "the instance to answer")
        assert len(answers) <= before + 4
        assert tell(lab, "set server instances/ollama-server-3 state ready").strip() == ""
        wait_until(lambda: len(answers) > before + 8, 60, "answers after the restart")
    assert set(answers) == {200}
    held = [line for line in lab.sh("docker logs ollama-gateway 2>&1").splitlines() if "backend=models-1" in line]
    assert any(int(value) > 0 for line in held if (value := field(line, "held_ms")) != "-")


def answered(lab, port):
    ask = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/api/version', timeout=5).read())"
    return "version" in lab.sh(f'python3 -c "{ask}" 2>/dev/null', check=False)


def field(line, name):
    return dict(part.partition("=")[::2] for part in line.split())[name]


def test_one_error_for_all_that_is_wrong_and_no_key_in_it(lab, change, worker):
    before, files = worker(), lab.sh(f"find {DIR}/conf -type f -exec sha256sum {{}} +")
    short = {"name": "short", "key": "hunter2-hunter2"}
    message = change(keep=False, corral_gateway_port=443, corral_gateway_keys=[short]).failed(
        "443", "redirect", "'short'"
    )
    assert "hunter2" not in message
    change(keep=False, corral_gateway_keys=[]).failed("corral_gateway_keys is empty", "corral_gateway_allow_anonymous")
    assert (worker(), lab.sh(f"find {DIR}/conf -type f -exec sha256sum {{}} +")) == (before, files)


def test_a_certificate_that_fits_no_key_is_refused_by_haproxy_itself(lab, gateway, own_certificate, change, worker):
    before = worker()
    lab.sh("cp /etc/corral-practice/ca.pem /etc/corral-practice/other.pem")
    other = {**own_certificate, "corral_gateway_tls_certificate": "/etc/corral-practice/other.pem"}
    run = change(keep=False, **other)
    run.failed("HAProxy refuses the configuration", "private key", "corral_gateway_tls_key")
    assert worker() == before
    assert keyed(BEARER)(gateway) == ["200*"]
    # The next run finds what is missing, and tidies up.
    assert change(**own_certificate).ok().changed
    assert len(lab.sh(f"ls {DIR}/conf/tls").split()) == 2
    assert change().ok().changed == []


def test_in_clear_text_the_rules_are_the_same(lab, change):
    change(corral_gateway_tls=False, corral_gateway_tls_certificate="", corral_gateway_tls_key="").ok()
    clear = Gateway(lab.address, 11433)
    assert asked("GET /api/tags")(clear) == ["200*"]
    assert two("GET", "/api/tags")(clear) == ["200"]
    assert two("GET", "/api/tags", key="w" * 32)(clear) == ["401"]
    for path in ("/api/pull", "//api/pull", "/api/%70ull", "/api/./pull"):
        assert asked(f"POST {path}")(clear) == ["403"]
        assert two("POST", path, body=b"{}")(clear) == ["403"]
    assert two("POST", "/api/pull", body=b"{}", key=KEYS["operators"])(clear) != ["403"]
    assert lab.sh(f"ls {DIR}/conf/tls") == ""


def test_turned_off_it_leaves_nothing(lab, change):
    change(corral_gateway=False).ok()
    assert "ollama-gateway" not in lab.containers()
    assert lab.sh(f"ls -d {DIR} 2>/dev/null", check=False) == ""
    assert change().ok().changed == []
