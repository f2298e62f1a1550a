"""The address of an east-west gateway, in the status of a real Service."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from meshfleet.embedded.ports import reserve_ports
from meshfleet.errors import ClusterError, PortError
from meshfleet.plugins.meshfleet.gateway_address import GatewayAddressHandler
from meshfleet.plugins.meshfleet.handler import Properties
from tests.plugins.meshfleet.conftest import FLEET, MeshCluster

pytestmark = pytest.mark.proof("an east-west gateway gets an address without a load balancer", step=2)

SERVICE = "istio-eastwestgateway"
IDENTIFIER = f"{FLEET}/west/default/{SERVICE}"


def create_service(cluster: MeshCluster, *ports: str) -> None:
    cluster.kubectl("create", "service", "loadbalancer", SERVICE, *(f"--tcp={port}" for port in ports))


def ingress(cluster: MeshCluster) -> list[dict[str, str]]:
    service = json.loads(cluster.kubectl("get", "service", SERVICE, "-o", "json"))
    found: list[dict[str, str]] = service["status"]["loadBalancer"].get("ingress", [])
    return found


@pytest.fixture
def handler() -> GatewayAddressHandler:
    return GatewayAddressHandler()


@pytest.fixture
def inputs(handler: GatewayAddressHandler, mesh_cluster: MeshCluster) -> Iterator[Properties]:
    checked, faults = handler.check(
        {
            "fleet": FLEET,
            "cluster": "west",
            "namespace": "default",
            "service": SERVICE,
            "kubeconfig": mesh_cluster.kubeconfig,
        }
    )
    assert not faults
    yield checked
    mesh_cluster.kubectl("delete", "service", SERVICE, "--ignore-not-found")
    handler.delete(IDENTIFIER, checked, {}, 0)


def test_an_address_is_published_found_withdrawn_and_published_again(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    create_service(mesh_cluster, "15021:15021", "15443:15443")
    made = handler.create(inputs, 0)
    address = made.outputs["address"]
    assert address.startswith("198.18.")
    assert made.outputs == {"address": address, "port": 15443, "state": "published"}
    assert [entry["ip"] for entry in ingress(mesh_cluster)] == [address]
    assert handler.read(made.identifier, inputs, made.outputs) == made.outputs
    assert handler.diff(inputs, made.outputs, inputs).updates == ()

    patch = '{"status":{"loadBalancer":{"ingress":null}}}'
    mesh_cluster.kubectl("patch", "service", SERVICE, "--subresource=status", "--type=merge", "-p", patch)
    seen = handler.read(made.identifier, inputs, made.outputs)
    assert seen is not None
    assert seen["state"] == "withdrawn: the Service has none"
    assert handler.diff(inputs, seen, inputs).updates == ("state",)

    assert handler.update(made.identifier, inputs, seen, inputs, 0) == made.outputs
    assert [entry["ip"] for entry in ingress(mesh_cluster)] == [address]

    handler.delete(made.identifier, inputs, made.outputs, 0)
    assert ingress(mesh_cluster) == []


def test_an_address_that_is_requested_is_published_and_nobody_elses(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    create_service(mesh_cluster, "15443:15443")
    wanted = inputs | {"address": "203.0.113.7"}
    made = handler.create(wanted, 0)
    assert made.outputs == {"address": "203.0.113.7", "port": 15443, "state": "published"}
    assert [entry["ip"] for entry in ingress(mesh_cluster)] == ["203.0.113.7"]
    assert handler.read(made.identifier, wanted, made.outputs) == made.outputs
    # Another gateway of this home has no Service yet, and is refused before that matters.
    other = wanted | {"service": "shop"}
    with pytest.raises(PortError, match=rf"west/default/shop: the address 203.0.113.7 is that of {IDENTIFIER}; set"):
        handler.create(other, 1)
    changed = wanted | {"address": "203.0.113.8"}
    assert handler.diff(wanted, made.outputs, changed).updates == ("address",)
    assert handler.preview(made.outputs, changed)["address"] == "203.0.113.8"
    assert handler.update(made.identifier, wanted, made.outputs, changed, 0)["address"] == "203.0.113.8"
    assert [entry["ip"] for entry in ingress(mesh_cluster)] == ["203.0.113.8"]
    handler.delete(made.identifier, changed, made.outputs, 0)
    with pytest.raises(ClusterError, match="waited 1 s for the Service shop"):
        handler.create(other | {"address": "203.0.113.8"}, 1)
    handler.delete(f"{FLEET}/west/default/shop", other, {}, 0)


def test_a_name_is_published_in_place_of_an_address(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    create_service(mesh_cluster, "15443:15443")
    wanted = inputs | {"hostname": "gateway.west.example"}
    made = handler.create(wanted, 0)
    assert made.outputs == {"address": "gateway.west.example", "port": 15443, "state": "published"}
    (published,) = ingress(mesh_cluster)
    assert published["hostname"] == "gateway.west.example"
    assert "ip" not in published
    assert handler.read(made.identifier, wanted, made.outputs) == made.outputs


def test_a_gateway_of_another_kind_has_the_port_it_names(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    create_service(mesh_cluster, "80:80", "443:443")
    made = handler.create(inputs | {"port": 443.0}, 0)
    assert made.outputs["port"] == 443
    with pytest.raises(ClusterError, match=r"no port 8443 \(it has 80-80:80, 443-443:443\)"):
        handler.create(inputs | {"port": 8443}, 0)


def test_a_service_that_comes_later_is_waited_for(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    later = threading.Timer(0.5, create_service, (mesh_cluster, "15443:15443"))
    later.start()
    assert handler.create(inputs, 0).outputs["state"] == "published"
    later.join()


def test_a_service_that_does_not_come_is_named_when_the_time_is_up(
    handler: GatewayAddressHandler, inputs: Properties
) -> None:
    with pytest.raises(
        ClusterError, match=f"waited 1 s for the Service {SERVICE} in namespace default.*last seen: 404"
    ):
        handler.create(inputs, 1)


def test_a_service_without_the_cross_network_port_is_refused(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    create_service(mesh_cluster, "80:80")
    with pytest.raises(ClusterError, match=r"no port tls, 15443 or 15008.*it has 80-80:80.*networkGateway"):
        handler.create(inputs, 0)


def test_a_missing_service_is_noticed_by_read(handler: GatewayAddressHandler, inputs: Properties) -> None:
    outputs = {"address": "198.18.0.9", "port": 15443, "state": "published"}
    seen = handler.read(IDENTIFIER, inputs, outputs)
    assert seen == outputs | {"state": f"missing: Service default/{SERVICE}"}


def test_a_cluster_that_is_gone_hinders_neither_read_nor_delete(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    unused = reserve_ports(mesh_cluster.home, f"{FLEET}/unused", ["none"])["none"]
    server = next(line for line in mesh_cluster.kubeconfig.splitlines() if "server:" in line)
    gone = inputs | {"kubeconfig": mesh_cluster.kubeconfig.replace(server, f"    server: https://127.0.0.1:{unused}")}
    outputs = {"address": "198.18.0.9", "port": 15443, "state": "published"}
    seen = handler.read(IDENTIFIER, gone, outputs)
    assert seen is not None
    assert str(seen["state"]).startswith(f"unknown: Service default/{SERVICE}: https://127.0.0.1:{unused}/")
    handler.delete(IDENTIFIER, gone, outputs, 0)
    with pytest.raises(ClusterError, match=rf"https://127.0.0.1:{unused}/ does not respond"):
        handler.create(gone, 0)


def test_a_context_that_the_kubeconfig_lacks_is_named(handler: GatewayAddressHandler, inputs: Properties) -> None:
    with pytest.raises(ClusterError, match="no context 'east'; it has west"):
        handler.create(inputs | {"context": "east"}, 0)


def node_port_service(cluster: MeshCluster, name: str = SERVICE) -> dict[str, int]:
    """Create a Service of type NodePort; its node ports by the ports."""
    cluster.kubectl("create", "service", "nodeport", name, "--tcp=15443:15443", "--tcp=15012:15012")
    ports = json.loads(cluster.kubectl("get", "service", name, "-o", "json"))["spec"]["ports"]
    return {str(one["port"]): one["nodePort"] for one in ports}


def external_ips(cluster: MeshCluster) -> list[str]:
    nodes = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    addresses = [one for node in nodes for one in node["status"].get("addresses", [])]
    # Those that a node had by itself are still there.
    assert "Hostname" in {one["type"] for one in addresses}
    return [one["address"] for one in addresses if one["type"] == "ExternalIP"]


def test_gateways_at_node_ports_share_the_external_ip_of_a_node(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    first = inputs | {"nodePort": "given"}
    second = first | {"service": "shop", "port": 15012}
    ports = node_port_service(mesh_cluster)
    made = handler.create(first, 0)
    (address,) = external_ips(mesh_cluster)
    assert made.outputs == {"address": address, "port": ports["15443"], "ports": ports, "state": "published"}
    assert handler.read(made.identifier, first, made.outputs) == made.outputs
    other_ports = node_port_service(mesh_cluster, "shop")
    other = handler.create(second, 0)
    assert (other.outputs["address"], other.outputs["port"]) == (address, other_ports["15012"])
    # It stays for the other one.
    mesh_cluster.kubectl("delete", "service", SERVICE)
    handler.delete(made.identifier, first, made.outputs, 0)
    assert external_ips(mesh_cluster) == [address]
    handler.delete(other.identifier, second, other.outputs, 0)
    mesh_cluster.kubectl("delete", "service", "shop")
    assert external_ips(mesh_cluster) == []


def test_a_gateway_at_node_ports_of_nodes_without_an_external_ip_is_refused_where_they_are_not_ours(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    node_port_service(mesh_cluster)
    with pytest.raises(ClusterError, match=r"none of the 1 nodes of its cluster has an ExternalIP.*advertised"):
        handler.create(inputs | {"nodePort": "found"}, 0)
    assert external_ips(mesh_cluster) == []


def test_a_service_that_gets_no_node_ports_is_named_when_the_time_is_up(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    mesh_cluster.kubectl("create", "service", "clusterip", SERVICE, "--tcp=15443:15443")
    with pytest.raises(ClusterError, match="last seen: it is of type ClusterIP, without node ports"):
        handler.create(inputs | {"nodePort": "given"}, 1)


def test_an_advertised_address_is_no_other_gateways(
    handler: GatewayAddressHandler, inputs: Properties, mesh_cluster: MeshCluster
) -> None:
    create_service(mesh_cluster, "15443:15443")
    made = handler.create(inputs | {"advertised": "198.18.200.7"}, 0)
    with pytest.raises(PortError, match=r"the address 198\.18\.200\.7 is that of "):
        handler.create(inputs | {"service": "shop", "address": "198.18.200.7"}, 1)
    assert handler.update(made.identifier, inputs, made.outputs, inputs, 0) == made.outputs
    taken = inputs | {"address": "198.18.200.7"}
    assert handler.update(made.identifier, inputs, made.outputs, taken, 0)["address"] == "198.18.200.7"
