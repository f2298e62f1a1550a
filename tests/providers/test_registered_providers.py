"""`create` of every provider that is built: what it registers, and the access that it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pulumi
import pytest

from meshfleet.automation.state.recorded_state import CLUSTER_IDENTITY, EMBEDDED_CLUSTER
from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.kubeconfig_file import KubeconfigFile
from meshfleet.components.tokens import COMPONENT_PREFIX
from meshfleet.providers.creation import create_cluster
from meshfleet.providers.registry import BUILT, provider_of
from meshfleet.topology import load
from tests.components.registrations import CONFIDENTIAL, SECRET, recorded
from tests.providers.test_contract import EXAMPLES, config

pytestmark = pytest.mark.proof("a provider is a folder behind a contract", step=1)

CREATED = [(name, example) for name, example in EXAMPLES if name in BUILT]
MAY_BE_EMPTY = ("context", "nodes", "goes_with", "addresses")


@pytest.mark.parametrize("name, example", CREATED)
def test_create_registers_the_cluster_and_returns_its_whole_access(name: str, example: Mapping[str, object]) -> None:
    fleet = load("fleet", config(name, example))
    capabilities = fleet.clusters["west"].capabilities
    found: dict[str, Any] = {}

    def program() -> None:
        kubeconfig = KubeconfigFile(f"{CONFIDENTIAL} kubeconfig", "https://west.example:6443")
        access = create_cluster(fleet, "west", kubeconfig if capabilities.context else None, pulumi.ResourceOptions())
        found["access"] = access
        for output in ("kubeconfig", "server", "identity", "pods"):
            pulumi.export(output, getattr(access, output))

    graph = recorded("fleet", program)
    access = found["access"]
    assert isinstance(access, ClusterAccess)
    for field in fields(access):
        assert getattr(access, field.name) or field.name in MAY_BE_EMPTY, field.name
    assert SECRET.items() <= graph.outputs["kubeconfig"].items()
    assert CONFIDENTIAL in graph.outputs["kubeconfig"]["value"]
    assert graph.outputs["server"]
    assert graph.outputs["identity"]
    assert graph.outputs["pods"] == capabilities.pods
    assert access.name == "west"
    assert access.context == (capabilities.context.context if capabilities.context else "")
    assert (access.addresses is not None) == (capabilities.gateway_addresses == "node")
    assert (access.goes_with is not None) == capabilities.ends_with_stack
    component = f"{COMPONENT_PREFIX}{provider_of(name).component}"
    assert [one.name for one in graph.resources.values() if one.type == component] == ["west"]
    (provider,) = graph.providers
    assert provider.name == "west/kubernetes"
    assert all(one.name.startswith("west/") for one in graph.custom)
    # What commands know the cluster by, in the state (automation/state/recorded_state.py).
    assert len([one for one in graph.custom if one.type in (EMBEDDED_CLUSTER, CLUSTER_IDENTITY)]) == 1


def test_an_existing_cluster_without_its_kubeconfig_is_not_guessed() -> None:
    fleet = load("fleet", config("existing", provider_of("existing").examples[0]))
    with pytest.raises(ValueError, match="west: the kubeconfig of an existing cluster is missing"):
        create_cluster(fleet, "west", None, pulumi.ResourceOptions())
