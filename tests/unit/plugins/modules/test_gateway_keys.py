# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``gateway_keys``: created, changed, revoked, in the files and in what runs; and no key anywhere."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.corral.ollama.plugins.modules import gateway_keys
from ansible_collections.corral.ollama.tests.unit.fake_haproxy import MAP_FOLDER, FakeHaproxy
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module

WEB, OPS, NEW = "web-q7Lw2nD9xR4tV8zB1", "ops-q7Lw2nD9xR4tV8zB1", "new-q7Lw2nD9xR4tV8zB1"
KEYS, ADMINS = f"{MAP_FOLDER}/keys.map", f"{MAP_FOLDER}/admins.map"


def hashed(key):
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def gateway(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "run").mkdir()
    return FakeHaproxy(tmp_path / "run", maps={KEYS: {}, ADMINS: {}})


@pytest.fixture
def haproxy(gateway):
    with gateway.running():
        yield gateway


def args(gateway, *keys, **more):
    conf = gateway.run_dir.parent / "conf"
    return {"conf_dir": str(conf), "run_dir": str(gateway.run_dir), "keys": list(keys), "gid": os.getgid(), **more}


def lines(gateway, file):
    text = (gateway.run_dir.parent / "conf" / file).read_text()
    return [line for line in text.splitlines() if not line.startswith("#")]


WEB_KEY, OPS_KEY = {"name": "web", "key": WEB}, {"name": "ops", "sha256": hashed(OPS), "admin": True}


def test_create_change_revoke(haproxy):
    check, real = four_runs(gateway_keys, args(haproxy, WEB_KEY, OPS_KEY))[:2]
    assert real["added"] == check["added"] == ["ops", "web"]
    assert real["clients"] == [{"name": "ops", "admin": True}, {"name": "web", "admin": False}]
    assert (check["synced"], real["synced"]) == (True, True)
    assert lines(haproxy, "keys.map") == [f"{hashed(OPS)} ops", f"{hashed(WEB)} web"]
    assert lines(haproxy, "admins.map") == [f"{hashed(OPS)} ops"]
    assert (haproxy.run_dir.parent / "conf" / "keys.map").stat().st_mode & 0o777 == 0o640
    assert haproxy.maps == {KEYS: {hashed(OPS): "ops", hashed(WEB): "web"}, ADMINS: {hashed(OPS): "ops"}}

    real = four_runs(gateway_keys, args(haproxy, {"name": "web", "key": NEW}, {**OPS_KEY, "admin": False}))[1]
    assert (real["added"], real["removed"], real["rotated"]) == ([], [], ["web"])
    assert real["diff"]["before"] == {"keys": ["ops (admin)", "web"]}
    assert real["diff"]["after"] == {"keys": ["ops", "web (another key)"]}
    assert haproxy.maps == {KEYS: {hashed(OPS): "ops", hashed(NEW): "web"}, ADMINS: {}}

    real = four_runs(gateway_keys, args(haproxy))[1]
    assert real["removed"] == ["ops", "web"]
    assert lines(haproxy, "keys.map") == []
    assert haproxy.maps == {KEYS: {}, ADMINS: {}}
    assert "reload" not in haproxy.commands


def test_check_mode_writes_nothing(haproxy):
    assert run_module(gateway_keys, args(haproxy, WEB_KEY), check=True).changed
    assert os.listdir(haproxy.run_dir.parent / "conf") == []
    assert haproxy.maps == {KEYS: {}, ADMINS: {}}


def test_no_key_and_no_hash_is_told(haproxy):
    told = ""
    for keys in ([WEB_KEY, OPS_KEY], [{"name": "web", "key": NEW}], [{"name": "web", "key": WEB[:12]}]):
        for check in (True, False):
            told += str(run_module(gateway_keys, args(haproxy, *keys), check=check).result)
    for secret in (WEB, OPS, NEW, WEB[:12]):
        assert secret not in told
        assert hashed(secret) not in told


def test_the_files_alone_while_no_gateway_runs(gateway):
    check, real = four_runs(gateway_keys, args(gateway, WEB_KEY))[:2]
    assert (check["synced"], real["synced"]) == (False, False)
    assert lines(gateway, "keys.map") == [f"{hashed(WEB)} web"]
    assert not run_module(gateway_keys, args(gateway, WEB_KEY, run_dir=""))["synced"]
    with gateway.running():
        # it started with the old files: the next run notices
        outcome = run_module(gateway_keys, args(gateway, WEB_KEY))
        assert (outcome.changed, outcome["synced"], outcome["added"]) == (True, True, [])
        assert gateway.maps[KEYS] == {hashed(WEB): "web"}


def test_a_gateway_that_does_not_use_the_files_yet(haproxy):
    haproxy.maps = {}
    assert run_module(gateway_keys, args(haproxy, WEB_KEY))["synced"] is False


def test_a_key_that_was_added_by_hand_goes(haproxy):
    run_module(gateway_keys, args(haproxy, WEB_KEY))
    haproxy.maps[KEYS][hashed("x")] = "stranger"
    outcome = run_module(gateway_keys, args(haproxy, WEB_KEY))
    assert [step["action"] for step in outcome["steps"]] == ["exchange"]
    assert haproxy.maps[KEYS] == {hashed(WEB): "web"}


@pytest.mark.parametrize("how", ["mode", "text", "link", "gone"])
def test_a_file_that_was_changed_is_put_right(haproxy, tmp_path, how):
    run_module(gateway_keys, args(haproxy, WEB_KEY))
    path = tmp_path / "conf" / "keys.map"
    if how == "mode":
        path.chmod(0o666)
    elif how == "text":
        path.write_text(f"{hashed('x')} stranger of mine\n")
    else:
        path.unlink()
        if how == "link":
            path.symlink_to(tmp_path / "elsewhere")
    assert four_runs(gateway_keys, args(haproxy, WEB_KEY))
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert lines(haproxy, "keys.map") == [f"{hashed(WEB)} web"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_that_could_be_guessed(haproxy):
    outcome = run_module(gateway_keys, args(haproxy, {"name": "web", "key": "hunter2"}))
    assert outcome.kind == "bad_gateway_key"
    assert "openssl rand" in outcome.msg
    assert os.listdir(haproxy.run_dir.parent / "conf") == []


def test_a_folder_that_is_missing(haproxy, tmp_path):
    outcome = run_module(gateway_keys, args(haproxy, WEB_KEY, conf_dir=str(tmp_path / "none")))
    assert outcome.kind == "io_error"
    assert haproxy.maps[KEYS] == {}


def test_a_gateway_that_refuses_the_exchange(haproxy):
    haproxy.script = lambda command: "Permission denied\n\n" if command.startswith("prepare") else None
    outcome = run_module(gateway_keys, args(haproxy, WEB_KEY))
    assert outcome.kind == "gateway_refused"
    haproxy.script = lambda _command: None
    assert run_module(gateway_keys, args(haproxy, WEB_KEY)).changed
    assert haproxy.maps[KEYS] == {hashed(WEB): "web"}
