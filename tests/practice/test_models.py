"""The practice models: the same bytes every time, with the layers that real ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import pytest
from corral_practice import models
from corral_practice.catalog import MODELS, catalog
from corral_practice.gguf_files import WRITERS


@pytest.fixture(scope="module")
def made() -> dict[str, models.Model]:
    return catalog()


def kinds(model: models.Model) -> list[str]:
    return [layer.media_type.rpartition(".")[2] for layer in model.layers]


def test_digests_are_the_recorded_ones(made: dict[str, models.Model]) -> None:
    recorded = json.loads((MODELS / "digests.json").read_text())
    assert {name: model.digest for name, model in made.items()} == recorded


def test_the_five_models_and_a_second_version(made: dict[str, models.Model]) -> None:
    assert list(made)[:5] == ["mistral:7b", "llama3.2:3b", "codellama:7b", "llava:7b", "nomic-embed-text:v1.5"]
    assert made["mistral:7b-v2"].digest != made["mistral:7b"].digest
    assert made["mistral:7b-v2"].layers[0] == made["mistral:7b"].layers[0]


def test_sizes_from_200_kb_to_several_parts(made: dict[str, models.Model]) -> None:
    sizes = {name: model.layers[0].size for name, model in made.items()}
    assert sizes["nomic-embed-text:v1.5"] < 300_000
    assert sizes["mistral:7b"] > 200_000_000, "two parts of 100 MB and a rest"


def test_models_share_layers(made: dict[str, models.Model]) -> None:
    def digests(name: str) -> set[str]:
        return {layer.digest for layer in made[name].layers}

    assert len(digests("mistral:7b") & digests("codellama:7b")) == 2, "template and params"
    assert len(digests("llama3.2:3b") & digests("codellama:7b")) == 2, "both licences"


@pytest.mark.parametrize("name", ["mistral:7b", "llama3.2:3b", "codellama:7b", "llava:7b"])
def test_layers_of_a_model_that_talks(made: dict[str, models.Model], name: str) -> None:
    found = kinds(made[name])
    assert found[0] == "model"
    assert {"template", "license", "params"} <= set(found)


def test_manifest_has_the_shape_of_a_real_one() -> None:
    model = models.tiny_model(system="You are a practice model.", licenses=("one\n", "two\n"), template="{{ .Prompt }}")
    body = json.loads(model.manifest)
    assert list(body) == ["schemaVersion", "mediaType", "config", "layers"]
    assert list(body["config"]) == ["mediaType", "digest", "size"]
    assert kinds(model) == ["model", "template", "system", "license", "license", "params"]
    config = json.loads(model.config.data)
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in body["layers"]]
    assert (config["model_format"], config["model_family"], config["file_type"]) == ("gguf", "llama", "F16")
    assert b" " not in model.manifest


def test_tiny_models_are_small_repeatable_and_differ_by_seed() -> None:
    first, again, other = models.tiny_model(1), models.tiny_model(1), models.tiny_model(2)
    assert first.digest == again.digest != other.digest
    assert first.size < 300_000


@pytest.mark.parametrize(("architecture", "tensors"), [("llama", 3 + 2 * 9), ("bert", 5 + 2 * 16)])
def test_a_reader_of_gguf_accepts_the_files(tmp_path: Path, architecture: str, tensors: int) -> None:
    path = tmp_path / "x.gguf"
    parameters = WRITERS[architecture](path, seed=1)
    reader: Any = gguf.GGUFReader(path)
    assert reader.fields["general.architecture"].contents() == architecture
    assert len(reader.tensors) == tensors
    assert sum(int(tensor.n_elements) for tensor in reader.tensors) == parameters


@pytest.mark.parametrize(
    ("count", "text"), [(7, "7"), (119_500, "120K"), (51_400_000, "51.40M"), (2_000_000, "2M"), (7_200_000_000, "7.2B")]
)
def test_numbers_of_parameters_as_ollama_writes_them(count: int, text: str) -> None:
    assert models.human_number(count) == text
