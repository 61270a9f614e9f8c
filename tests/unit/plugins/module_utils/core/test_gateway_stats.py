# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies of a real HAProxy, and what must not pass for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_state import (
    alerts,
    configured_servers,
    state_text,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_stats import (
    Held,
    Workers,
    backend_queue,
    config_id,
    held,
    parse_info,
    parse_proc,
    parse_stat,
    parse_state,
    server_name,
    server_states,
)

RECORDED = Path(__file__).parents[3] / "fixtures" / "haproxy"
CONFIG = """\
global
  server not-here 127.0.0.1:1
frontend api
  bind 127.0.0.1:80
backend instances
  # server off 127.0.0.1:2
  server ollama-server-1 127.0.0.1:12000 maxconn 4
  server ollama-server-2 [::1]:12001
  server odd nowhere
backend with_x
  server ollama-server-1 127.0.0.1:12000 track instances/ollama-server-1
listen metrics
  server five 127.0.0.1:99999
"""


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text()


def test_servers_of_all_workers():
    old = held(recorded("old_show_stat"), recorded("old_show_info"))
    assert old.waiting == 0
    states = server_states(parse_stat(recorded("show_stat")), [old], parse_state(recorded("show_servers_state")))
    assert list(states) == ["ollama-server-1", "ollama-server-2"]
    first, second = states.values()
    assert (first.status, first.drained, first.in_flight, first.old_in_flight) == ("DRAIN", True, 2, 1)
    assert (second.status, second.drained, second.in_flight, second.queued) == ("UP", False, 2, 0)
    assert (first.address, first.port, second.port) == ("127.0.0.1", 18811, 18812)
    assert not first.idle


def test_a_server_that_only_an_old_worker_has_is_seen():
    rows = tuple(row for row in parse_stat(recorded("show_stat")) if row["svname"] != "ollama-server-2")
    old = Held(parse_stat(recorded("old_show_stat")), 0)
    states = server_states(rows, [old], {})
    assert (states["ollama-server-2"].known, states["ollama-server-2"].in_flight) == (False, 1)


@pytest.mark.parametrize(
    ("clients", "streams", "waiting"),
    [(2, 2, 0), (4, 2, 2), (1, 5, 3), (0, 0, 0)],
    ids=["each on a server", "half a request", "streams of one HTTP/2 client", "ending"],
)
def test_what_has_no_server_yet_in_an_old_worker_counts_for_every_server(clients, streams, waiting):
    stat = recorded("old_show_stat").replace("api,FRONTEND,,,2,", f"api,FRONTEND,,,{clients},")
    info = recorded("old_show_info")
    now = next(line for line in info.splitlines() if line.startswith("CurrStreams"))
    found = held(stat, info.replace(now, f"CurrStreams: {streams + 1}"))
    assert found.waiting == waiting
    states = server_states(parse_stat(recorded("show_stat")), [found], {})
    assert {state.queued for state in states.values()} == {waiting}


def test_queue_of_the_backends():
    rows = parse_stat(recorded("show_stat"))
    assert backend_queue(rows) == 0
    assert backend_queue([{"svname": "BACKEND", "qcur": "3"}, {"svname": "s", "qcur": "9"}]) == 3


def test_info_and_processes():
    info = parse_info(recorded("show_info"))
    assert (info["Version"][:6], config_id(info)) == ("3.0.11", "abc123")
    assert config_id({"description": "somebody's own"}) == config_id({}) == ""
    assert parse_proc(recorded("show_proc")) == Workers(4718, (4042,))
    assert parse_proc(recorded("show_proc_refused")) == Workers(4718, (4042,))
    assert parse_proc("#<PID> <type>\n4035 master 0\n# workers\n# programs\n\n") == Workers(0)


@pytest.mark.parametrize("parse", [parse_stat, parse_info, parse_proc, parse_state])
@pytest.mark.parametrize("text", ["", "\n", "Unknown command.\n\n", "<html></html>\n\n"])
def test_what_is_not_haproxys_is_refused(parse, text):
    with pytest.raises(CorralError) as error:
        parse(text)
    assert error.value.kind == "gateway_unreadable"


def test_a_row_that_is_cut_off_is_refused():
    text = recorded("show_stat")
    with pytest.raises(CorralError):
        parse_stat(text[: text.rindex("with_x") + 40])
    lines = recorded("show_servers_state").splitlines()
    with pytest.raises(CorralError):
        parse_state("\n".join([*lines[:2], lines[2][:50]]))


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a;b", "a\nb", "a/b", "../x", "-a", "é", "a" * 129, "a\x00", "a\n", "$(x)", "a\\b", None, 3],
)
def test_hostile_names_are_refused(name):
    with pytest.raises(CorralError) as error:
        server_name(name)
    assert error.value.kind == "bad_server_name"


def test_names_of_instances_are_fine():
    assert [server_name(name) for name in ("ollama-server-1", "a.b_c")] == ["ollama-server-1", "a.b_c"]


def test_configured_servers():
    assert configured_servers(CONFIG) == {
        ("instances", "ollama-server-1"): ("127.0.0.1", 12000),
        ("instances", "ollama-server-2"): ("::1", 12001),
        ("with_x", "ollama-server-1"): ("127.0.0.1", 12000),
    }
    assert configured_servers("") == {}


def test_the_file_has_who_is_out_at_the_port_that_will_be_loaded():
    text = state_text(recorded("show_servers_state"), configured_servers(CONFIG))
    lines = text.splitlines()
    assert lines[0] == "1"
    assert lines[1].startswith("# be_id")
    assert [line.split(" ")[3] for line in lines[2:]] == ["ollama-server-1"]
    assert lines[2].split(" ")[18] == "12000"
    assert lines[2].split(" ")[6] == "8"
    assert parse_state(text)


def test_the_file_for_a_reload_has_the_healthy_ones_too():
    text = state_text(recorded("show_servers_state"), configured_servers(CONFIG), healthy=True)
    ports = {key: words[18] for key, words in parse_state(text).items()}
    assert ports == {("instances", "ollama-server-1"): "12000", ("instances", "ollama-server-2"): "12001"}
    # without a configuration nobody knows whether the port is still right
    assert list(parse_state(state_text(recorded("show_servers_state"), {}, healthy=True))) == [
        ("instances", "ollama-server-1")
    ]


def test_one_that_is_down_stays_down_over_a_restart():
    down = recorded("show_servers_state").replace("ollama-server-2 127.0.0.1 2 0", "ollama-server-2 127.0.0.1 0 0")
    assert ("instances", "ollama-server-2") in parse_state(state_text(down, {}))


def test_the_words_of_a_refusal():
    told = alerts(recorded("reload_refused").partition("\n--\n")[2])
    assert "balance only supports" in told
    assert "\n" not in told
    assert alerts("killed by a signal") == "killed by a signal"
