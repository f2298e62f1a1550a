"""The JSON schema of a stack file takes every right stack, and refuses the wrong ones that a schema can see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from meshfleet.topology import TopologyError, load, read_stack_file
from meshfleet.topology.draft import SECTIONS, SINGLES
from meshfleet.topology.schema import stack_schema
from meshfleet.topology.stack_file import known_stacks
from tests.automation.stack_files import ROOT
from tests.components.fleets import CONFIGURATIONS
from tests.examples import scaled
from tests.topology.name_strategies import Config
from tests.topology.strategies import fleets
from tests.topology.test_wrong_stack_files import WRONG
from tests.topology.wrong_stacks.wrong import GOOD, Wrong

pytestmark = pytest.mark.proof("the JSON schema of a stack file", step=0)

STACKS = known_stacks(ROOT / "stacks")

VISIBLE = (
    "unknown key; ",
    "missing; required",
    "must be ",
    " is not a DNS label",
    " is not a control plane",
    " is not a chart source",
    "names no provider",
    "has nothing behind it",
)
"""How `load` says what a schema sees: keys, types, values of a choice, names, short forms, what is missing."""


@cache
def validator() -> Draft202012Validator:
    schema = stack_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(config: Mapping[str, object]) -> list[str]:
    """What the schema has against a configuration, as it stands in a stack file."""
    document = {"config": {f"meshfleet:{section}": value for section, value in config.items()}}
    return [error.message for error in validator().iter_errors(json.loads(json.dumps(document)))]


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_file_of_the_project_is_accepted(stack: str) -> None:
    text = read_stack_file(ROOT / "stacks", stack).path.read_text(encoding="utf-8")
    document = json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))
    assert [error.message for error in validator().iter_errors(document)] == []


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_shape_of_fleet_is_accepted(name: str) -> None:
    assert faults(CONFIGURATIONS[name]) == []


@scaled(40)
@given(fleets())
def test_every_valid_configuration_is_accepted(config: Config) -> None:
    assert faults(config) == []


def messages(wrong: Wrong) -> list[str]:
    with pytest.raises(TopologyError) as caught:
        load("dev", wrong.config)
    return [fault.message for fault in caught.value.faults]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.title)
def test_a_wrong_stack_is_refused_where_a_schema_can_see_it(wrong: Wrong) -> None:
    seen = [message for message in messages(wrong) if any(part in message for part in VISIBLE)]
    if seen:
        assert faults(wrong.config), seen


def test_many_of_the_wrong_stacks_are_seen_and_the_rest_are_rules_between_parts() -> None:
    seen = [wrong for wrong in WRONG if faults(wrong.config)]
    assert len(seen) > 150


MISSPELT = {
    "clusters.west.netwrok": "network-west",
    "clusters.west.embedded.node": 1,
    "meshes.mesh1.trustdomain": "a",
    "meshes.mesh1.trust.root.days": 1,
    "networks.network-west.gateway": [],
    "namespaces.shop.inject": True,
    "istio.versions": "1.31",
    "kubernetes.release": "v1.35.4",
    "cluster": {},
}


@pytest.mark.parametrize("path", MISSPELT)
def test_a_misspelt_key_is_refused_wherever_it_stands(path: str) -> None:
    wrong = Wrong("misspelt", {path: MISSPELT[path]}, {})
    assert any("netwrok" in text or path.rpartition(".")[2] in text for text in faults(wrong.config))


def test_every_section_is_in_the_schema_with_and_without_the_name_of_the_project() -> None:
    known = {*SECTIONS, *SINGLES}
    properties = stack_schema()["properties"]["config"]["properties"]
    assert set(properties) == known | {f"meshfleet:{section}" for section in known}
    assert all(properties[f"meshfleet:{section}"]["description"] for section in known)


def parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Every schema within a schema."""
    if isinstance(schema, Mapping):
        yield schema
    for inner in schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ():
        yield from parts(inner)


def test_no_mapping_of_the_schema_takes_keys_that_it_does_not_know() -> None:
    schema = stack_schema()
    closed = [part for part in parts({**schema["$defs"]}) if part.get("type") == "object" and "properties" in part]
    assert len(closed) > 30
    assert [part for part in closed if part.get("additionalProperties") is not False] == []


def test_every_field_of_every_part_has_a_description() -> None:
    for name, part in stack_schema()["$defs"].items():
        for field, schema in part.get("properties", {}).items():
            assert schema.get("description"), f"{name}.{field}"


def test_keys_of_other_packages_and_of_pulumi_itself_are_theirs() -> None:
    config = {f"meshfleet:{section}": value for section, value in GOOD.items()}
    for more in ({"kubernetes:kubeconfig": "x"}, {"pulumi:disable-default-providers": ["*"]}):
        assert list(validator().iter_errors({"config": config | more})) == []
    document = {"secretsprovider": "passphrase", "encryptionsalt": "v1:x", "config": config}
    assert list(validator().iter_errors(document)) == []
    assert list(validator().iter_errors({"config": config | {"meshfleet:surprise": {}}}))
    assert list(validator().iter_errors({}))
    # Without the project's name, as Pulumi takes them too.
    assert list(validator().iter_errors({"config": GOOD})) == []
    assert list(validator().iter_errors({"config": GOOD | {"clusters": []}}))
