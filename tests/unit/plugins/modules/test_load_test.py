# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``load_test``: the container that it makes, what it writes for it, and what it makes of the result."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.glue.load_files import LoadFolder
from ansible_collections.corral.ollama.tests.unit.load_engine import GENERATOR, Engine, answering, generating
from ansible_collections.corral.ollama.tests.unit.scripted_server import ScriptedServer, error, ok


def test_a_check_sends_nothing(tmp_path):
    engine = Engine(left=[{"Id": "old", "Names": ["/ollama-load-1"]}])
    with generating(engine, tmp_path) as run:
        found = run(check=True)
    assert (found.failed, found.changed, found["load"], found["planned"]["requests"]) == (False, False, {}, 10)
    assert (engine.made, engine.removed) == (None, [])
    assert not (tmp_path / "load").exists()
    assert found["steps"][0]["action"] == "send"


def test_a_test_and_another_one(tmp_path):
    engine = Engine(answering())
    with generating(engine, tmp_path) as run:
        first, second, check = run(), run(), run(check=True)
    assert (first.failed, first.changed) == (False, False), first.msg
    load = first["load"]
    assert (load["requests"], load["failed"], load["planned"], load["unanswered"]) == (10, 0, 10, 0)
    assert (load["started_at"], load["latency"]["p50"], load["aborted"]) == ("2026-11-21T23:00:00.500000000Z", 0.25, "")
    assert not Path(load["results_path"]).exists()
    assert second["load"] == {**load, "results_path": second["load"]["results_path"]}
    (results,) = (tmp_path / "load").glob("run-*/out/requests.jsonl")
    assert (str(results), len(results.read_text().splitlines())) == (second["load"]["results_path"], 10)
    assert sorted(check.result) == sorted(first.result)
    assert engine.removed == ["generator", "generator"]


def test_the_container_has_no_rights(tmp_path):
    engine = Engine(answering())
    with generating(engine, tmp_path) as run:
        run(memory_mb=256, concurrency=7, timeout=100.0)
    made, host = engine.made, engine.made["host_config"]
    assert made["entrypoint"] == ["locust"]
    assert made["user"] == "65534:65534"
    assert made["labels"] == {"corral.project": "ollama", "corral.load": "generator"}
    assert (host["read_only"], host["cap_drop"], host["network_mode"]) == (True, ["ALL"], "host")
    assert (host["security_opt"], host["mem_limit"]) == (["no-new-privileges:true"], 256 * 2**20)
    assert [bind.rsplit(":", 1)[1] for bind in host["binds"]] == ["ro", "rw"]
    assert made["command"][made["command"].index("--users") + 1] == "7"
    # It ends by itself: two seconds, then the queue and the last answer within the timeout each, and a little.
    assert made["command"][made["command"].index("--run-time") + 1] == "232s"
    assert "secret" not in json.dumps(made)


def test_what_the_generator_reads(tmp_path):
    seen = {}

    def look(plan, out):
        seen.update({path.name: (path.read_text(), stat.S_IMODE(path.stat().st_mode)) for path in plan.iterdir()})
        seen["modes"] = [stat.S_IMODE(path.stat().st_mode) for path in (plan.parent, plan, out)]
        answering()(plan, out)

    ca = tmp_path / "ca.pem"
    ca.write_text("certificate")
    with generating(Engine(look), tmp_path) as run:
        found = run(key="secret-key", ca_path=str(ca), seed=4)
    assert seen["modes"] == [0o700] * 3
    assert {told[1] for name, told in seen.items() if name != "modes"} == {0o400}
    plan = json.loads(seen["plan.json"][0])
    assert (plan["key"], plan["seed"], plan["timeout"], plan["hard_limit"]) == ("secret-key", 4, 300.0, 632.0)
    assert seen["schedule.txt"][0].splitlines()[:2] == ["0.000000 0 0", "0.200000 0 0"]
    assert seen["ca.pem"][0] == "certificate"
    assert {name: seen[name][0] for name in GENERATOR} == GENERATOR
    assert "def of_exception" in seen["load_outcome.py"][0]
    assert "secret-key" not in json.dumps(found.result)
    # The key is gone with the test.
    assert not list((tmp_path / "load").glob("run-*/in"))


