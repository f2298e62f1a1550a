"""istio-csr: what is registered where it signs for workloads, in which order, and what no pod is shown."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from meshfleet.rollout.deployed import Deployed, DeployedTrust
from meshfleet.rollout.root_rotation import with_bundles
from meshfleet.rollout.stages import stages
from meshfleet.topology import Fleet, load
from tests.components.registered_graph import Graph, Resource
from tests.components.registrations import SECRET, record

pytestmark = pytest.mark.proof("istio-csr signs for workloads in place of istiod", step=1)

AUTHORITY = "istio-csr-authority"
ADDRESS = "cert-manager-istio-csr.istio-system.svc:443"
BOTH = ("west", "east")


def fleet(trust: dict[str, Any] | None = None, **more: Any) -> Fleet:
    """Two clusters that are there, in a mesh whose workloads istio-csr signs for."""
    made = {
        name: {"existing": {"kubeconfig": f"{name}.yaml", "context": name}, "network": name, "mesh": "shop"}
        for name in BOTH
    }
    config = {
        "host": "west",
        "networks": {name: {} for name in BOTH},
        "clusters": made,
        "meshes": {"shop": {"trustDomain": "shop.example", "trust": {"signer": "istio-csr"} | (trust or {})}},
        "namespaces": {"sample": {"injection": True}},
        "workloads": {"echo": {"namespace": "sample"}},
    }
    return load("signing", config | more)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record(fleet())


def values(resource: Resource) -> dict[str, Any]:
    """The values of a release, which are secret as a whole where any of them is."""
    found: dict[str, Any] = resource.inputs["values"]
    return found


@pytest.mark.parametrize("cluster", BOTH)
def test_the_intermediate_is_the_authority_of_an_issuer_and_no_istiod_gets_it(graph: Graph, cluster: str) -> None:
    assert f"{cluster}/cacerts" not in graph.names()
    secret = graph[f"{cluster}/{AUTHORITY}"]
    assert SECRET.items() <= secret.inputs["data"].items()
    data = {key: base64.b64decode(text).decode() for key, text in secret.inputs["data"]["value"].items()}
    assert data["tls.key"] == f"CONFIDENTIAL privateKey of {cluster}/intermediate"
    assert data["tls.crt"] == f"certificateChain of {cluster}/intermediate"
    assert data["root-cert.pem"] == "certificate of mesh shop/root\n"
    assert graph[f"{cluster}/istio-csr-issuer"].inputs["spec"] == {"ca": {"secretName": AUTHORITY}}


@pytest.mark.parametrize("release", ["istiod", "istio-csr"])
def test_pods_are_shown_the_roots_and_never_the_key_of_the_authority(graph: Graph, release: str) -> None:
    volumes = {one["name"]: one["secret"] for one in values(graph[f"west/{release}"])["volumes"]}
    shown = [one["items"] for one in volumes.values() if one["secretName"] == AUTHORITY]
    assert shown == [[{"key": "root-cert.pem", "path": "root-cert.pem"}]]
    mounted = {one["name"] for one in values(graph[f"west/{release}"])["volumeMounts"]}
    assert mounted == volumes.keys()


def test_each_thing_comes_after_what_it_needs(graph: Graph) -> None:
    def after(name: str, *others: str) -> None:
        missing = {graph[other].urn for other in others} - graph[name].after
        assert not missing, (name, missing)

    after("west/cert-manager-ready", "west/trust-namespace", "west/cert-manager")
    after("west/istio-csr-issuer", f"west/{AUTHORITY}", "west/cert-manager-ready")
    after("west/istio-csr-istiod", "west/istio-csr-issuer")
    after("west/istio-csr", "west/istio-csr-issuer")
    after("west/istiod", "west/istio-csr", "west/istio-csr-istiod")


def test_istiod_signs_nothing_and_has_its_certificate_and_roots_from_files(graph: Graph) -> None:
    istiod = values(graph["east/istiod"])
    assert istiod["env"]["ENABLE_CA_SERVER"] == "false"
    assert istiod["global"]["caAddress"] == ADDRESS
    assert istiod["meshConfig"]["caCertificates"] == [{"pem": "certificate of mesh shop/root\n"}]
    folders = {one["mountPath"] for one in istiod["volumeMounts"]}
    files = [argument.partition("=")[2] for argument in istiod["extraContainerArgs"]]
    assert {file.rpartition("/")[0] for file in files} == folders
    certificate = graph["east/istio-csr-istiod"].inputs["spec"]
    assert certificate["dnsNames"] == ["istiod.istio-system.svc"]
    assert certificate["uris"] == ["spiffe://shop.example/ns/istio-system/sa/istiod-service-account"]
    assert certificate["secretName"] in {one["secret"]["secretName"] for one in istiod["volumes"]}


def test_istio_csr_knows_its_cluster_and_mesh_and_the_name_that_proxies_call_it_by(graph: Graph) -> None:
    release = graph["east/istio-csr"]
    assert release.inputs["chart"] == "oci://quay.io/jetstack/charts/cert-manager-istio-csr"
    assert (release.inputs["version"], release.inputs["namespace"]) == ("v0.17.0", "istio-system")
    assert release.inputs["skipAwait"] is False
    app = values(release)["app"]
    assert app["server"]["clusterID"] == "east"
    assert app["tls"]["trustDomain"] == "shop.example"
    assert app["tls"]["certificateDNSNames"] == [ADDRESS.removesuffix(":443")]
    # A Secret called istiod-tls would be taken by an istiod that signs again.
    assert app["tls"]["istiodCertificateEnable"] is False


@pytest.mark.parametrize("pods", ["workload-deployment-echo-v1", "east-west-gateway"])
def test_pods_with_proxies_restart_when_another_signs(graph: Graph, pods: str) -> None:
    before = record(fleet({"signer": "istiod"}))
    assert ADDRESS in str(graph[f"west/{pods}"].inputs)
    assert ADDRESS not in str(before[f"west/{pods}"].inputs)


def test_the_signer_changes_under_the_same_root_without_a_rotation() -> None:
    assert not stages(Deployed({"shop": DeployedTrust(("first",), ("first",))}), fleet())[0].name
    before = record(fleet({"signer": "istiod"}))
    assert "west/cacerts" in before.names()
    assert not [name for name in before.names() if "istio-csr" in name or "cert-manager" in name]


def test_of_two_revisions_both_are_called_by_names_of_the_certificate() -> None:
    made = record(fleet(istio={"revision": "blue", "revisions": {"blue": {}, "green": {}}}))
    names = made["west/istio-csr-istiod"].inputs["spec"]["dnsNames"]
    assert names == ["istiod-blue.istio-system.svc", "istiod-green.istio-system.svc"]
    assert values(made["west/istio-csr"])["app"]["istio"]["revisions"] == ["blue", "green"]


def test_a_cert_manager_that_is_there_is_asked_and_not_installed() -> None:
    made = record(fleet({"certManager": {"install": False}}))
    assert "west/cert-manager" not in made.names()
    assert made["west/cert-manager-ready"].inputs["process"] is False
    assert "west/istio-csr" in made.names()


def test_charts_come_from_where_the_stack_says_with_its_values() -> None:
    chosen = {
        "certManager": {"charts": {"folder": "/charts"}},
        "istioCsr": {"charts": {"folder": "/charts"}, "values": {"replicaCount": 2, "app": {"logLevel": 3}}},
    }
    made = record(fleet(chosen))
    assert made["west/cert-manager"].inputs["chart"] == "/charts/cert-manager"
    assert made["west/istio-csr"].inputs["chart"] == "/charts/cert-manager-istio-csr"
    assert values(made["west/istio-csr"])["replicaCount"] == 2
    assert values(made["west/istio-csr"])["app"] | {"logLevel": 1} == values(record(fleet())["west/istio-csr"])[
        "app"
    ] | {"logLevel": 1}


def test_an_intermediate_of_the_hosts_cert_manager_is_signed_with_in_each_cluster() -> None:
    hub = {"existing": {"kubeconfig": "hub.yaml", "context": "hub"}, "network": "hub", "mesh": "operations"}
    plain = fleet()
    clusters = {
        name: {"existing": {"kubeconfig": f"{name}.yaml", "context": name}, "network": name, "mesh": "shop"}
        for name in BOTH
    }
    assert plain.host == "west"
    made = record(
        fleet(
            {},
            host="hub",
            networks={name: {} for name in (*BOTH, "hub")},
            clusters=clusters | {"hub": hub},
            meshes={"shop": {"trust": {"signer": "istio-csr", "issuer": "cert-manager"}}, "operations": {}},
            namespaces={},
            workloads={},
        )
    )
    data = made[f"west/{AUTHORITY}"].inputs["data"]["value"]
    assert base64.b64decode(data["tls.key"]).decode() == "CONFIDENTIAL privateKey of west/issued-by-cert-manager"
    assert {"hub/intermediate-west", "west/cert-manager", "hub/cert-manager", "hub/cacerts"} <= made.names()


def test_another_root_goes_in_stages_and_each_tells_proxies_of_its_roots_in_order() -> None:
    deployed = Deployed({"shop": DeployedTrust(("first",), ("first",))})
    told, certificates = [], []
    for stage in stages(deployed, fleet({"roots": ["second"]})):
        assert stage.fleet is not None
        made = record(stage.fleet)
        (entry,) = values(made["west/istiod"])["meshConfig"]["caCertificates"]
        told.append(entry["pem"])
        certificates.append(made["west/istio-csr-istiod"].inputs["metadata"]["name"])
        roots = values(made["west/istio-csr"])["podAnnotations"]["meshfleet/roots"]
        assert roots == values(made["west/istiod"])["podAnnotations"]["meshfleet/roots"]
    first, second = "certificate of mesh shop/root\n", "certificate of mesh shop/root-second\n"
    assert told == [first + second, second + first, second]
    # Below the root that is dropped in the end nothing is left then.
    assert certificates == ["istiod-first", "istiod-second", "istiod-second"]


def test_every_stage_of_a_rotation_is_a_state_of_its_own() -> None:
    assert record(with_bundles({"shop": ("first", "second")})(fleet())).names() == record(fleet()).names() | {
        "mesh shop/root-second"
    }
