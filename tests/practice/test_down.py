"""practice/down removes what practice/up made, and nothing that others made from its images."""

from __future__ import annotations

from typing import Any

import docker.errors
import pytest
from corral_practice import down


class Thing:
    """A container, network or volume of a pretended engine."""

    def __init__(self, name: str, labels: dict[str, str], problem: str = "") -> None:
        self.name, self.labels, self.problem, self.gone = name, labels, problem, False
        self.containers: list[Any] = []

    def reload(self) -> None: ...

    def remove(self, **_options: Any) -> None:
        if self.problem:
            raise docker.errors.APIError("no", explanation=self.problem)
        self.gone = True


class Things:
    def __init__(self, *things: Thing) -> None:
        self.things = things

    def list(self, filters: dict[str, list[str]], **_options: Any) -> list[Thing]:
        def matches(thing: Thing, label: str) -> bool:
            key, equals, value = label.partition("=")
            return key in thing.labels and (not equals or thing.labels[key] == value)

        return [thing for thing in self.things if all(matches(thing, label) for label in filters["label"])]


class Engine:
    def __init__(self) -> None:
        image = {"corral.practice": "true"}
        self.mine = Thing("corral-practice-registry", {**image, "corral.practice.site": "corral-practice"})
        self.other_site = Thing("x-registry", {**image, "corral.practice.site": "x"})
        self.fleet = Thing("ollama-ollama-server-1", image)
        self.network = Thing("corral-practice", {**image, "corral.practice.site": "corral-practice"})
        self.containers = Things(self.mine, self.other_site, self.fleet)
        self.networks, self.volumes, self.images = Things(self.network), Things(), Things()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Engine:
    made = Engine()
    monkeypatch.setattr(down, "engine", lambda: made)
    monkeypatch.setattr(down, "CACHE", tmp_path)
    monkeypatch.setattr("corral_practice.engine.CACHE", tmp_path)
    monkeypatch.delenv("CORRAL_PRACTICE_NAME", raising=False)
    return made


def test_removes_all_sites_and_leaves_the_fleet(engine: Engine) -> None:
    assert down.down([]) == 0
    assert engine.mine.gone
    assert engine.other_site.gone
    assert engine.network.gone
    assert not engine.fleet.gone


def test_a_named_site_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRAL_PRACTICE_NAME", "x")
    assert down.down([]) == 0
    assert engine.other_site.gone
    assert not engine.mine.gone
    assert not engine.network.gone


def test_what_cannot_go_is_named(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.network.problem = "has active endpoints"
    assert down.down([]) == 1
    assert "KEPT network corral-practice: has active endpoints" in capsys.readouterr().out
