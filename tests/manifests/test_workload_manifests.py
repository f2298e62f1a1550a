"""What becomes of a workload: in each cluster its Service and its pods, in each primary what leads to its versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshfleet.manifests import Object, cluster_plan, fleet_plan
from meshfleet.manifests.mesh_settings import mesh_objects
from meshfleet.manifests.workloads import ECHO_IMAGE, EXPORT_TO, described
from meshfleet.topology import Fleet, load
from tests.examples import up_to
from tests.manifests.plans import objects
from tests.topology.strategies import ambient_fleets, loaded_fleets

pytestmark = pytest.mark.proof("workloads: their Services, versions, routes and callers", step=0)

quick = up_to(50)
OF_ISTIO = ("DestinationRule", "VirtualService", "AuthorizationPolicy")
HOST = "echo.sample.svc.cluster.local"


def fleet_with(echo: dict[str, Any], **sections: Any) -> Fleet:
    """Two primaries, and `branch` that `west` serves, with the workload `echo` in the namespace `sample`."""
    clusters: dict[str, dict[str, Any]] = {
        name: {"embedded": {}, "network": f"n-{name}", "region": name} for name in ("west", "east", "branch")
    }
    clusters["branch"]["controlPlane"] = {"remote": "west"}
    return load(
        "workloads",
        {
            "host": "west",
            "meshes": {"mesh1": {"trustDomain": "mesh.example"}},
            "networks": {cluster["network"]: {} for cluster in clusters.values()},
            "clusters": clusters,
            "namespaces": {"sample": {"injection": True}},
            "workloads": {"echo": {"namespace": "sample", **echo}},
        }
        | sections,
    )


def workload_objects(fleet: Fleet, cluster: str) -> dict[str, Object]:
    """What a cluster gets of workloads, by kind and name."""
    plan = [document for document in cluster_plan(fleet, cluster) if document.name.startswith("workload-")]
    return {f"{body['kind']} {body['metadata']['name']}": body for body in objects(plan)}


def of_kind(fleet: Fleet, cluster: str, kind: str, name: str = "") -> Object:
    (found,) = (
        body
        for what, body in workload_objects(fleet, cluster).items()
        if what == f"{kind} {name}" or (not name and body["kind"] == kind)
    )
    return found


def of_port(routes: Object, port: int) -> list[Object]:
    """The routes of a VirtualService for one port of the Service, in order."""
    return [route for route in routes["spec"]["http"] if route["match"][0]["port"] == port]


def with_versions(versions: dict[str, Any], **sections: Any) -> Fleet:
    return fleet_with({"versions": versions}, **sections)


@pytest.mark.parametrize(
    ("export_to", "written"),
    [
        # The gateways between the networks pass on what their own namespace knows.
        (["."], ".,istio-system"),
        (["sample"], "sample,istio-system"),
        ([".", "istio-system"], ".,istio-system"),
        (["*"], "*"),
    ],
)
def test_a_service_is_exported_as_declared_and_to_the_gateways_between_networks(
    export_to: list[str], written: str
) -> None:
    fleet = fleet_with({"exportTo": export_to})
    for cluster in fleet.clusters:
        assert of_kind(fleet, cluster, "Service")["metadata"]["annotations"][EXPORT_TO] == written
        assert described(fleet, cluster)[0]["exportTo"] == export_to


def test_on_one_network_no_gateway_has_to_know_a_service() -> None:
    clusters = {
        name: {"embedded": {}, "network": "n", "podCidr": f"10.{number}.0.0/16"}
        for number, name in enumerate(("west", "east"), 10)
    }
    fleet = fleet_with({"exportTo": ["."]}, networks={"n": {}}, clusters=clusters)
    assert of_kind(fleet, "west", "Service")["metadata"]["annotations"][EXPORT_TO] == "."


def test_without_export_to_istio_decides() -> None:
    assert EXPORT_TO not in of_kind(fleet_with({}), "west", "Service")["metadata"]["annotations"]


# Any fleet.


@quick
@given(loaded_fleets(working=True))
def test_the_service_is_wherever_a_workload_is_known_and_pods_only_where_they_run(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        made = workload_objects(fleet, cluster)
        known = fleet.workloads_of(cluster)
        assert {what for what in made if what.startswith("Service ")} == {f"Service {name}" for name in known}
        running = {(name, version) for name in known for version in fleet.versions_in(name, cluster)}
        deployments = {what for what in made if what.startswith("Deployment ")}
        assert deployments == {f"Deployment {name}-{version}" for name, version in running}
        accounts = {what for what in made if what.startswith("ServiceAccount ")}
        assert accounts == {f"ServiceAccount {name}" for name, _ in running}


@quick
@given(loaded_fleets(working=True))
def test_every_object_of_a_workload_is_in_its_namespace_which_is_there_before(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        names = [document.name for document in plan]
        for document in plan:
            if document.name.startswith("workload-"):
                (body,) = objects([document])
                assert body["metadata"]["namespace"] in fleet.namespaces_of(cluster)
                before = names.index(f"namespace-{body['metadata']['namespace']}")
                assert before < names.index(document.name)


@quick
@given(loaded_fleets(working=True))
def test_all_primaries_of_a_mesh_get_the_same_configuration_and_remote_clusters_none(fleet: Fleet) -> None:
    for mesh in fleet.meshes:
        for name, workload in fleet.workloads.items():
            written = {
                cluster: [
                    (body["kind"], body["spec"])
                    for body in workload_objects(fleet, cluster).values()
                    if body["kind"] in OF_ISTIO and body["metadata"]["name"] == name
                ]
                for cluster in fleet.members_of(mesh)
            }
            assert all(not written[cluster] for cluster in written if not fleet.is_primary(cluster))
            primaries = [written[cluster] for cluster in fleet.primaries_of(mesh)]
            assert all(found == primaries[0] for found in primaries)
            here = any(fleet.mesh_of(cluster) == mesh for cluster in fleet.clusters_of(name))
            kinds = [kind for kind, _ in primaries[0]]
            assert ("AuthorizationPolicy" in kinds) == (here and bool(workload.allowed_callers))
            assert ("VirtualService" in kinds) == ("DestinationRule" in kinds) == (here and workload.routed)


@quick
@given(loaded_fleets(working=True))
def test_a_service_a_deployment_and_a_subset_select_the_pods_of_their_workload_and_version(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        made = workload_objects(fleet, cluster)
        for what, body in made.items():
            match body["kind"]:
                case "Service":
                    assert body["spec"]["selector"] == {"app": body["metadata"]["name"]}
                case "Deployment":
                    labels = body["spec"]["template"]["metadata"]["labels"]
                    assert body["spec"]["selector"]["matchLabels"] == labels
                    assert what == f"Deployment {labels['app']}-{labels['version']}"
                    assert all(len(value) <= 63 for value in labels.values())
                    assert body["spec"]["template"]["spec"]["serviceAccountName"] == labels["app"]
                case "DestinationRule":
                    subsets = {subset["name"]: subset["labels"] for subset in body["spec"]["subsets"]}
                    versions = fleet.workloads[body["metadata"]["name"]].versions
                    assert subsets == {version: {"version": version} for version in versions}


@quick
@given(loaded_fleets(working=True))
def test_every_route_leads_to_a_subset_and_the_last_of_a_port_takes_every_request(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        made = workload_objects(fleet, cluster)
        for what, body in made.items():
            if body["kind"] != "VirtualService":
                continue
            rule = made[what.replace("VirtualService", "DestinationRule")]["spec"]
            assert body["spec"]["hosts"] == [rule["host"]]
            subsets = {subset["name"] for subset in rule["subsets"]}
            for port in (80, 7070):
                routes = of_port(body, port)
                *by_headers, rest = routes
                assert rest["match"] == [{"port": port}]
                asked = [len(route["match"][0]["headers"]) for route in by_headers]
                assert asked == sorted(asked, reverse=True)
                for route in routes:
                    assert {to["destination"]["host"] for to in route["route"]} == {rule["host"]}
                    assert {to["destination"]["port"]["number"] for to in route["route"]} == {port}
                    assert {to["destination"]["subset"] for to in route["route"]} <= subsets
                    assert sum(to.get("weight", 100) for to in route["route"]) == 100
            names = [route["name"] for route in body["spec"]["http"]]
            assert len(names) == len(set(names)) == len(of_port(body, 80)) + len(of_port(body, 7070))


@quick
@given(loaded_fleets(working=True))
def test_a_rule_of_a_workload_has_the_outlier_detection_of_its_mesh(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        of_mesh = mesh_objects(fleet, fleet.mesh_of(cluster), "istio-system").get("outlier-detection")
        for body in workload_objects(fleet, cluster).values():
            if body["kind"] == "DestinationRule":
                assert body["spec"].get("trafficPolicy") == (of_mesh["spec"]["trafficPolicy"] if of_mesh else None)


@quick
@given(loaded_fleets(working=True))
def test_what_status_reports_workloads_is_what_their_clusters_get(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        told = described(fleet, cluster)
        made = workload_objects(fleet, cluster)
        assert [entry["name"] for entry in told] == sorted(fleet.workloads_of(cluster))
        for entry in told:
            assert entry["host"] == f"{entry['name']}.{entry['namespace']}.svc.cluster.local"
            for version in entry["versions"]:
                deployment = made[f"Deployment {entry['name']}-{version['name']}"]
                assert deployment["spec"]["replicas"] == version["replicas"]
                assert deployment["metadata"]["namespace"] == entry["namespace"]
        running = {f"Deployment {entry['name']}-{version['name']}" for entry in told for version in entry["versions"]}
        assert running == {what for what in made if what.startswith("Deployment ")}


@quick
@given(ambient_fleets())
def test_in_ambient_mode_with_a_waypoint_callers_are_distinguished_there_and_pods_take_nobody_else(
    fleet: Fleet,
) -> None:
    for cluster in fleet.clusters:
        ambient = fleet.clusters[cluster].data_plane == "ambient"
        policies = {
            what: body for what, body in workload_objects(fleet, cluster).items() if body["kind"] == OF_ISTIO[2]
        }
        for name, workload in fleet.workloads_of(cluster).items():
            at_waypoint = ambient and fleet.namespaces[workload.namespace].waypoint and workload.allowed_callers
            assert (f"AuthorizationPolicy {name}-waypoint" in policies) == bool(at_waypoint)
            if at_waypoint:
                policy = policies[f"AuthorizationPolicy {name}"]["spec"]
                assert policy["targetRefs"] == [{"group": "", "kind": "Service", "name": name}]
                assert "selector" not in policy
                (rule,) = policies[f"AuthorizationPolicy {name}-waypoint"]["spec"]["rules"]
                assert rule["from"][0]["source"]["principals"] == [f"cluster.local/ns/{workload.namespace}/sa/waypoint"]


# One fleet.


def test_a_workload_that_says_nothing_is_an_echo_of_one_version_everywhere() -> None:
    fleet = fleet_with({})
    for cluster in fleet.clusters:
        assert set(workload_objects(fleet, cluster)) == {"ServiceAccount echo", "Service echo", "Deployment echo-v1"}
    pod = of_kind(fleet, "west", "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == ECHO_IMAGE
    assert container["args"] == ["--port=8080", "--grpc=7070", "--cluster=west", "--version=v1"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/", "port": 8080}


def test_ports_say_what_is_spoken_at_them_and_lead_to_those_of_the_pods() -> None:
    fleet = fleet_with({})
    service, deployment = of_kind(fleet, "west", "Service"), of_kind(fleet, "west", "Deployment")
    assert service["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "grpc", "port": 7070, "targetPort": 7070},
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [port["containerPort"] for port in container["ports"]] == [8080, 7070]


def test_an_image_of_ones_own_gets_no_arguments_and_a_probe_of_its_port_alone() -> None:
    fleet = fleet_with({"image": "nginx:1.29"})
    (container,) = of_kind(fleet, "west", "Deployment")["spec"]["template"]["spec"]["containers"]
    assert (container["image"], "args" in container) == ("nginx:1.29", False)
    assert container["readinessProbe"]["tcpSocket"] == {"port": 8080}
    assert [entry["echo"] for entry in described(fleet, "west")] == [False]


def test_versions_run_in_clusters_of_their_own_and_the_service_is_in_all() -> None:
    fleet = with_versions({"v1": {"clusters": ["west"]}, "v2": {"clusters": ["branch"], "replicas": 3}})
    assert set(workload_objects(fleet, "west")) == {"ServiceAccount echo", "Service echo", "Deployment echo-v1"}
    assert set(workload_objects(fleet, "branch")) == {"ServiceAccount echo", "Service echo", "Deployment echo-v2"}
    assert set(workload_objects(fleet, "east")) == {"Service echo"}
    assert of_kind(fleet, "branch", "Deployment")["spec"]["replicas"] == 3


def test_routes_go_by_headers_first_the_more_of_them_the_sooner_and_then_by_weights() -> None:
    canary = {"headers": {"x-canary": "always"}, "weight": 10}
    fleet = with_versions(
        {"v1": {"weight": 90}, "v2": canary, "v3": {"headers": {"x-canary": "always", "user": "a"}, "weight": 0}}
    )
    routes = of_port(of_kind(fleet, "east", "VirtualService"), 80)
    assert [route["match"][0].get("headers") for route in routes] == [
        {"user": {"exact": "a"}, "x-canary": {"exact": "always"}},
        {"x-canary": {"exact": "always"}},
        None,
    ]
    assert [[to["destination"]["subset"] for to in route["route"]] for route in routes] == [
        ["v3"],
        ["v2"],
        ["v1", "v2", "v3"],
    ]
    assert [to["weight"] for to in routes[-1]["route"]] == [90, 10, 0]
    assert "VirtualService echo" not in workload_objects(fleet, "branch")


def test_without_weights_the_rest_goes_to_the_version_that_requests_no_header() -> None:
    fleet = with_versions({"v1": {"headers": {"x-canary": "always"}}, "v2": {}})
    rest = of_port(of_kind(fleet, "west", "VirtualService"), 7070)[-1]
    assert rest["route"] == [{"destination": {"host": HOST, "subset": "v2", "port": {"number": 7070}}}]


def test_callers_are_named_by_their_identity_in_the_mesh() -> None:
    fleet = fleet_with({"allowedCallers": ["sample/web", "istio-system/shop"], "clusters": ["branch"]})
    for cluster in ("west", "east"):
        policy = of_kind(fleet, cluster, "AuthorizationPolicy")
        assert policy["spec"] == {
            "selector": {"matchLabels": {"app": "echo"}},
            "action": "ALLOW",
            "rules": [
                {
                    "from": [
                        {
                            "source": {
                                "principals": ["mesh.example/ns/istio-system/sa/shop", "mesh.example/ns/sample/sa/web"]
                            }
                        }
                    ]
                }
            ],
        }
    assert "AuthorizationPolicy echo" not in workload_objects(fleet, "branch")


def test_locality_holds_for_a_workload_with_a_rule_of_its_own() -> None:
    meshes = {"mesh1": {"settings": {"locality": {"outlierDetection": {"intervalSeconds": 3}}}}}
    fleet = with_versions({"v1": {"weight": 50}, "v2": {"weight": 50}}, meshes=meshes)
    policy = of_kind(fleet, "west", "DestinationRule")["spec"]["trafficPolicy"]
    assert policy["outlierDetection"]["interval"] == "3s"


def test_nothing_of_a_workload_is_waited_for_that_might_never_come() -> None:
    fleet = fleet_with({"clusters": ["west"]})
    skip = {"pulumi.com/skipAwait": "true"}
    assert of_kind(fleet, "east", "Service")["metadata"]["annotations"] == skip
    assert of_kind(fleet, "west", "Deployment")["metadata"]["annotations"] == skip
    existing = {"existing": {"kubeconfig": "a.yaml", "context": "a"}, "network": "n-west"}
    real = fleet_with({}, clusters={"west": existing}, networks={"n-west": {}})
    assert "annotations" not in of_kind(real, "west", "Deployment")["metadata"]


def test_pods_roll_out_on_another_revision_and_only_where_they_have_a_proxy() -> None:
    def annotations(namespace: dict[str, Any], revision: str) -> Any:
        fleet = fleet_with({}, namespaces={"sample": namespace}, istio={"revision": revision})
        return of_kind(fleet, "west", "Deployment")["spec"]["template"]["metadata"].get("annotations")

    default, green = (annotations({"injection": True}, revision) for revision in ("default", "green"))
    assert default.keys() == green.keys() == {"meshfleet/injected"}
    assert '"revision":"default"' in default["meshfleet/injected"]
    assert '"discoveryAddress":"istiod-green.istio-system.svc:15012"' in green["meshfleet/injected"]
    assert annotations({}, "green") is None


def test_workloads_of_two_meshes_know_nothing_of_each_other() -> None:
    clusters: dict[str, Any] = {
        name: {"embedded": {}, "network": name, "mesh": f"mesh-{name}"} for name in ("development", "production")
    }
    fleet = fleet_with(
        {"clusters": ["development"]},
        host="development",
        meshes={"mesh-development": {}, "mesh-production": {}},
        networks={"development": {}, "production": {}},
        clusters=clusters,
    )
    assert workload_objects(fleet, "development")
    assert workload_objects(fleet, "production") == {}
