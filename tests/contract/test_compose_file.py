"""The project file as the role renders it. What was written for inputs of before stays as it was, to the byte: the
file's digest says whether a host is as declared, and for another definition containers are made anew."""

from __future__ import annotations

import json
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.corral.ollama.plugins.filter.gateway_service import FilterModule as GatewayService
from ansible_collections.corral.ollama.plugins.filter.gpu_service import gpu_service_filter
from ansible_collections.corral.ollama.plugins.filter.instances import instances_filter
from ansible_collections.corral.ollama.tests.contract import house

ROLE = house.ROOT / "roles/instances"
GOLDEN = house.ROOT / "tests/contract/golden_compose"
INPUTS: dict[str, dict[str, Any]] = {
    "none": {"gpus": [], "instances_gateway": True},
    "dealt": {"gpus": [0, "GPU-8932f937-d72c"]},
    "several": {"gpus": [[0, 1], ["2", "MIG-GPU-1/0/2"]]},
    "every": {"gpus": "all"},
}


def rendered(gpus: Any, vendor: str = "nvidia", runtime: str = "auto", **inputs: Any) -> str:
    """With the defaults of the role and two instances."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(
        bool=bool,
        combine=lambda one, other: {**one, **other},
        to_json=json.dumps,
        to_nice_yaml=lambda value, indent, sort_keys: yaml.safe_dump(
            value, indent=indent, sort_keys=sort_keys, default_flow_style=False, width=2**31
        ),
    )
    environment.filters["corral.ollama.gateway_service"] = GatewayService().filters()["gateway_service"]
    environment.filters["corral.ollama.gpu_service"] = gpu_service_filter
    specs = house.data(ROLE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    known = {name: option["default"] for name, option in specs.items()}
    own = {"__instances_gpu_vendor": vendor, "instances_gpu_vendor": vendor, "instances_gpu_runtime": runtime}
    variables = house.data(ROLE / "vars/main.yml")
    by_runtime = environment.from_string(variables["__instances_by_runtime"]).render(own) == "True"
    return environment.from_string(house.text(ROLE / "templates/compose.yml.j2")).render(
        {**known, "instances_store_volume": "ollama_models", "instances_project_dir": "/opt/corral/ollama"},
        **{"instances_gateway": False, **own, **inputs},
        ansible_managed="Ansible managed",
        __instances_declared=instances_filter("ollama", 2, gpus=gpus),
        __instances_environment=variables["__instances_environment"],
        __instances_by_runtime=by_runtime,
    )


@pytest.mark.parametrize("about", INPUTS)
def test_what_was_declared_before_reads_as_before(about: str) -> None:
    assert rendered(**INPUTS[about]) == house.text(GOLDEN / f"{about}.txt")


def services(**inputs: Any) -> list[dict[str, Any]]:
    return list(yaml.safe_load(rendered(**inputs))["services"].values())


def test_by_cdi() -> None:
    first, second = services(gpus=[[0, "0:1"], "all"], runtime="cdi")
    reserved = first["deploy"]["resources"]["reservations"]["devices"]
    assert reserved == [
        {"driver": "cdi", "capabilities": ["gpu"], "device_ids": ["nvidia.com/gpu=0", "nvidia.com/gpu=0:1"]}
    ]
    assert second["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"] == ["nvidia.com/gpu=all"]


def test_amd_by_its_devices() -> None:
    first, second = services(gpus=["none", "renderD129"], vendor="amd")
    assert not {"deploy", "devices"} & set(first)
    assert second["devices"] == ["/dev/kfd:/dev/kfd", "/dev/dri/renderD129:/dev/dri/renderD129"]
    assert "deploy" not in second
