"""What holds for the plan of every fleet in which a control plane serves other clusters than the one it runs in."""

from __future__ import annotations

import pytest
from hypothesis import given

from meshfleet.manifests import Document, Object, fleet_plan, istiod_endpoints, reader
from meshfleet.manifests.control_plane import injection_webhook
from meshfleet.manifests.names import istiod_service
from meshfleet.topology import Fleet, load
from tests.examples import up_to
from tests.manifests.plans import istiods, named, objects, releases, texts, values_of, without_workloads
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("objects and chart values follow from the stack file alone", step=0)

quick = up_to(40)


def body(plan: list[Document], name: str) -> Object:
    """An object that is there."""
    document = named(plan, name)
    assert document is not None, name
    return values_of(document)


def of_kind(fleet: Fleet, kind: str) -> list[str]:
    """The clusters whose control plane is of that kind."""
    return [name for name, cluster in fleet.clusters.items() if cluster.control_plane.kind == kind]


def without_machines(plan: list[Document]) -> list[Document]:
    """A plan without what is of virtual machines, which are in namespaces of the fleet."""
    return [document for document in plan if not document.name.startswith("machine-")]


def addresses(fleet: Fleet, cluster: str) -> set[str]:
    """Where the proxies of a cluster look for istiod: the Service that the chart of their revision makes there."""
    return {f"{istiod_service(name)}.{fleet.system_namespace(cluster)}.svc" for name in fleet.istio.installed}


@quick
@given(loaded_fleets())
def test_a_remote_has_no_authority_no_remote_secrets_and_none_of_istiods_own_objects(fleet: Fleet) -> None:
    plans = {cluster: without_machines(plan) for cluster, plan in fleet_plan(fleet).items()}
    for cluster in of_kind(fleet, "remote"):
        plan = [one for one in without_workloads(plans[cluster]) if one.section is not reader.SECTION]
        # Where the chart cannot lead to the ports of its istiod the fleet does.
        led = {name for revision in fleet.istio.installed for name in istiod_endpoints.names(revision)}
        kinds = {
            values_of(document)["kind"]
            for document in plan
            if document.name not in led and isinstance(document.body, dict)
            if not document.body["metadata"]["labels"].get("istio.io/tag")
        }
        assert kinds <= {"Namespace", "Secret"}
        secrets = [found for found in objects(plan) if found["kind"] == "Secret"]
        assert [found["type"] for found in secrets] == ["kubernetes.io/service-account-token"]
        # Neither is anything made for it elsewhere.
        told = set().union(*(texts(values_of(document)) for other in plans.values() for document in other))
        assert f"<intermediate key of {cluster}>" not in told
        assert not [name for other in plans.values() for name in releases(other) if f"-{cluster}-" in name]


