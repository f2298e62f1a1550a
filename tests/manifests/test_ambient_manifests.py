"""What ambient mode consists of, where it is, and that nothing of it is where sidecars are."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from ruamel.yaml import YAML

from meshfleet.manifests import Chart, fleet_plan, reader
from meshfleet.manifests.ambient import HBONE_PORT, east_west_gateway, waypoints
from meshfleet.manifests.ambient import settings as environment_of
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.namespaces import declared
from meshfleet.topology import Fleet
from tests.components.fleets import fleet_called
from tests.examples import up_to
from tests.manifests.plans import istiods, named, releases, texts, values_of
from tests.topology.strategies import ambient_fleets, loaded_fleets

pytestmark = pytest.mark.proof("ambient mode over several networks", step=0)

quick = up_to(30)

OF_AMBIENT = ("AMBIENT", "ambient", "HBONE", "istio.io/global", "waypoint", "gateway.networking.k8s.io", "ztunnel")


def ambient(fleet: Fleet) -> list[str]:
    """The clusters in ambient mode."""
    return [name for name, cluster in fleet.clusters.items() if cluster.data_plane == "ambient"]


def told(fleet: Fleet, cluster: str) -> str:
    """All that a cluster gets, as one text, but for what readers may do, which is the same in every mesh."""
    plan = fleet_plan(fleet)[cluster]
    return json.dumps([values_of(document) for document in plan if document.section is not reader.SECTION])


# Where it is not.


@quick
@given(loaded_fleets())
def test_a_fleet_of_sidecars_gets_nothing_of_ambient_mode(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        environment = environment_of(fleet, cluster)
        assert environment == {}
        assert waypoints(fleet, cluster) == {}
        charts = {release.chart for release in releases(fleet_plan(fleet)[cluster]).values()}
        assert charts <= {Chart.BASE, Chart.ISTIOD, Chart.GATEWAY}


@quick
@given(ambient_fleets())
def test_a_mesh_of_sidecars_beside_an_ambient_one_gets_nothing_of_it(fleet: Fleet) -> None:
    # A cluster may be called by such a word.
    assume(not any(word in name for name in fleet.clusters for word in OF_AMBIENT))
    for cluster in set(fleet.clusters) - set(ambient(fleet)):
        everything = told(fleet, cluster)
        # The gateway's chart and Istio's own Gateway are of sidecars.
        assert [word for word in OF_AMBIENT if word in everything] == []


# Where it is.


@quick
@given(ambient_fleets())
def test_istiod_hears_of_ambient_mode_and_of_several_networks_only_where_there_are(fleet: Fleet) -> None:
    plans = fleet_plan(fleet)
    for cluster in ambient(fleet):
        several = {"AMBIENT_ENABLE_MULTI_NETWORK": "true"} if len(fleet.networks_of("calm")) > 1 else {}
        assert environment_of(fleet, cluster) == {"PILOT_ENABLE_AMBIENT": "true"} | several
        for istiod in istiods(fleet, plans[cluster]).values():
            assert istiod.values["profile"] == "ambient"
            assert istiod.values["env"].items() >= environment_of(fleet, cluster).items()
            scopes = istiod.values["meshConfig"]["serviceScopeConfigs"]
            selectors = [scope.get("servicesSelector") or scope["namespaceSelector"] for scope in scopes]
            label = {"key": "istio.io/global", "operator": "In", "values": ["true"]}
            assert selectors == [{"matchExpressions": [label]}] * 2


@quick
@given(ambient_fleets())
def test_each_cluster_has_the_agents_of_its_nodes_in_its_own_name_and_network(fleet: Fleet) -> None:
    for cluster in ambient(fleet):
        made = releases(fleet_plan(fleet)[cluster])
        cni, ztunnel = made["istio-cni"], made["ztunnel"]
        assert cni.values["profile"] == "ambient"
        assert ztunnel.values["multiCluster"] == {"clusterName": cluster}
        assert ztunnel.values["network"] == fleet.clusters[cluster].network
        assert ztunnel.values.get("revision", "default") == fleet.istio.revision
        # Helm would wait for agents on nodes that nobody runs.
        assert {cni.wait, ztunnel.wait} == {fleet.clusters[cluster].capabilities.runs_pods}
        # Whoever made the cluster has brought the Gateway API along, or nobody has.
        assert ("gateway-api" in made) == (fleet.clusters[cluster].capabilities.gateway_api == "fleet")
        assert [release.chart for release in made.values()].count(Chart.GATEWAY) == 0


@quick
@given(ambient_fleets())
def test_the_way_into_a_network_speaks_hbone_and_is_there_where_the_topology_says(fleet: Fleet) -> None:
    for cluster in ambient(fleet):
        plan = fleet_plan(fleet)[cluster]
        document = named(plan, "east-west-gateway")
        assert (document is not None) == fleet.has_east_west_gateway(cluster)
        assert (named(plan, "east-west-gateway-options") is not None) == fleet.has_east_west_gateway(cluster)
        assert named(plan, "cross-network-gateway") is None
        if document is None:
            continue
        gateway = values_of(document)
        assert gateway == east_west_gateway(fleet, cluster)
        assert gateway["spec"]["gatewayClassName"] == "istio-east-west"
        (listener,) = gateway["spec"]["listeners"]
        assert (listener["port"], listener["protocol"]) == (HBONE_PORT, "HBONE")
        assert listener["tls"]["options"] == {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}
        labels, annotations = gateway["metadata"]["labels"], gateway["metadata"].get("annotations", {})
        assert labels["topology.istio.io/network"] == fleet.clusters[cluster].network
        assert labels.get("istio.io/rev", "default") == fleet.istio.gateways
        asked = fleet.clusters[cluster].east_west_gateway
        assert annotations == (asked.service_annotations if asked else {})


@quick
@given(ambient_fleets())
def test_namespaces_are_in_the_mesh_by_labels_of_ambient_mode_and_by_no_revision(fleet: Fleet) -> None:
    for cluster in ambient(fleet):
        for name, body in declared(fleet, cluster).items():
            namespace, labels = fleet.namespaces[name], body["metadata"]["labels"]
            assert labels.get("istio.io/dataplane-mode") == ("ambient" if namespace.injection else None)
            assert labels.get("istio.io/use-waypoint") == ("waypoint" if namespace.waypoint else None)
            assert labels.get("istio.io/global") == ("true" if namespace.global_services else None)
            assert not {"istio-injection", "istio.io/rev"} & labels.keys()
            assert namespace.labels.items() <= labels.items()


@quick
@given(ambient_fleets())
def test_waypoints_are_the_same_in_every_cluster_and_there_where_they_are_requested(fleet: Fleet) -> None:
    asked = {name for name, namespace in fleet.namespaces.items() if namespace.waypoint}
    made = [waypoints(fleet, cluster) for cluster in ambient(fleet)]
    for found in made:
        assert found == made[0]
        assert found.keys() == asked
        for name, gateway in found.items():
            assert (gateway["metadata"]["name"], gateway["metadata"]["namespace"]) == ("waypoint", name)
            assert gateway["spec"]["gatewayClassName"] == "istio-waypoint"
            labels = gateway["metadata"]["labels"]
            assert labels["istio.io/waypoint-for"] == "service"
            # Where Services are global their waypoints have to be.
            assert ("istio.io/global" in labels) == fleet.namespaces[name].global_services


@quick
@given(ambient_fleets())
def test_tags_and_webhooks_of_pods_are_for_sidecars_alone(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        found = {document.name for document in fleet_plan(fleet)[cluster] if document.name.startswith("tag-")}
        assert found == (set() if cluster in ambient(fleet) else {f"tag-{tag}" for tag in fleet.istio.tags})


def test_every_revision_gets_the_same_settings_and_agents_are_there_once() -> None:
    one = fleet_called("ambient")
    istio = one.istio.model_validate({"revisions": {"blue": {}, "green": {}}, "revision": "blue"})
    fleet = one.model_copy(update={"istio": istio})
    for plan in fleet_plan(fleet).values():
        blue, green = (releases(plan)[istiod_service(name)].values for name in ("blue", "green"))
        assert {**blue, "revision": None, "istiodRemote": None, "base": None} == {
            **green,
            "revision": None,
            "istiodRemote": None,
            "base": None,
        }
        charts = [release.chart for release in releases(plan).values()]
        assert [charts.count(chart) for chart in (Chart.CNI, Chart.ZTUNNEL, Chart.GATEWAY_API)] == [1, 1, 1]


def test_the_options_of_the_gateway_are_a_piece_of_its_service() -> None:
    document = named(fleet_plan(fleet_called("ambient"))["west"], "east-west-gateway-options")
    assert document is not None
    data = values_of(document)["data"]
    # Random node ports would make the Services of two clusters differ.
    assert YAML(typ="safe", pure=True).load(data["service"]) == {"spec": {"allocateLoadBalancerNodePorts": False}}
    gateway = east_west_gateway(fleet_called("ambient"), "west")
    assert values_of(document)["metadata"]["name"] in texts(gateway["spec"]["infrastructure"])
