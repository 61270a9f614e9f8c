"""Create, again, change and remove, each in check mode, for real and again. The tests are one story."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = 13


def test_on_an_empty_controller_check_mode_tells_all_and_changes_nothing(awx, configure):
    run = configure("--check")
    assert (run.code, run.changed, len(run.planned), run.done) == (0, 1, OBJECTS, []), run.text
    assert awx.changes == []


def test_what_is_shipped_comes_to_a_template_for_every_playbook(awx, configure):
    """The files of inventories/awx together, as Ansible reads them; tests/contract judges what they say."""
    run = configure("--check", inventory="inventories/awx")
    assert (run.code, run.changed) == (0, 1), run.text
    templates = [line.split()[-1] for line in run.planned if line.startswith("create job template")]
    assert sorted(templates) == sorted(f"corral_{path.stem}" for path in (ROOT / "playbooks").glob("*.yml"))
    assert "create workflow corral_change" in run.planned
    assert awx.changes == []


def test_a_refusal_in_the_middle_is_told_and_the_next_run_finishes(awx, configure):
    awx.store.playbooks.remove("playbooks/scrub.yml")
    run = configure()
    assert run.code == 2
    for part in ("job template corral_scrub", "Playbook not found for project.", "10 of 13 steps are done"):
        assert part in " ".join(run.text.split()), run.text
    awx.store.playbooks.append("playbooks/scrub.yml")
    run = configure()
    assert run.code == 0, run.text
    assert run.done == [
        "create job template corral_scrub",
        "create workflow corral_change",
        "create schedule corral_nightly",
    ]
    assert awx.store.named("schedules", "corral_nightly")["extra_data"] == {"scrub_part": "1/7"}


def test_again_nothing_is_changed_and_check_mode_says_so(awx, configure):
    awx.calls.clear()
    for options in ([], ["--check"]):
        run = configure(*options)
        assert (run.code, run.changed, run.planned) == (0, 0, []), run.text
    assert awx.changes == []


def test_what_differs_is_predicted_done_and_then_left_alone(awx, configure):
    other = {"deadline": "60", "limit": "gpu1", "first_edge": "failure_nodes"}
    predicted = configure("--check", "--diff", **other)
    assert predicted.planned == [
        "update job template corral_scrub limit",
        "update workflow corral_change workflow_nodes",
    ]
    run = configure(**other)
    assert (run.code, run.planned) == (0, predicted.planned), run.text
    nodes = {node["identifier"]: node for node in awx.store.objects["workflow_job_template_nodes"].values()}
    # The old edge is gone with it: awx.awx by itself leaves it, and it would still fire.
    assert (nodes["scrub"]["success_nodes"], nodes["scrub"]["failure_nodes"]) == ([], [nodes["wait"]["id"]])
    assert configure("--check", **other).changed == 0


def test_secrets_are_written_when_asked(awx, configure):
    credential = next(one for one in awx.store.objects["credentials"].values() if one["name"] == "corral_ssh")
    credential["_written"] = {}
    other = {"deadline": "60", "limit": "gpu1", "first_edge": "failure_nodes"}
    run = configure(awx_update_secrets="true", **other)
    assert (run.code, run.done) == (0, ["update credential corral_ssh: inputs"]), run.text
    assert credential["_written"]["ssh_key_data"] == "planted-ssh-key"


def test_what_is_declared_absent_is_removed_and_stays_so(awx, configure):
    gone = '{"controller_schedules": [{"name": "corral_nightly", "state": "absent"}], "controller_workflows": []}'
    other = ("-e", gone, "-e", "limit=gpu1")
    assert configure("--check", *other).planned == ["remove schedule corral_nightly"]
    assert configure(*other).done == ["remove schedule corral_nightly"]
    assert awx.store.objects["schedules"] == {}
    assert configure("--check", *other).changed == 0