@quick
@given(loaded_fleets())
def test_what_leads_elsewhere_is_the_remote_profile_with_the_gateway_in_front_of_istiod(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        host = fleet.hosting(cluster)
        for chart in istiods(fleet, plan).values():
            values = chart.values
            assert (values.get("profile") == "remote") == (host != cluster)
            pilot = values["global"].get("remotePilotAddress")
            advertised = fleet.advertised_to(host, cluster)
            address = advertised.address if advertised else f"<address of the east-west gateway of {host}>"
            # Where the chart cannot lead to the ports of its istiod the fleet does.
            led = named(plan, istiod_endpoints.names(fleet.istio.revision)[0])
            assert pilot == (None if host == cluster or led else address)
            # Only the cluster with Istio's configuration gets the ConfigMaps that an istiod elsewhere reads from it.
            config = True if fleet.clusters[cluster].control_plane.kind == "external" else None
            assert (values.get("configMap"), values["global"].get("configCluster")) == (config, config)


@quick
@given(loaded_fleets())
def test_an_istiod_leads_elsewhere_exactly_where_clusters_name_it(fleet: Fleet) -> None:
    plans = fleet_plan(fleet)
    for cluster in fleet.clusters:
        if not fleet.is_primary(cluster):
            continue
        host = fleet.hosting(cluster)
        serves = bool(fleet.remotes_of(cluster)) or host != cluster
        for revision in fleet.istio.installed:
            name = istiod_service(revision)
            release = releases(plans[host])[name if host == cluster else f"external-{cluster}-{name}"]
            assert release.values.get("env", {}).get("EXTERNAL_ISTIOD") == ("true" if serves else None)


@quick
@given(loaded_fleets())
def test_routes_lead_by_the_name_that_is_requested_to_each_istiod_that_serves_from_there(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        served = [name for name in fleet.clusters if name != cluster and fleet.hosting(name) == cluster]
        joined = [machines.cluster for machines in fleet.virtual_machines.values()]
        served += [name for name in joined if fleet.hosting(name) == cluster]
        assert (named(plan, "istiod-routes") is not None) == (named(plan, "istiod-gateway") is not None) == bool(served)
        if not served:
            continue
        routes = {}
        for route in body(plan, "istiod-routes")["spec"]["tls"]:
            (match,), (target,) = route["match"], route["route"]
            for name in match["sniHosts"]:
                assert (name, match["port"]) not in routes
                routes[name, match["port"]] = target["destination"]
        wanted = set().union(*(addresses(fleet, name) for name in served))
        names = {name + suffix for name in wanted for suffix in ("", ".cluster.local")}
        assert routes == {
            (name, port): {"host": f"{name.removesuffix('.cluster.local')}.cluster.local", "port": {"number": target}}
            for name in names
            for port, target in ((15012, 15012), (15017, 443))
        }
        opened = {server["port"]["number"]: server["tls"] for server in body(plan, "istiod-gateway")["spec"]["servers"]}
        assert opened == {15012: {"mode": "PASSTHROUGH"}, 15017: {"mode": "PASSTHROUGH"}}


@quick
@given(loaded_fleets())
def test_an_external_istiod_stands_beside_its_authority_and_the_key_to_its_config_cluster(fleet: Fleet) -> None:
    plans = fleet_plan(fleet)
    for cluster in of_kind(fleet, "external"):
        host, namespace = plans[fleet.hosting(cluster)], fleet.system_namespace(cluster)
        assert namespace == body(host, f"external-{cluster}-namespace")["metadata"]["name"]
        for revision in fleet.istio.installed:
            release = releases(host)[f"external-{cluster}-{istiod_service(revision)}"]
            assert (release.name, release.namespace) == (istiod_service(revision), namespace)
            assert release.values["global"]["multiCluster"]["clusterName"] == cluster
            assert release.values.get("revision", "default") == revision
        for name in ("cacerts", "kubeconfig"):
            assert body(host, f"external-{cluster}-{name}")["metadata"]["namespace"] == namespace
        # The network is that of the config cluster's namespace; the host's belongs to another mesh.
        assert "topology.istio.io/network" not in body(host, f"external-{cluster}-namespace")["metadata"]["labels"]
        token = body(plans[cluster], "istiod-token")["metadata"]
        account = {"kubernetes.io/service-account.name": istiod_service(fleet.istio.revision)}
        assert (token["namespace"], token["annotations"]) == (namespace, account)
        assert named(plans[cluster], "cacerts") is None


@quick
@given(loaded_fleets())
def test_everything_of_a_control_plane_is_in_its_own_namespace_in_every_cluster(fleet: Fleet) -> None:
    for cluster, whole in fleet_plan(fleet).items():
        plan, own = without_machines(whole), fleet.system_namespace(cluster)
        hosted = {fleet.system_namespace(name) for name in fleet.hosted_by(cluster)}
        assert own not in hosted
        of_istio = objects(without_workloads(plan))
        found = {body["metadata"]["namespace"] for body in of_istio if "namespace" in body["metadata"]}
        assert found | {release.namespace for release in releases(plan).values()} <= {own, *hosted}
        for name, release in releases(plan).items():
            told = release.values.get("global", {}).get("istioNamespace", "istio-system")
            # The gateway's chart takes the namespace of its release.
            assert name == "east-west-gateway" or told == release.namespace
        for revision in fleet.istio.installed:
            assert injection_webhook(revision, own).endswith(own) == (own != "istio-system")


@pytest.mark.parametrize("plane", [{"remote": "c0"}, "own"], ids=["remotes", "primaries"])
def test_what_each_cluster_gets_does_not_grow_with_the_number_of_clusters(plane: object) -> None:
    sizes = {size: _sizes(size, plane) for size in (3, 6, 12)}
    for size, found in sizes.items():
        assert found == [sizes[3][0], *[sizes[3][1]] * (size - 1)]


def _sizes(size: int, plane: object) -> list[int]:
    """How many documents each cluster gets in a mesh of `size` clusters on networks of their own."""
    clusters: dict[str, dict[str, object]] = {
        f"c{number}": {"embedded": {}, "network": f"n{number}"} for number in range(size)
    }
    for name, cluster in clusters.items():
        if name != "c0":
            cluster["controlPlane"] = plane
    networks: dict[str, object] = {f"n{number}": {} for number in range(size)}
    fleet = load("sized", {"host": "c0", "clusters": clusters, "networks": networks})
    return [len(plan) for plan in fleet_plan(fleet).values()]