def test_instances_take_turns_and_the_mix_has_weights(tmp_path):
    seen = []

    def look(plan, out):
        seen.extend(line.split() for line in (plan / "schedule.txt").read_text().splitlines())
        answering()(plan, out)

    targets = [{"name": f"ollama-server-{n}", "url": f"http://127.0.0.1:{n}"} for n in (1, 2, 3)]
    mix = [{"model": "a", "kind": "chat", "weight": 3}, {"model": "b", "kind": "embed"}]
    with generating(Engine(look), tmp_path) as run:
        found = run(targets=targets, mix=mix, rate=500.0)
    assert [line[2] for line in seen[:6]] == ["0", "1", "2", "0", "1", "2"]
    assert 700 <= sum(line[1] == "0" for line in seen) <= 800
    assert {group["instance"] for group in found["load"]["groups"]} == {
        "ollama-server-1",
        "ollama-server-2",
        "ollama-server-3",
    }


def test_a_server_says_what_a_model_does(tmp_path):
    with ScriptedServer() as server, generating(Engine(answering()), tmp_path) as run:
        answers = {"embed": ["embedding"], "write": ["completion"]}
        server.on("POST", "/api/show", lambda call: ok({"capabilities": answers[call.body["model"].split(":")[0]]}))
        targets = [{"name": "dead", "url": "http://127.0.0.1:1"}, {"name": "gateway", "url": server.url}]
        found = run(targets=targets, mix=["embed", "write"], key="secret-key")
        assert [one["kind"] for one in found["load"]["settings"]["mix"]] == ["embed", "generate"]
        assert server.calls[0].headers["Authorization"] == "Bearer secret-key"


def test_a_model_that_nobody_has_is_asked_all_the_same(tmp_path):
    """The test is there to show it."""
    with ScriptedServer() as server, generating(Engine(answering()), tmp_path) as run:
        server.on("POST", "/api/show", error(404, "model 'gone' not found"))
        found = run(targets=[{"name": "gateway", "url": server.url}], mix=["gone"])
    assert found["load"]["settings"]["mix"][0]["kind"] == "generate"


def test_what_an_earlier_run_left_is_ended(tmp_path):
    engine = Engine(answering(), left=[{"Id": "old", "Names": ["/ollama-load-1"]}])
    with generating(engine, tmp_path) as run:
        found = run()
    assert engine.removed == ["old", "generator"]
    assert found["warnings"] == ["An earlier load test was still there and was ended: ollama-load-1."]


def test_one_that_was_given_up(tmp_path):
    bad = {"n": 0, "at": 0.0, "mix": 0, "target": 0, "wait": 0.0, "class": "http_503", "status": 503, "took": 0.1}
    with generating(Engine(answering(bad, dispatched=4, aborted="1 of the first 1 requests failed")), tmp_path) as run:
        load = run()["load"]
    assert (load["aborted"], load["unanswered"], load["failed"]) == ("1 of the first 1 requests failed", 3, 1)


def test_a_generator_that_was_late_itself_is_told(tmp_path):
    with generating(Engine(answering(late=3, lag=1.5)), tmp_path) as run:
        (warning,) = run()["warnings"]
    assert warning.startswith("The generator itself was late for 3 requests, by 1.5 s at most")


def test_a_killed_run_that_still_works_touches_nothing_of_the_next(tmp_path):
    """Its module goes on without its controller, and clears up behind itself when its container is gone."""
    old = LoadFolder(str(tmp_path / "load"))

    def play(plan, out):
        old.forget()
        answering()(plan, out)

    with generating(Engine(play), tmp_path) as run:
        old.make(GENERATOR, {}, [], "")
        found = run()
    assert found["load"]["requests"] == 10
    assert not Path(old.run).exists()


def test_files_of_others_in_the_folder_stay(tmp_path):
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "mine").write_text("x")
    (tmp_path / "load" / "run-of-mine").mkdir()
    with generating(Engine(answering()), tmp_path) as run:
        assert not run().failed
    assert (tmp_path / "load" / "mine").read_text() == "x"
    assert (tmp_path / "load" / "run-of-mine").is_dir()


def test_progress_is_told(tmp_path):
    with generating(Engine(answering()), tmp_path) as run:
        run(progress_path=str(tmp_path / "progress"))
    told = json.loads((tmp_path / "progress").read_text())
    assert told["phase"] == "10 of about 10 answered, 0 failed"
