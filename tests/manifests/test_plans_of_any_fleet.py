"""What holds for the plan of every fleet there can be."""

from __future__ import annotations

import base64
import copy
import json
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.manifests import Chart, Release, Stage, fleet_plan
from meshfleet.topology import Fleet, load
from tests.examples import up_to
from tests.manifests.plans import istiods, named, objects, releases, texts, values_of
from tests.topology.name_strategies import Config
from tests.topology.strategies import fleets, loaded_fleets

pytestmark = pytest.mark.proof("objects and chart values follow from the stack file alone", step=0)

quick = up_to(30)
STAGES = list(Stage)


def shuffled(value: Any, order: Random) -> Any:
    """The same value with the keys of all maps in another order."""
    if isinstance(value, dict):
        keys = order.sample(list(value), len(value))
        return {key: shuffled(value[key], order) for key in keys}
    return [shuffled(each, order) for each in value] if isinstance(value, list) else value


@quick
@given(loaded_fleets())
def test_the_same_fleet_gives_the_same_plan_and_is_not_changed(fleet: Fleet) -> None:
    before = copy.deepcopy(fleet)
    assert fleet_plan(fleet) == fleet_plan(copy.deepcopy(fleet))
    assert fleet == before


@quick
@given(fleets(), st.randoms(use_true_random=False))
def test_the_plan_is_the_same_in_whatever_order_names_come(config: Config, order: Random) -> None:
    """Pulumi's engine hands the sections over as JSON with sorted keys, the command reads them as they are written."""
    written, sorted_keys, mixed = (
        {cluster: {one.name: one for one in plan} for cluster, plan in fleet_plan(load("generated", each)).items()}
        for each in (config, json.loads(json.dumps(config, sort_keys=True)), shuffled(config, order))
    )
    assert written == sorted_keys == mixed


@quick
@given(loaded_fleets())
def test_every_cluster_has_a_plan_in_the_order_of_the_stages(fleet: Fleet) -> None:
    plans = fleet_plan(fleet)
    assert list(plans) == list(fleet.clusters)
    for plan in plans.values():
        positions = [STAGES.index(document.stage) for document in plan]
        assert positions == sorted(positions)


