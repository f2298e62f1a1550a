"""Whatever a proxy has that the stack says no more is named, pod by pod, with the command that restarts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from meshfleet.manifests.injected import ANNOTATION, described
from meshfleet.status.clusters import Injected
from meshfleet.topology import load
from meshfleet.verification import FleetView
from meshfleet.verification.checks.pods_as_declared import PodsAsDeclared, counts, differences, judge, stale
from meshfleet.verification.injected_view import injected_view
from meshfleet.verification.view import ClusterView

pytestmark = pytest.mark.proof(
    "what proxies read at their start takes effect in running pods, without a lost request", step=0
)

CONFIG: dict[str, Any] = {
    "host": "west",
    "meshes": {"mesh1": {"trustDomain": "mesh1.example"}},
    "networks": {"net-west": {}, "net-east": {}},
    "clusters": {
        "west": {"embedded": {}, "network": "net-west", "region": "r1", "zone": "r1-a"},
        "east": {"embedded": {}, "network": "net-east"},
    },
}
FACTS = described(load("test", CONFIG), "west")


@pytest.fixture
def west(fleet: FleetView) -> ClusterView:
    return replace(fleet.clusters[0], injected=injected_view(Injected.model_validate(FACTS)))


def pod(*, ours: bool = True, **changed: str) -> Pod:
    """An injected pod of the cluster west as it is now, but for what is `changed`."""
    environment = {
        "ISTIO_META_CLUSTER_ID": "west",
        "ISTIO_META_MESH_ID": "mesh1",
        "ISTIO_META_NETWORK": "net-west",
        "TRUST_DOMAIN": "mesh1.example",
        "CA_ADDR": "istiod.istio-system.svc:15012",
        "PROXY_CONFIG": json.dumps({"meshId": "mesh1", "proxyMetadata": {"PROXY_CONFIG_XDS_AGENT": "true"}}) + "\n",
    } | {name: value for name, value in changed.items() if name.isupper()}
    facts = FACTS["workloads"] | {name: changed[name] for name in ("region", "zone") if name in changed}
    found = Pod.from_dict(
        {
            "metadata": {
                "name": "web-7d9-x",
                "namespace": "shop",
                "labels": {
                    "pod-template-hash": "7d9",
                    "topology.istio.io/network": changed.get("label", "net-west"),
                }
                | ({"istio": "eastwestgateway"} if "gateway" in changed else {}),
                "annotations": {"sidecar.istio.io/status": "{}", "istio.io/rev": changed.get("revision", "default")}
                | ({ANNOTATION: json.dumps(facts)} if ours else {}),
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9", "uid": "u"}],
            },
            "spec": {
                "containers": [
                    {
                        "name": "istio-proxy",
                        "image": changed.get("image", "docker.io/istio/proxyv2:1.31.0"),
                        "env": [{"name": name, "value": value} for name, value in environment.items()],
                    }
                ]
            },
        }
    )
    assert isinstance(found, Pod)
    return found


def test_a_pod_that_is_as_declared_holds(west: ClusterView) -> None:
    assert list(differences(west, pod())) == []
    assert judge(west, [pod()], []).passed


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"ISTIO_META_NETWORK": "shared"}, "network"),
        ({"ISTIO_META_CLUSTER_ID": "other"}, "cluster"),
        ({"ISTIO_META_MESH_ID": "other"}, "mesh"),
        ({"TRUST_DOMAIN": "old.example"}, "trustDomain"),
        ({"CA_ADDR": "istiod-blue.istio-system.svc:15012"}, "discoveryAddress"),
        ({"PROXY_CONFIG": "{}"}, "proxyMetadata.PROXY_CONFIG_XDS_AGENT"),
        ({"PROXY_CONFIG": "not JSON"}, "proxyMetadata.PROXY_CONFIG_XDS_AGENT"),
        ({"region": "r0"}, "region"),
        ({"zone": "r1-z"}, "zone"),
        ({"label": "shared"}, "the label topology.istio.io/network"),
        ({"image": "docker.io/istio/proxyv2:1.30.2"}, "version"),
        ({"image": "docker.io/istio/proxyv2:1.310.0"}, "version"),
    ],
)
def test_each_field_that_a_proxy_reads_at_its_start_is_compared(
    west: ClusterView, changed: dict[str, Any], field: str
) -> None:
    (found,) = stale(west, [pod(**changed)])
    assert found.field == field
    finding = judge(west, [pod(**changed)], [found])
    assert not finding.passed
    assert f"shop/web-7d9-x: {field} is " in finding.detail


def test_a_proxy_asks_for_its_certificate_where_it_is_signed(west: ClusterView) -> None:
    address = "cert-manager-istio-csr.istio-system.svc:443"
    facts = {"caAddress": address, **west.injected.workloads}
    signed = replace(west, injected=replace(west.injected, workloads=facts, gateways=facts))
    (found,) = stale(signed, [pod(ours=False)])
    assert (found.field, found.has, found.should) == ("caAddress", "istiod.istio-system.svc:15012", address)
    assert list(stale(signed, [pod(ours=False, CA_ADDR=address)])) == []
    (back,) = stale(west, [pod(ours=False, CA_ADDR=address)])
    # On a revision that the fleet has left, too: nothing signs there.
    (elsewhere,) = stale(west, [pod(ours=False, CA_ADDR=address, revision="blue")])
    assert elsewhere.field == "caAddress"
    assert (back.field, back.has, back.should) == ("caAddress", address, "istiod.istio-system.svc:15012")


def test_a_build_without_a_release_in_its_tag_says_nothing_of_its_version(west: ClusterView) -> None:
    assert list(differences(west, pod(image="registry.istio.io/testing/proxyv2:latest"))) == []


def test_a_gateway_is_on_the_network_that_it_leads_into(fleet: FleetView) -> None:
    topology = load("test", CONFIG).model_copy(update={"gateway_networks": {"west": "net-new"}})
    west = replace(fleet.clusters[0], injected=injected_view(Injected.model_validate(described(topology, "west"))))
    assert list(differences(west, pod(ISTIO_META_NETWORK="net-new", label="net-new", gateway="yes"))) == []
    assert len(list(differences(west, pod(gateway="yes")))) == 2


def test_a_pod_of_another_owner_is_named_with_the_command_that_restarts_it(west: ClusterView) -> None:
    (found,) = stale(west, [pod(ours=False, ISTIO_META_NETWORK="shared")])
    command = f"kubectl --kubeconfig {west.kubeconfig} --namespace shop rollout restart deployment/web"
    assert (found.ours, found.remedy) == (False, command)


def test_a_pod_of_another_owner_may_stay_on_its_revision_and_on_nothing_else(west: ClusterView) -> None:
    earlier: dict[str, Any] = {
        "CA_ADDR": "istiod-blue.istio-system.svc:15012",
        "image": "docker.io/istio/proxyv2:1.30.2",
    }
    assert list(stale(west, [pod(ours=False, revision="blue", **earlier)])) == []
    (found,) = stale(west, [pod(ours=False, revision="blue", ISTIO_META_NETWORK="shared", **earlier)])
    assert found.field == "network"
    assert len(list(stale(west, [pod(revision="blue", **earlier)]))) == 2


def test_a_pod_that_is_about_to_go_or_was_never_injected_does_not_count() -> None:
    leaving = pod()
    assert leaving.metadata is not None
    assert counts(leaving)
    leaving.metadata.deletionTimestamp = leaving.metadata.creationTimestamp or object()  # type: ignore[assignment]
    assert not counts(leaving)
    plain = pod()
    assert plain.metadata is not None
    plain.metadata.annotations = {}
    assert not counts(plain)


def test_a_fleet_of_an_earlier_release_is_not_checked(fleet: FleetView) -> None:
    assert PodsAsDeclared().targets(fleet) == ()


def test_the_pods_of_all_namespaces_are_read(
    west: ClusterView, fleet: FleetView, serve: Callable[..., Any], kubeconfig: Callable[[str], Path]
) -> None:
    pods = {"metadata": {}, "items": [pod(ISTIO_META_NETWORK="shared").to_dict()]}
    server = serve({"GET /api/v1/pods": (200, pods)})
    answer = PodsAsDeclared().run_on(fleet, replace(west, kubeconfig=kubeconfig(server.url)), 0.01)
    assert (answer.ok, "network is shared, the stack declares net-west" in answer.detail) == (False, True)


def test_a_pod_from_before_values_were_added_is_named(west: ClusterView) -> None:
    values = {"istiod": {"global": {"proxy": {"logLevel": "info"}}}}
    facts = Injected.model_validate(described(load("test", CONFIG | {"istio": {"values": values}}), "west"))
    (found,) = stale(replace(west, injected=injected_view(facts)), [pod()])
    assert found.field == "additional istio.values"
    assert "logLevel" not in found.has
    # Of a pod that is not of the fleet only its variables are known.
    assert list(stale(replace(west, injected=injected_view(facts)), [pod(ours=False)])) == []
    metadata = {"istiod": {"meshConfig": {"defaultConfig": {"proxyMetadata": {"ISTIO_META_X": "y"}}}}}
    facts = Injected.model_validate(described(load("test", CONFIG | {"istio": {"values": metadata}}), "west"))
    (found,) = stale(replace(west, injected=injected_view(facts)), [pod(ours=False)])
    assert (found.field, found.should) == ("proxyMetadata.ISTIO_META_X", "y")
