"""Virtual machines in plans: where what they need is, and what makes them callable."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshfleet.manifests import Object, fleet_plan
from meshfleet.manifests.virtual_machines import account, described, entries, group, host, labels
from meshfleet.topology import Fleet, load
from tests.examples import up_to
from tests.manifests.machines import CONFIG, STACK
from tests.manifests.plans import named, objects, values_of
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("virtual machines: what they need in each cluster", step=0)

quick = up_to(40)
PLAIN: dict[str, Any] = {"namespace": "orders", "ports": {"http": {"port": 8080}}}
CLUSTERS: dict[str, Any] = {
    "west": {"embedded": {}, "network": "shared", "region": "r", "zone": "z"},
    "branch": {"embedded": {}, "network": "far", "region": "far", "controlPlane": {"remote": "west"}},
    "east": {"embedded": {}, "network": "shared"},
}


def fleet_with(machines: dict[str, Any], **sections: Any) -> Fleet:
    """A primary with a remote, and another primary, with the machines given."""
    config = {
        "host": "west",
        "networks": {cluster["network"]: {} for cluster in CLUSTERS.values()},
        "clusters": CLUSTERS,
        "namespaces": {"orders": {}},
        "virtualMachines": {name: PLAIN | {"cluster": "west"} | fields for name, fields in machines.items()},
    }
    return load("m", config | sections)


def of_machines(fleet: Fleet) -> dict[str, dict[str, Object]]:
    """What each cluster gets for machines, by the names of the documents."""
    return {
        cluster: {document.name: values_of(document) for document in plan if document.name.startswith("machine-")}
        for cluster, plan in fleet_plan(fleet).items()
    }


def test_a_group_is_where_its_control_plane_reads_and_its_service_everywhere() -> None:
    fleet = fleet_with({"billing": {"cluster": "branch"}})
    made = of_machines(fleet)
    assert {cluster: list(found) for cluster, found in made.items()} == {
        "west": ["machine-account-orders-billing", "machine-group-billing", "machine-service-billing"],
        "branch": ["machine-service-billing"],
        "east": ["machine-service-billing"],
    }
    assert made["west"]["machine-service-billing"] == made["east"]["machine-service-billing"]
    spec = made["west"]["machine-group-billing"]["spec"]
    # Of the cluster they are declared of they have the network and the place.
    assert spec["template"] == {"serviceAccount": "billing", "network": "far"}
    assert spec["metadata"]["labels"] == {"app": "billing", "istio-locality": "far"}
    assert "probe" not in spec


def test_a_service_is_only_where_its_namespace_is() -> None:
    made = of_machines(fleet_with({"billing": {}}, namespaces={"orders": {"clusters": ["west", "branch"]}}))
    assert [cluster for cluster, found in made.items() if "machine-service-billing" in found] == ["west", "branch"]


def test_machines_that_nobody_calls_have_an_identity_and_a_group_alone() -> None:
    fleet = fleet_with({"billing": {"ports": {}}})
    assert {cluster: list(found) for cluster, found in of_machines(fleet).items()} == {
        "west": ["machine-account-orders-billing", "machine-group-billing"],
        "branch": [],
        "east": [],
    }
    assert host(fleet, "billing") is None


def test_the_service_has_a_protocol_for_each_port_and_selects_what_the_group_gives() -> None:
    declared = {
        "http": {"port": 80},
        "rpc": {"port": 9090, "protocol": "GRPC"},
        "h2": {"port": 81, "protocol": "HTTP2"},
    }
    made = of_machines(fleet_with({"billing": {"ports": declared, "labels": {"app": "b", "version": "v2"}}}))["west"]
    service = made["machine-service-billing"]
    assert (service["kind"], service["metadata"]["name"], service["metadata"]["namespace"]) == (
        "Service",
        "billing",
        "orders",
    )
    assert [(port["name"], port["port"], port["appProtocol"]) for port in service["spec"]["ports"]] == [
        ("h2", 81, "http2"),
        ("http", 80, "http"),
        ("rpc", 9090, "grpc"),
    ]
    # No pod will ever be behind it.
    assert service["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    given_labels = made["machine-group-billing"]["spec"]["metadata"]["labels"]
    assert service["spec"]["selector"] == {"app": "b", "version": "v2"}
    assert service["spec"]["selector"].items() <= given_labels.items()


def test_a_service_entry_is_in_every_cluster_that_a_control_plane_reads_and_in_no_other() -> None:
    fleet = fleet_with({"billing": {"service": "service-entry", "host": "billing.machines.local"}})
    made = of_machines(fleet)
    assert [cluster for cluster, found in made.items() if "machine-service-billing" in found] == ["west", "east"]
    entry = made["east"]["machine-service-billing"]
    assert (entry["apiVersion"], entry["kind"]) == ("networking.istio.io/v1", "ServiceEntry")
    assert entry["spec"] == {
        "hosts": ["billing.machines.local"],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 8080, "name": "http", "protocol": "HTTP"}],
        "workloadSelector": {"labels": {"app": "billing"}},
    }


def test_fixed_addresses_are_entries_and_no_group() -> None:
    fleet = fleet_with({"ledger": {"addresses": ["10.0.0.7", "2001:db8::"], "serviceAccount": "clerk"}})
    made = of_machines(fleet)["west"]
    first, second = (
        made["machine-entry-ledger-10-0-0-7"],
        made["machine-entry-ledger-2001-0db8-0000-0000-0000-0000-0000-0000"],
    )
    assert [name for name in made if "group" in name] == []
    assert first["metadata"]["name"] == "ledger-10-0-0-7"
    assert "annotations" not in first["metadata"]
    assert first["spec"] == {
        "address": "10.0.0.7",
        "labels": {"app": "ledger"},
        "serviceAccount": "clerk",
        "network": "shared",
        "locality": "r/z",
    }
    assert second["spec"]["address"] == "2001:db8::"


def test_with_a_probe_a_fixed_address_counts_once_its_agent_has_said_so() -> None:
    fleet = fleet_with({"ledger": {"addresses": ["10.0.0.7"], "probe": {"tcp": {"port": 5432}, "periodSeconds": 2}}})
    (entry,) = entries(fleet, "ledger").values()
    assert entry["metadata"]["annotations"] == {"proxy.istio.io/health-checks-enabled": "true"}
    assert group(fleet, "ledger")["spec"]["probe"] == {"tcpSocket": {"port": 5432}, "periodSeconds": 2}


def test_on_one_network_that_is_named_too_since_another_may_come_while_machines_run() -> None:
    one = {name: cluster | {"network": "shared"} for name, cluster in CLUSTERS.items()}
    fleet = fleet_with({"billing": {}}, clusters=one, networks={"shared": {}})
    assert group(fleet, "billing")["spec"]["template"] == {"serviceAccount": "billing", "network": "shared"}


def test_machines_elsewhere_than_their_cluster_have_no_place_of_it() -> None:
    fleet = fleet_with({"billing": {"network": "far"}})
    spec = group(fleet, "billing")["spec"]
    assert spec["template"]["network"] == "far"
    assert "istio-locality" not in spec["metadata"]["labels"]


def test_groups_that_share_an_identity_get_it_once_and_the_default_one_is_there_already() -> None:
    shared = {"serviceAccount": "clerk"}
    made = of_machines(fleet_with({"a": shared, "b": shared, "c": {"serviceAccount": "default"}}))["west"]
    assert [name for name in made if "account" in name] == ["machine-account-orders-clerk"]


def test_namespaces_with_dashes_are_distinguished() -> None:
    namespaces: dict[str, Any] = {"a-b": {}, "a": {}}
    machines = {"c": {"namespace": "a-b"}, "d": {"namespace": "a", "serviceAccount": "b-c"}}
    made = of_machines(fleet_with(machines, namespaces=namespaces))["west"]
    assert [name for name in made if "account" in name] == ["machine-account-a--b-c", "machine-account-a-b-c"]


def test_the_way_to_istiod_is_opened_where_machines_join_and_nowhere_else() -> None:
    plans = fleet_plan(load(STACK, CONFIG))
    for cluster, plan in plans.items():
        routes = named(plan, "istiod-routes")
        assert routes is not None, cluster
        asked = [match["sniHosts"][0] for route in values_of(routes)["spec"]["tls"] for match in route["match"]]
        assert set(asked) == {"istiod.istio-system.svc", "istiod-green.istio-system.svc"}
        gateway = named(plan, "east-west-gateway")
        assert gateway is not None
        assert ("networkGateway" in values_of(gateway)) == (cluster != "alone")
    without = load(STACK, CONFIG | {"virtualMachines": {}})
    assert [cluster for cluster, plan in fleet_plan(without).items() if named(plan, "istiod-routes")] == []


def test_machines_of_an_external_control_plane_are_in_its_config_cluster() -> None:
    config = {
        "host": "operations",
        "meshes": {"operations": {}, "shop": {}},
        "networks": {"a": {}, "b": {}},
        "clusters": {
            "operations": {"embedded": {}, "mesh": "operations", "network": "a"},
            "shop": {"embedded": {}, "mesh": "shop", "network": "b", "controlPlane": {"external": "operations"}},
        },
        "namespaces": {"orders": {}},
        "virtualMachines": {"billing": PLAIN | {"cluster": "shop"}},
    }
    made = of_machines(load("m", config))
    assert list(made["shop"]) == ["machine-account-orders-billing", "machine-group-billing", "machine-service-billing"]
    # Another mesh is told nothing.
    assert made["operations"] == {}


@quick
@given(loaded_fleets())
def test_in_any_fleet_machines_have_one_home_and_every_object_is_in_a_namespace_that_is_there(fleet: Fleet) -> None:
    made = of_machines(fleet)
    for cluster, found in made.items():
        for body in found.values():
            assert body["metadata"]["namespace"] in fleet.namespaces_of(cluster)
    for name, declared in fleet.virtual_machines.items():
        homes = [cluster for cluster, found in made.items() if f"machine-group-{name}" in found]
        homes += [cluster for cluster, found in made.items() if entries(fleet, name).keys() & found.keys()]
        assert homes == [fleet.primary_of(declared.cluster)]
        accounts = [
            body["metadata"]["name"]
            for body in objects(fleet_plan(fleet)[homes[0]])
            if body["kind"] == "ServiceAccount" and body["metadata"]["namespace"] == declared.namespace
        ]
        assert account(fleet, name) in [*accounts, "default"]


@quick
@given(loaded_fleets())
def test_in_any_fleet_what_leads_to_machines_selects_those_and_no_others(fleet: Fleet) -> None:
    for found in of_machines(fleet).values():
        for name in fleet.virtual_machines:
            service = found.get(f"machine-service-{name}")
            if service is None:
                continue
            spec = service["spec"]
            selector = spec.get("selector") or spec["workloadSelector"]["labels"]
            assert selector == labels(fleet, name)
            given_labels = group(fleet, name)["spec"]["metadata"]["labels"]
            assert selector.items() <= given_labels.items()


@quick
@given(loaded_fleets())
def test_in_any_fleet_status_reports_every_group(fleet: Fleet) -> None:
    told = described(fleet)
    assert [entry["name"] for entry in told] == list(fleet.virtual_machines)
    for entry in told:
        declared = fleet.virtual_machines[entry["name"]]
        assert (entry["group"] is None) == bool(entry["addresses"])
        assert entry["addresses"] == list(declared.addresses)
        assert (entry["host"] is None) == (not entry["ports"])
        assert entry["network"] in fleet.networks_of(fleet.mesh_of(entry["cluster"]))
