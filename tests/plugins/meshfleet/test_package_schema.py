"""The schema of the plugin's package is what its resources take and give, in every fleet that is registered."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key

from meshfleet.plugins.meshfleet import sdk
from meshfleet.plugins.meshfleet.package_schema import _type, package_schema
from meshfleet.plugins.meshfleet.provider import _HANDLERS, MeshfleetProvider, load_handler
from meshfleet.toolchain import Toolchain
from tests.components.fleets import NAMES
from tests.components.recorded_fleets import graph_called
from tests.components.registered_graph import Resource

PLUGIN = Path(__file__).parents[3] / "meshfleet" / "plugins" / "meshfleet" / "pulumi-resource-meshfleet"
KINDS: Mapping[str, Any] = {"string": str, "integer": (int, float), "boolean": bool, "object": Mapping, "array": list}

pytestmark = pytest.mark.proof("the schema of the plugin's package is that of its resources", step=1)


@cache
def schema() -> dict[str, Any]:
    """The schema, made once."""
    return package_schema()


def faults(value: Any, kind: Mapping[str, Any], path: str) -> Iterable[str]:
    """Where a value of the wire is not what the schema says."""
    if isinstance(value, Mapping) and value.get(_special_sig_key) == _special_secret_sig:
        value = value["value"]
    if kind.get("$ref"):
        return
    if not isinstance(value, KINDS[kind["type"]]) or (isinstance(value, bool) and kind["type"] != "boolean"):
        yield f"{path} is {type(value).__name__}, not {kind['type']}"
        return
    for name, inner in value.items() if kind["type"] == "object" else ():
        yield from faults(inner, kind["additionalProperties"], f"{path}.{name}")
    for inner in value if kind["type"] == "array" else ():
        yield from faults(inner, kind["items"], f"{path}[]")


def wrong(resource: Resource) -> Iterable[str]:
    """What a registered resource has that its schema does not allow, and what it lacks."""
    declared = schema()["resources"][resource.type]
    inputs = resource.inputs
    yield from (f"{name} is not in the schema" for name in inputs.keys() - declared["inputProperties"].keys())
    yield from (f"{name} is missing" for name in set(declared["requiredInputs"]) - inputs.keys())
    for name in inputs.keys() & declared["inputProperties"].keys():
        yield from faults(inputs[name], declared["inputProperties"][name], name)
    secret = {name for name, kind in declared["properties"].items() if kind.get("secret")}
    yield from (f"{name} is not secret in the schema" for name in resource.secret_outputs - secret)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_registered_is_as_the_schema_says(name: str) -> None:
    resources = graph_called(name).resources.values()
    ours = [resource for resource in resources if resource.type in schema()["resources"]]
    assert {resource.name: found for resource in ours if (found := list(wrong(resource)))} == {}


def test_every_resource_is_in_it_with_all_its_outputs() -> None:
    resources = schema()["resources"]
    assert resources.keys() == _HANDLERS.keys() == {f"meshfleet:index:{name}" for name in sdk.__all__}
    for token, declared in resources.items():
        handler = load_handler(token)
        assert handler.outputs <= declared["properties"].keys(), token
        assert set(declared["required"]) <= declared["properties"].keys()
        assert set(declared["requiredInputs"]) <= declared["inputProperties"].keys()
        assert declared["description"]
        for name in handler.secret_outputs | handler.secret_inputs:
            assert declared["properties"][name]["secret"] is True, f"{token}: {name}"


@pytest.mark.parametrize("hint", [bytes, dict, list, set[str]])
def test_a_type_without_a_counterpart_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match="no counterpart"):
        _type(hint)


def test_the_plugin_answers_with_it() -> None:
    assert json.loads(MeshfleetProvider().schema()) == schema()


@pytest.mark.tools
def test_pulumi_reads_it_from_the_plugin(toolchain: Toolchain, tmp_path: Path) -> None:
    printed = subprocess.run(
        [toolchain.bin / "pulumi", "package", "get-schema", str(PLUGIN)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert printed.returncode == 0, printed.stderr
    read = json.loads(printed.stdout)
    assert read["resources"].keys() == schema()["resources"].keys()
    assert read["resources"]["meshfleet:index:EmbeddedCluster"]["requiredInputs"] == [
        "fleet",
        "name",
        "kubernetesVersion",
    ]
