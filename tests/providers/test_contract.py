"""What docs/provider-contract.md says, of every provider of the registry."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from meshfleet import providers
from meshfleet.errors.faults import TopologyError
from meshfleet.providers.base import Capabilities, Provider
from meshfleet.providers.creation import Create
from meshfleet.providers.registry import (
    BUILT,
    NAMES,
    NOT_BUILT,
    PROVIDERS,
    is_local,
    module_of,
    process_pods,
    provider_of,
    settings_of,
)
from meshfleet.topology import draft, load
from meshfleet.topology.descriptions import descriptions
from meshfleet.topology.draft import PARTS, SECTIONS
from tests.topology.strategies import fleets

pytestmark = pytest.mark.proof("a provider is a folder behind a contract", step=0)

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = sorted(path.parent.name for path in Path(str(providers.__file__)).parent.glob("*/__init__.py"))
EXAMPLES = [(name, example) for name in NAMES for example in provider_of(name).examples]

# A stack file that breaks each rule of a provider, by the name of the rule: the path of the fault.
_EXISTING = {"existing": {"kubeconfig": "./k.yaml", "context": "shop"}, "network": "n"}
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "addresses": (
        {"clusters": {"west": {"embedded": {}, "network": "n", "podCidr": "10.0.0.0/28"}}},
        "clusters.west.podCidr",
    ),
    "kubernetes_version": (
        {"clusters": {"west": {"embedded": {}, "network": "n"}}, "kubernetes": {"version": "v1.33.0"}},
        "kubernetes.version",
    ),
    "address_ranges": (
        {"clusters": {"west": {"kind": {"nodes": 3}, "network": "n", "podCidr": "10.0.0.0/23"}}},
        "clusters.west.podCidr",
    ),
    "built_images": (
        {"clusters": {"west": {"kind": {}, "network": "n"}}, "kubernetes": {"version": "v1.33.0"}},
        "kubernetes.version",
    ),
    "node_image": (
        {"clusters": {"west": {"kind": {"image": "kindest/node:v1.35.4"}, "network": "n"}}},
        "clusters.west.kind.image",
    ),
    "engines": (
        {
            "host": "west",
            "clusters": {
                "west": {"kind": {}, "network": "n"},
                "east": {"kind": {"docker": {"socket": "/run/docker.sock"}}, "network": "n"},
            },
        },
        "clusters.east.kind.docker",
    ),
    "declared_once": (
        {"host": "west", "clusters": {"west": _EXISTING, "east": _EXISTING}},
        "clusters.east.existing.context",
    ),
}


def config(name: str, example: Mapping[str, object]) -> dict[str, Any]:
    """A stack file of one cluster of a provider."""
    return {"networks": {"n": {}}, "clusters": {"west": {name: dict(example), "network": "n"}}}


def test_the_registry_and_the_folders_are_the_same() -> None:
    assert sorted(NAMES) == FOLDERS
    assert len(set(NAMES)) == len(PROVIDERS)


@pytest.mark.parametrize("name", NAMES)
def test_settings_refuse_unknown_keys_and_describe_each_field(name: str) -> None:
    model = settings_of(name)
    assert model.__name__.lower() == name
    assert model.__doc__
    assert model.summary
    assert set(descriptions(model)) == set(model.model_fields)
    with pytest.raises(ValidationError, match=r"Extra inputs|extra_forbidden"):
        model.model_validate({**provider_of(name).examples[0], "unheardOf": 1})


@pytest.mark.parametrize("name, example", EXAMPLES)
def test_settings_read_what_they_write(name: str, example: Mapping[str, object]) -> None:
    read = settings_of(name).model_validate(example)
    written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert written == dict(example)
    assert settings_of(name).model_validate(written) == read


@pytest.mark.parametrize("name", NAMES)
def test_examples_have_every_choice_of_the_settings(name: str) -> None:
    model = settings_of(name)
    read = [model.model_validate(example) for example in provider_of(name).examples]
    for key, field in model.model_fields.items():
        if choices := get_args(field.annotation):
            assert {getattr(one, key) for one in read} == set(choices)


@pytest.mark.parametrize("name, example", EXAMPLES)
def test_every_capability_is_answered(name: str, example: Mapping[str, object]) -> None:
    found = provider_of(name).capabilities(settings_of(name).model_validate(example))
    assert found.model_fields_set == set(Capabilities.model_fields)
    # The answers of one cluster agree with each other.
    assert (found.pods == "real") == (found.istiod_runtime == "pod")
    assert not (found.ends_with_stack and found.context), "a cluster of a user's kubeconfig outlives the stack"
    assert found.ends_with_stack or not found.recreated_by, "what the stack did not create it cannot recreate"
    if found.context:
        assert found.context.field == name
    # With an API server on loopback no istiod in a pod could read it.
    assert found.api_server == "network" or found.istiod_runtime == "process"


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_of_a_provider_is_given(name: str) -> None:
    found = provider_of(name)
    for answer in Provider.__dataclass_fields__:
        if answer not in ("rules", "local"):
            assert getattr(found, answer), answer
    assert found.leads_to.partition(".")[0] == name
    assert len({provider_of(other).component for other in NAMES}) == len(NAMES)
    assert not found.local or all(
        found.capabilities(settings_of(name).model_validate(example)).istiod_runtime == "process"
        for example in found.examples
    )


def test_a_name_that_is_not_registered_is_not_guessed() -> None:
    assert not is_local("unheard-of")
    for find in (provider_of, settings_of):
        with pytest.raises(KeyError):
            find("unheard-of")


def test_pods_as_processes_are_of_the_providers_that_offer_them() -> None:
    offering = {
        name
        for name, example in EXAMPLES
        if provider_of(name).capabilities(settings_of(name).model_validate(example)).pods == "processes"
    }
    assert set(process_pods()) == offering & set(BUILT)


def rules() -> Iterator[tuple[str, str]]:
    """Every rule of a provider: names of both."""
    for name in NAMES:
        for rule in provider_of(name).rules:
            yield name, rule.__name__


@pytest.mark.parametrize("name, rule", list(rules()))
def test_a_rule_gives_a_fault_with_its_path(name: str, rule: str) -> None:
    broken, path = BROKEN[rule]
    with pytest.raises(TopologyError) as caught:
        load("broken", {"networks": {"n": {}}} | broken)
    assert path in [fault.path for fault in caught.value.faults]


@settings(max_examples=25)
@given(fleets())
def test_rules_of_providers_take_any_stack_file(made: dict[str, Any]) -> None:
    read = draft.read("any", made)
    for name in NAMES:
        used = [cluster for cluster in read.clusters.values() if cluster.provider == name]
        for rule in provider_of(name).rules if used else ():
            for fault in rule(read):
                assert fault.path.partition(".")[0] in (*SECTIONS, *PARTS)
                assert fault.message


@pytest.mark.parametrize("name", NOT_BUILT)
def test_a_provider_that_is_not_built_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(TopologyError) as caught:
        load("west", config(name, provider_of(name).examples[0]))
    (fault,) = caught.value.faults
    assert fault.path == f"clusters.west.{name}"
    assert "eks, gke, aks are to come" in fault.message
    assert "use embedded, or existing with a kubeconfig and a context, or kind" in fault.message


@pytest.mark.parametrize("name", NAMES)
def test_what_is_built_has_a_create_of_the_one_signature(name: str) -> None:
    module = module_of(name, "cluster")
    assert (find_spec(module) is not None) == (name in BUILT)
    if name in BUILT:
        expected = inspect.signature(Create.__call__).parameters
        found = inspect.signature(import_module(module).create).parameters
        assert list(found) == [parameter for parameter in expected if parameter != "self"]


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_has_its_section_and_its_key_in_the_pages(name: str) -> None:
    contract = (ROOT / "docs" / "provider-contract.md").read_text(encoding="utf-8")
    assert f"\n## {name}\n\n{provider_of(name).docs}\n" in contract
    assert f"\n| `{name}` | " in (ROOT / "docs" / "stack-file.md").read_text(encoding="utf-8")


def test_pure_parts_import_no_pulumi() -> None:
    code = (
        "import sys; from meshfleet.providers.registry import NAMES, provider_of, settings_of"
        "; from meshfleet.topology import load; load; [(provider_of(n), settings_of(n)) for n in NAMES]"
        "; print([m for m in sys.modules if m.startswith(('pulumi', 'meshfleet.components', 'meshfleet.plugins'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