@quick
@given(loaded_fleets())
def test_names_are_unique_in_a_cluster_and_so_are_objects_and_releases(fleet: Fleet) -> None:
    for plan in fleet_plan(fleet).values():
        names = Counter(document.name for document in plan)
        identities = Counter(
            (body["apiVersion"], body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"])
            for body in objects(plan)
        )
        installed = Counter((release.namespace, release.name) for release in releases(plan).values())
        assert {*names.values(), *identities.values(), *installed.values()} == {1}


@quick
@given(loaded_fleets())
def test_every_object_says_who_manages_it(fleet: Fleet) -> None:
    for plan in fleet_plan(fleet).values():
        for body in objects(plan):
            assert body["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "meshfleet"


@quick
@given(loaded_fleets())
def test_the_namespace_of_istio_comes_first_and_has_the_label_of_its_network(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        first = values_of(plan[0])
        assert (first["kind"], first["metadata"]["name"]) == ("Namespace", fleet.system_namespace(cluster))
        assert first["metadata"]["labels"]["topology.istio.io/network"] == fleet.clusters[cluster].network


def assert_in_namespaces_that_exist(fleet: Fleet) -> None:
    for plan in fleet_plan(fleet).values():
        existing = {"default", "kube-node-lease", "kube-public", "kube-system"}
        for document in plan:
            body = document.body
            namespace = body.namespace if isinstance(body, Release) else body["metadata"].get("namespace")
            assert namespace in (existing | {None}), document.name
            if not isinstance(body, Release) and body["kind"] == "Namespace":
                existing.add(body["metadata"]["name"])


@quick
@given(loaded_fleets())
def test_everything_is_in_a_namespace_that_comes_before_it(fleet: Fleet) -> None:
    assert_in_namespaces_that_exist(fleet)


@pytest.mark.parametrize("kind", ["own", "external"])
def test_the_gateway_api_is_in_a_namespace_that_comes_before_it(kind: str) -> None:
    gateway = {"public": {"api": "gateway", "listeners": [{"port": 80}]}}
    config = {
        "host": "operations",
        "meshes": {"operations": {}, "shop": {}},
        "networks": {"near": {}, "far": {}},
        "clusters": {
            "operations": {"embedded": {}, "mesh": "operations", "network": "near"},
            "shop": {
                "embedded": {},
                "mesh": "shop",
                "network": "far",
                "ingressGateways": gateway,
                "controlPlane": "own" if kind == "own" else {"external": "operations"},
            },
        },
    }
    fleet = load("gateways", config)
    assert "gateway-api" in releases(fleet_plan(fleet)["shop"])
    assert_in_namespaces_that_exist(fleet)


@quick
@given(loaded_fleets())
def test_one_name_of_a_cluster_feeds_charts_paths_annotations_and_remote_secrets(fleet: Fleet) -> None:
    plans = fleet_plan(fleet)
    for cluster, plan in plans.items():
        path = f"/inject/cluster/{cluster}/net/{fleet.clusters[cluster].network}"
        for istiod in istiods(fleet, plan).values():
            assert istiod.values["global"]["multiCluster"]["clusterName"] == cluster
            webhook = istiod.values.get("istiodRemote", {})
            if fleet.clusters[cluster].capabilities.istiod_runtime == "process":
                assert webhook["injectionURL"].endswith(path)
            else:
                assert webhook.get("injectionPath") == (None if fleet.hosting(cluster) == cluster else path)
        for remote in fleet.remotes_of(cluster):
            annotations = values_of(plans[remote][0])["metadata"]["annotations"]
            assert annotations == {"topology.istio.io/controlPlaneClusters": cluster}
        for reader in fleet.readers_of(cluster):
            secret = named(plans[reader], "remote-secrets")
            assert secret is not None
            assert cluster in values_of(secret)["data"]


@quick
@given(loaded_fleets())
def test_istiod_gets_the_mesh_the_network_and_the_trust_domain(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        mesh = fleet.mesh_of(cluster)
        for istiod in istiods(fleet, plan).values():
            assert istiod.values["global"]["meshID"] == mesh
            assert istiod.values["global"]["network"] == fleet.clusters[cluster].network
            assert istiod.values["meshConfig"]["trustDomain"] == fleet.meshes[mesh].trust_domain


@quick
@given(loaded_fleets())
def test_a_control_plane_has_one_remote_secret_that_holds_exactly_the_clusters_it_reads(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        found = [body for body in objects(plan) if body["metadata"]["labels"].get("istio/multiCluster") == "true"]
        mesh = sorted(set(fleet.members_of(fleet.mesh_of(cluster))) - {cluster}) if fleet.is_primary(cluster) else []
        read_by = {name: fleet.clusters[name].discovery.read_by for name in mesh}
        peers = [name for name, readers in read_by.items() if readers is None or cluster in readers]
        assert [list(body["data"]) for body in found] == ([peers] if peers else [])
        assert [body["metadata"]["namespace"] for body in found] == [fleet.system_namespace(cluster)] * len(found)
        # A reader reads with a token of this cluster, so both or neither are there.
        assert (named(plan, "reader-token") is not None) == bool(fleet.readers_of(cluster))


@quick
@given(loaded_fleets())
def test_there_is_a_gateway_exactly_where_the_topology_says_and_none_in_a_mesh_of_one_network(
    fleet: Fleet,
) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        wanted = fleet.has_east_west_gateway(cluster)
        assert ("east-west-gateway" in releases(plan)) == wanted
        declared = fleet.clusters[cluster].east_west_gateway
        alone = len(fleet.networks_of(fleet.mesh_of(cluster))) == 1 and declared is None
        if alone and not fleet.exposes_control_plane(cluster):
            assert not wanted
        if not wanted:
            continue
        values = releases(plan)["east-west-gateway"].values
        if alone:
            assert "networkGateway" not in values
            assert {port["port"] for port in values["service"]["ports"]} >= {15012, 15017}
        elif declared and declared.type == "NodePort":
            network = fleet.clusters[cluster].network
            assert not fleet.is_network_gateway(cluster) or values["labels"]["topology.istio.io/network"] == network
        else:
            assert values["networkGateway"] == fleet.clusters[cluster].network
            assert values["networkGatewayPorts"]["tls"]["port"] == (declared.port if declared else 15443)


@quick
@given(loaded_fleets())
def test_networks_are_opened_where_the_configuration_of_their_gateways_is(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        served = [name for name in fleet.clusters if fleet.primary_of(name) == cluster]
        opened = named(plan, "cross-network-gateway")
        assert (opened is not None) == any(fleet.is_network_gateway(name) for name in served)
        if opened is not None:
            assert values_of(opened)["metadata"]["namespace"] == fleet.system_namespace(cluster)


@quick
@given(loaded_fleets())
def test_webhooks_lead_to_a_process_exactly_where_pods_are_simulated(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        simulated = fleet.clusters[cluster].capabilities.istiod_runtime == "process"
        validates = fleet.is_primary(cluster)
        assert ("base" in releases(plan)["istio-base"].values) == (simulated and validates)
        for istiod in istiods(fleet, plan).values():
            assert ("injectionURL" in istiod.values.get("istiodRemote", {})) == simulated
            assert ("base" in istiod.values) == (simulated and validates)
            # Helm would wait for pods, which are ready at once, and for addresses, which nobody gives. Where istiod is
            # elsewhere the chart has no pods.
            assert istiod.wait is (fleet.hosting(cluster) == cluster and not simulated)


@quick
@given(loaded_fleets())
def test_everything_that_takes_a_revision_is_given_that_which_it_is_on(fleet: Fleet) -> None:
    istio = fleet.istio
    # What namespaces are labelled with: a tag stays when the revision behind it is another one.
    selected = istio.tags[0] if istio.tags else istio.revision
    for cluster, plan in fleet_plan(fleet).items():
        # The validator of a cluster without an istiod of its name would never be given its certificate.
        default = istio.revision if fleet.is_primary(cluster) else ""
        assert releases(plan)["istio-base"].values["defaultRevision"] == default
        for revision, istiod in istiods(fleet, plan).items():
            assert istiod.values.get("revision", "default") == revision
        if fleet.has_east_west_gateway(cluster):
            assert releases(plan)["east-west-gateway"].values.get("revision", "default") == istio.gateways
        for name, namespace in fleet.namespaces_of(cluster).items():
            document = named(plan, f"namespace-{name}")
            assert document is not None
            made = values_of(document)["metadata"]["labels"]
            selecting = {key: made[key] for key in ("istio-injection", "istio.io/rev") if key in made}
            by_default = {"istio-injection": "enabled"}
            if namespace.injection:
                assert selecting == (by_default if selected == "default" else {"istio.io/rev": selected})
            assert namespace.labels.items() <= made.items()


@quick
@given(loaded_fleets())
def test_meshes_do_not_name_each_others_clusters(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        mesh = fleet.mesh_of(cluster)
        others = {name for name in fleet.clusters if fleet.mesh_of(name) != mesh}
        for document in plan:
            body = values_of(document)
            assert not others & set((body.get("data") or {}) if document.name == "remote-secrets" else ())
        assert {istiod.values["global"]["meshID"] for istiod in istiods(fleet, plan).values()} == {mesh}


@quick
@given(loaded_fleets())
def test_no_plan_holds_anything_but_placeholders_where_a_secret_goes(fleet: Fleet) -> None:
    for plan in fleet_plan(fleet).values():
        for body in objects(plan):
            for value in (body.get("data") or {}).values() if body["kind"] == "Secret" else ():
                assert base64.b64decode(value, validate=True).decode().startswith("<")


@quick
@given(loaded_fleets())
def test_every_plan_is_plain_data_that_yaml_and_json_can_hold(fleet: Fleet) -> None:
    for plan in fleet_plan(fleet).values():
        for document in plan:
            body = values_of(document)
            assert json.loads(json.dumps(body)) == body
            assert all(text.isprintable() for text in texts(body))


def test_objects_grow_with_the_number_of_clusters_and_not_with_its_square() -> None:
    sizes = {size: sum(map(len, fleet_plan(_in_one_mesh(size)).values())) for size in (10, 20, 40)}
    assert sizes[40] - sizes[20] == 2 * (sizes[20] - sizes[10])


def test_charts_are_named_as_istio_publishes_them() -> None:
    plan = fleet_plan(_in_one_mesh(2))["c0"]
    assert {name: str(release.chart) for name, release in releases(plan).items()} == {
        "istio-base": "base",
        "istiod": "istiod",
        "east-west-gateway": "gateway",
    }
    # Two of the others are ours: definitions that no chart has alone.
    of_istio = ["base", "istiod", "gateway", "cni", "ztunnel"]
    assert [str(chart) for chart in Chart] == [
        *of_istio,
        "gateway-api",
        "cert-manager",
        "cert-manager-istio-csr",
        "karmada",
    ]


def _in_one_mesh(size: int) -> Fleet:
    clusters = {f"c{number}": {"embedded": {}, "network": f"n{number}"} for number in range(size)}
    networks: dict[str, object] = {f"n{number}": {} for number in range(size)}
    return load("sized", {"host": "c0", "clusters": clusters, "networks": networks})
