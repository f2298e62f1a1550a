"""A state of an earlier release, with the former names of types and properties, is kept, refreshed and destroyed."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from meshfleet.plugins import protocol
from meshfleet.plugins.meshfleet.conversion import wired
from meshfleet.plugins.meshfleet.former_names import PROPERTIES, TYPES, current_type, former_types, with_former_types
from meshfleet.plugins.meshfleet.provider import MeshfleetProvider, load_handler
from meshfleet.toolchain import Toolchain
from tests.plugins.meshfleet.pulumi_project import Project, new_project
from tests.tls_servers import kubeconfig

pytestmark = pytest.mark.proof("a state with the former names of resources", step=0)

RECORDED = Path(__file__).parent / "recorded" / "former_names.json"
# An API server that does not respond, so that reading and deleting are quick.
KUBECONFIG = kubeconfig("https://127.0.0.1:1", None, {"token": "t"})
PROVIDER = "urn:pulumi:dev::engine-tests::pulumi:providers:meshfleet::default"
PROVIDER_ID = "1279d6bc-9657-4f5f-becd-838ffc21652b"
STACK = "urn:pulumi:dev::engine-tests::pulumi:pulumi:Stack::engine-tests-dev"
PROGRAM = f"""
import pulumi
from meshfleet.plugins.meshfleet import sdk

kubeconfig = {KUBECONFIG!r}


def formerly(name):
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name)])


sdk.GatewayAddress(
    "primary/east-west-gateway-address",
    fleet="primary-remote-one-network",
    cluster="primary",
    kubeconfig=kubeconfig,
    namespace="istio-system",
    service="istio-eastwestgateway",
)
sdk.ReleaseObjects(
    "branch/istiod-objects",
    namespace="istio-system",
    release="istiod",
    kubeconfig=kubeconfig,
    opts=formerly("branch/istiod-parts"),
)
sdk.RemoteClusters("primary/remote-clusters", cluster="primary", kubeconfigs={{}})
sdk.RemoteClusterReadiness(
    "branch/remote-readiness",
    cluster="branch",
    primary="primary",
    namespace="istio-system",
    webhook="istio-sidecar-injector",
    kubeconfig=kubeconfig,
    debug_url="http://127.0.0.1:28920",
    opts=formerly("branch/served"),
)
sdk.IstiodConfigMapCleanup("branch/istiod-configmaps", cluster="branch", kubeconfig=kubeconfig)
"""


def recorded() -> list[dict[str, Any]]:
    """Resources as the release before the renaming recorded them; the secrets are replaced."""
    text = RECORDED.read_text(encoding="utf-8").replace("KUBECONFIG", json.dumps(json.dumps(KUBECONFIG))[1:-1])
    resources: list[dict[str, Any]] = json.loads(text)
    return resources


def plain(value: Any) -> Any:
    """A recorded value without the mark of a secret."""
    if isinstance(value, dict) and "plaintext" in value:
        return json.loads(value["plaintext"])
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def test_every_former_type_and_property_is_in_the_recorded_state() -> None:
    found = {resource["type"]: resource["inputs"] | resource["outputs"] for resource in recorded()}
    assert set(TYPES) <= set(found)
    for token, names in PROPERTIES.items():
        (former,) = former_types(token) or [token]
        assert set(names) <= set(found[former])


def test_a_former_type_has_the_handler_of_its_current_one() -> None:
    for former, current in TYPES.items():
        assert type(load_handler(former)) is type(load_handler(current))
        assert current_type(current) == current
        assert with_former_types(frozenset({current})) == {former, current}


@pytest.mark.parametrize("resource", recorded(), ids=lambda resource: str(resource["name"]))
@pytest.mark.parametrize("under", ["former", "current"])
def test_recorded_inputs_are_unchanged_under_both_types(resource: dict[str, Any], under: str) -> None:
    token = resource["type"] if under == "former" else current_type(resource["type"])
    renamed = PROPERTIES.get(current_type(token), {})
    inputs = {renamed.get(name, name): wired(plain(value)) for name, value in resource["inputs"].items()}
    old_inputs, old_state = (
        {name: wired(plain(value)) for name, value in resource[part].items()} for part in ("inputs", "outputs")
    )
    urn = f"urn:pulumi:dev::engine-tests::{token}::{resource['name']}"
    checked = MeshfleetProvider().check(protocol.CheckRequest(urn, {}, inputs))
    assert not checked.failures
    # A refresh passes the recorded inputs as the new ones.
    for new_inputs in (checked.inputs or {}, old_inputs):
        request = protocol.DiffRequest(urn, resource["id"], old_state, new_inputs, [], old_inputs)
        assert not MeshfleetProvider().diff(request).changes


def deployment(salt: str, without: Collection[str]) -> dict[str, Any]:
    """The state for `pulumi stack import`, without the resources of these types."""
    resources: list[dict[str, Any]] = [
        {"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack"},
        {"urn": PROVIDER, "custom": True, "id": PROVIDER_ID, "type": "pulumi:providers:meshfleet"},
    ]
    for resource in recorded():
        if resource["type"] not in without:
            urn = f"urn:pulumi:dev::engine-tests::{resource['type']}::{resource['name']}"
            parts = {key: resource[key] for key in ("id", "type", "inputs", "outputs")}
            provider = f"{PROVIDER}::{PROVIDER_ID}"
            resources.append(parts | {"urn": urn, "custom": True, "parent": STACK, "provider": provider})
    secrets = {"type": "passphrase", "state": {"salt": salt}}
    return {"version": 3, "deployment": {"secrets_providers": secrets, "resources": resources}}


@pytest.fixture(scope="module")
def project(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("project"), toolchain, PROGRAM)


def import_state(project: Project, without: Collection[str] = ()) -> None:
    settings = (project.directory / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    path = project.directory / "state.json"
    state = deployment(settings.partition("encryptionsalt: ")[2].split()[0], without)
    path.write_text(json.dumps(state), encoding="utf-8")
    project.succeed("stack", "import", "--file", str(path))


def types(project: Project) -> set[str]:
    resources = json.loads(project.succeed("stack", "export"))["deployment"].get("resources", [])
    return {resource["type"] for resource in resources if resource["type"].startswith("meshfleet:")}


@pytest.mark.proof("a state with the former names of resources", step=2)
def test_up_takes_over_a_state_with_former_names_without_a_change(project: Project) -> None:
    import_state(project)
    assert types(project) >= set(TYPES)
    # Its preview comes first, with the same expectation.
    project.succeed("up", "--yes", "--expect-no-changes")
    assert types(project) == {current_type(resource["type"]) for resource in recorded()}


@pytest.mark.proof("a state with the former names of resources", step=2)
def test_a_state_with_former_names_is_refreshed_and_destroyed(project: Project) -> None:
    # Its deletion needs an API server.
    import_state(project, without=["meshfleet:index:IstiodConfigMaps"])
    project.succeed("refresh", "--yes", "--skip-preview")
    assert "meshfleet:index:ServedCluster" in types(project)
    project.succeed("destroy", "--yes", "--skip-preview")
    assert types(project) == set()
