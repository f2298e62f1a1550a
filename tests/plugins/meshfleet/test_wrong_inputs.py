"""Every wrong input of a native resource is named with its value and with what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.plugins.meshfleet.embedded_cluster import EmbeddedClusterHandler
from meshfleet.plugins.meshfleet.embedded_node import EmbeddedNodeHandler
from meshfleet.plugins.meshfleet.gateway_address import GatewayAddressHandler
from meshfleet.plugins.meshfleet.handler import UNKNOWN, ResourceHandler
from meshfleet.plugins.meshfleet.istiod import IstiodHandler
from meshfleet.plugins.meshfleet.istiod_address import PORT_NAMES, IstiodAddressHandler
from meshfleet.plugins.meshfleet.istiod_configmap_cleanup import IstiodConfigMapCleanupHandler
from meshfleet.plugins.meshfleet.kind_cluster import KindClusterHandler
from meshfleet.plugins.meshfleet.remote_cluster_readiness import RemoteClusterReadinessHandler
from meshfleet.topology.names import CLUSTER_LENGTH, REVISION_LENGTH
from meshfleet.topology.system_names import external_namespace

pytestmark = pytest.mark.proof("wrong inputs of native resources", step=0)

CLUSTER = {"fleet": "dev", "name": "west", "kubernetesVersion": "v1.35.4"}
KIND = CLUSTER | {"network": "network1"}
ADDRESS = {"fleet": "dev", "cluster": "west"}
AUTHORITY = {"caCertificate": "a", "caKey": "SECRET", "certificateChain": "c", "rootCertificate": "d"}
ISTIOD = {
    **ADDRESS,
    "network": "network1",
    "meshId": "mesh1",
    "trustDomain": "cluster.local",
    "kubeconfig": "SECRET",
    "address": dict.fromkeys(PORT_NAMES, 21000),
    "certificateAuthority": AUTHORITY,
}
GATEWAY = {**ADDRESS, "namespace": "istio-system", "service": "gateway", "kubeconfig": "SECRET"}
SERVED = {
    "cluster": "branch",
    "primary": "west",
    "namespace": "istio-system",
    "webhook": "istio-sidecar-injector",
    "kubeconfig": "SECRET",
}
WRITTEN = {"cluster": "west", "kubeconfig": "SECRET"}
NODE = {"fleet": "dev", "cluster": "west", "network": "network1", "kubeconfig": "SECRET"}
RIGHT: list[tuple[ResourceHandler, dict[str, Any]]] = [
    (EmbeddedClusterHandler(), CLUSTER),
    (IstiodAddressHandler(), ADDRESS),
    (IstiodHandler(), ISTIOD),
    (GatewayAddressHandler(), GATEWAY),
    (RemoteClusterReadinessHandler(), SERVED),
    (IstiodConfigMapCleanupHandler(), WRITTEN),
    (EmbeddedNodeHandler(), NODE),
    (KindClusterHandler(), KIND),
]


@pytest.mark.parametrize(("handler", "inputs"), RIGHT)
def test_right_inputs_pass_known_or_not(handler: ResourceHandler, inputs: dict[str, Any]) -> None:
    assert handler.check(inputs)[1] == []
    assert handler.check(dict.fromkeys(inputs, UNKNOWN))[1] == []
    filled = handler.check(inputs)[0]
    assert handler.check(filled) == (filled, [])


def test_the_longest_name_of_a_webhook_that_a_stack_file_allows_is_a_right_one() -> None:
    cluster, revision = "c" * CLUSTER_LENGTH, "r" * REVISION_LENGTH
    webhook = f"istio-sidecar-injector-{revision}-{external_namespace(cluster)}"
    assert RemoteClusterReadinessHandler().check(SERVED | {"webhook": webhook})[1] == []


@pytest.mark.parametrize(("handler", "inputs"), RIGHT)
def test_each_required_input_is_missed_by_name(handler: ResourceHandler, inputs: dict[str, Any]) -> None:
    for name in inputs:
        _, faults = handler.check({other: value for other, value in inputs.items() if other != name})
        assert [fault.property for fault in faults] == [name]


@pytest.mark.parametrize(("handler", "inputs"), RIGHT)
def test_an_input_that_does_not_exist_is_refused_with_those_that_do(
    handler: ResourceHandler, inputs: dict[str, Any]
) -> None:
    (fault,) = handler.check({**inputs, "colour": "red"})[1]
    assert fault.property == "colour"
    assert "no such input; must be one of" in fault.reason


@pytest.mark.parametrize(
    ("handler", "inputs", "name", "reason"),
    [
        (EmbeddedClusterHandler(), CLUSTER | {"name": "../west"}, "name", "got '../west'"),
        (EmbeddedClusterHandler(), CLUSTER | {"name": "a..b"}, "name", "got 'a..b'"),
        (EmbeddedClusterHandler(), CLUSTER | {"fleet": "x" * 101}, "fleet", "at most 100"),
        (EmbeddedClusterHandler(), CLUSTER | {"nodes": -1}, "nodes", "must be a whole number from 0"),
        (EmbeddedClusterHandler(), CLUSTER | {"nodes": 1.5}, "nodes", "got 1.5"),
        (EmbeddedClusterHandler(), CLUSTER | {"nodes": True}, "nodes", "got True"),
        (EmbeddedClusterHandler(), CLUSTER | {"podCidr": "10.0.0.1/8"}, "podCidr", "has host bits set"),
        (EmbeddedClusterHandler(), CLUSTER | {"serviceCidr": "ten"}, "serviceCidr", "write it as in 10.10.0.0/16"),
        (EmbeddedClusterHandler(), CLUSTER | {"kubernetesVersion": "1.35"}, "kubernetesVersion", "as in v1.35.4"),
        (KindClusterHandler(), KIND | {"nodes": 0}, "nodes", "must be a whole number from 1"),
        (KindClusterHandler(), KIND | {"images": "mine"}, "images", "must be built or published, got 'mine'"),
        (KindClusterHandler(), KIND | {"socket": 3}, "socket", "must be a string, got 3"),
        (KindClusterHandler(), KIND | {"kubernetesVersion": "1.35"}, "kubernetesVersion", "as in v1.35.4"),
        (EmbeddedClusterHandler(), CLUSTER | {"region": 3}, "region", "must be a string, got 3"),
        (IstiodAddressHandler(), ADDRESS | {"revision": "Canary"}, "revision", "got 'Canary'"),
        (IstiodHandler(), ISTIOD | {"address": {}}, "address.httpPort", "got None"),
        (IstiodHandler(), ISTIOD | {"address": "x"}, "address", "give the ports of an IstiodAddress"),
        (
            IstiodHandler(),
            ISTIOD | {"certificateAuthority": AUTHORITY | {"caKey": ""}},
            "certificateAuthority.caKey",
            "missing or empty",
        ),
        (IstiodHandler(), ISTIOD | {"settings": {"CLUSTER_ID": "x"}}, "settings.CLUSTER_ID", "leave it out"),
        (IstiodHandler(), ISTIOD | {"settings": {"A B": "x"}}, "settings.A B", "not the name of an environment"),
        (IstiodHandler(), ISTIOD | {"settings": {"A": 1}}, "settings.A", "got 1"),
        (IstiodHandler(), ISTIOD | {"settings": ["x"]}, "settings", "must be a map of environment variables"),
        (IstiodHandler(), ISTIOD | {"configKubeconfig": ""}, "configKubeconfig", "missing or empty"),
        (GatewayAddressHandler(), GATEWAY | {"kubeconfig": ""}, "kubeconfig", "missing or empty"),
        (GatewayAddressHandler(), GATEWAY | {"address": "west"}, "address", "must be an IP address, got 'west'"),
        (GatewayAddressHandler(), GATEWAY | {"hostname": "a b"}, "hostname", "got 'a b'"),
        (GatewayAddressHandler(), GATEWAY | {"port": 0}, "port", "must be a whole number from 1"),
        (RemoteClusterReadinessHandler(), SERVED | {"primary": "../west"}, "primary", "got '../west'"),
        (RemoteClusterReadinessHandler(), SERVED | {"webhook": ""}, "webhook", "got ''"),
        (RemoteClusterReadinessHandler(), SERVED | {"webhook": "x" * 254}, "webhook", "up to 253"),
        (RemoteClusterReadinessHandler(), SERVED | {"kubeconfig": ""}, "kubeconfig", "missing or empty"),
        (EmbeddedNodeHandler(), NODE | {"network": ""}, "network", "got ''"),
        (EmbeddedNodeHandler(), NODE | {"podCidr": "10.0.0.0/40"}, "podCidr", "10.0.0.0/40"),
        (EmbeddedNodeHandler(), NODE | {"kubeconfig": ""}, "kubeconfig", "missing or empty"),
        (EmbeddedNodeHandler(), NODE | {"nodes": 2}, "nodes", "no such input; must be one of"),
        (IstiodConfigMapCleanupHandler(), WRITTEN | {"cluster": "a/b"}, "cluster", "got 'a/b'"),
        (IstiodConfigMapCleanupHandler(), WRITTEN | {"kubeconfig": ""}, "kubeconfig", "missing or empty"),
        (
            IstiodConfigMapCleanupHandler(),
            WRITTEN | {"primary": "x"},
            "primary",
            "no such input; must be one of cluster",
        ),
        (RemoteClusterReadinessHandler(), SERVED | {"debugUrl": 3}, "debugUrl", "must be a string, got 3"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    handler: ResourceHandler, inputs: dict[str, Any], name: str, reason: str
) -> None:
    faults = handler.check(inputs)[1]
    assert faults[0].property == name
    assert reason in faults[0].reason
    assert "SECRET" not in str(faults)
