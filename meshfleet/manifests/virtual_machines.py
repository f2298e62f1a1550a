"""What virtual machines need of Kubernetes: an identity, what they register as, and what makes them callable.

Their identity, their WorkloadGroup and their WorkloadEntries are in the cluster that the control plane they join
carries the name of: istiod reads and writes them there and nowhere else, and checks their tokens there.
Sources: https://istio.io/latest/docs/setup/install/virtual-machine/, pilot/pkg/autoregistration and
pilot/pkg/serviceregistry/kube/controller/multicluster.go of istio/istio
"""

from __future__ import annotations

from ipaddress import ip_address

from meshfleet.manifests import names
from meshfleet.manifests.objects import NOT_AWAITED, Object, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet, VirtualMachine

# Whose region and zone istiod and the agent take from it; it is no label that anything is selected by.
# https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/
LOCALITY = "istio-locality"
# Made in every namespace by Kubernetes itself.
DEFAULT_ACCOUNT = "default"
HEALTH_CHECKED = "proxy.istio.io/health-checks-enabled"
CONNECTED = "istio.io/connectedAt"


def account(fleet: Fleet, name: str) -> str:
    """The ServiceAccount that machines are known by."""
    return fleet.virtual_machines[name].service_account or name


def labels(fleet: Fleet, name: str) -> dict[str, str]:
    """What machines are known by."""
    return fleet.machine_labels(name)


def locality(fleet: Fleet, name: str) -> str:
    """Region, zone and subzone of machines as a WorkloadEntry has them, `r1/z1/s1`; empty where none is declared."""
    return "/".join(part for part in fleet.machine_locality(name) if part)


def host(fleet: Fleet, name: str) -> str | None:
    """The host name of machines; None where they are not exposed."""
    declared = fleet.virtual_machines[name]
    if not declared.ports:
        return None
    return declared.host or f"{name}.{declared.namespace}.svc.cluster.local"


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """What a cluster gets for all virtual machines of its mesh, after istiod, whose webhook validates it.

    What can register comes after the identities of its namespace: a machine may be waiting.
    """
    made: list[Document] = []
    accounts: dict[str, tuple[str, ...]] = {}
    for name, body in objects(fleet, cluster).items():
        namespace = body["metadata"]["namespace"]
        before = accounts.get(namespace, ())
        after = (Point.ISTIOD_READY, names.namespace(namespace), *before)
        made.append(Document(name, SECTION, body, after=after))
        if body["kind"] == "ServiceAccount":
            accounts[namespace] = (*before, name)
    return made


def objects(fleet: Fleet, cluster: str) -> dict[str, Object]:
    """What a cluster gets for all machines of its mesh, by the names of the documents, in order."""
    made: dict[str, Object] = {}
    for name in fleet.virtual_machines_of(cluster):
        made |= _account(fleet, name)
    for name in fleet.virtual_machines_of(cluster):
        if fleet.virtual_machines[name].addresses:
            made |= entries(fleet, name)
        else:
            made[f"machine-group-{name}"] = group(fleet, name)
    mesh, namespaces = fleet.mesh_of(cluster), fleet.namespaces_of(cluster)
    for name, declared in fleet.virtual_machines.items():
        if fleet.mesh_of(declared.cluster) != mesh or declared.namespace not in namespaces or not declared.ports:
            continue
        if declared.service == "service":
            made[f"machine-service-{name}"] = _service(fleet, name)
        elif fleet.is_primary(cluster):
            # Of its remote clusters an istiod reads no ServiceEntry.
            made[f"machine-service-{name}"] = _service_entry(fleet, name)
    return made


def group(fleet: Fleet, name: str) -> Object:
    """The WorkloadGroup: the pattern of what registers, and the group that the agent of each machine names."""
    declared = fleet.virtual_machines[name]
    spec: Object = {
        "metadata": {"labels": dict(sorted((_locality_label(fleet, name) | labels(fleet, name)).items()))},
        "template": {"serviceAccount": account(fleet, name)} | _network(fleet, name),
    }
    if declared.probe:
        spec["probe"] = _probe(declared)
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": metadata(name, declared.namespace),
        "spec": spec,
    }


def entries(fleet: Fleet, name: str) -> dict[str, Object]:
    """The WorkloadEntry of each fixed address, by the names of the documents.

    With a probe it counts as unhealthy until the agent that names it has said otherwise.
    """
    declared = fleet.virtual_machines[name]
    place = locality(fleet, name)
    made = {}
    for address in declared.addresses:
        spec: Object = {"address": address, "labels": dict(sorted(labels(fleet, name).items()))}
        spec |= {"serviceAccount": account(fleet, name)} | _network(fleet, name)
        if place:
            spec["locality"] = place
        made[f"machine-entry-{name}-{_dashed(address)}"] = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "WorkloadEntry",
            "metadata": metadata(
                entry_name(name, address),
                declared.namespace,
                labels=labels(fleet, name),
                annotations={HEALTH_CHECKED: "true"} if declared.probe else None,
            ),
            "spec": spec,
        }
    return made


def entry_name(name: str, address: str) -> str:
    """What the WorkloadEntry of a fixed address is called."""
    return f"{name}-{_dashed(address)}"


def _account(fleet: Fleet, name: str) -> dict[str, Object]:
    """The identity of machines, one for all that share it; none where Kubernetes makes it."""
    made, namespace = account(fleet, name), fleet.virtual_machines[name].namespace
    if made == DEFAULT_ACCOUNT:
        return {}
    # With its dashes doubled the namespace cannot be mistaken for a longer one.
    document = f"machine-account-{namespace.replace('-', '--')}-{made}"
    return {document: {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(made, namespace)}}


def _service(fleet: Fleet, name: str) -> Object:
    """The Service: it leads to the machines in their own cluster, and makes their name known in the others."""
    declared = fleet.virtual_machines[name]
    ports = [
        {"name": port_name, "port": port.port, "protocol": "TCP", "appProtocol": port.protocol.lower()}
        for port_name, port in declared.ports.items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        # No pod is behind it: one would be waited for in vain.
        "metadata": metadata(name, declared.namespace, labels=labels(fleet, name), annotations=NOT_AWAITED),
        "spec": {"selector": dict(sorted(fleet.machine_selector(name).items())), "ports": ports},
    }


def _service_entry(fleet: Fleet, name: str) -> Object:
    """The ServiceEntry, the same in every control plane of the mesh: each knows the machines of all clusters."""
    declared = fleet.virtual_machines[name]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": metadata(name, declared.namespace, labels=labels(fleet, name)),
        "spec": {
            "hosts": [host(fleet, name)],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [
                {"number": port.port, "name": port_name, "protocol": port.protocol}
                for port_name, port in declared.ports.items()
            ],
            "workloadSelector": {"labels": dict(sorted(fleet.machine_selector(name).items()))},
        },
    }


def _network(fleet: Fleet, name: str) -> dict[str, str]:
    """The network, of a mesh of one as well: a second one comes while machines run, and they keep what they say."""
    return {"network": fleet.machine_network(name)}


def _locality_label(fleet: Fleet, name: str) -> dict[str, str]:
    """Where machines that register themselves are, as the label by which their agent says so; a dot parts it.

    istiod makes the locality of their entry of it and takes it away, so that nothing may select by it.
    """
    place = locality(fleet, name)
    return {LOCALITY: place.replace("/", ".")} if place else {}


def _probe(declared: VirtualMachine) -> Object:
    probe = declared.probe
    assert probe is not None
    period = {"periodSeconds": probe.period_seconds}
    if probe.http:
        return {"httpGet": {"path": probe.http.path, "port": probe.http.port}} | period
    return {"tcpSocket": {"port": probe.port}} | period


def _dashed(address: str) -> str:
    """An address as a part of a name. In full, so that an IPv6 address is not taken for an IPv4 one behind a name."""
    return ip_address(address).exploded.replace(":", "-").replace(".", "-")


def described(fleet: Fleet) -> list[Object]:
    """The machines as status tells them."""
    return [
        {
            "name": name,
            "namespace": declared.namespace,
            "cluster": declared.cluster,
            "controlPlane": fleet.primary_of(declared.cluster),
            "network": fleet.machine_network(name),
            "serviceAccount": account(fleet, name),
            "labels": labels(fleet, name),
            "selector": fleet.machine_selector(name),
            "locality": locality(fleet, name),
            "ports": [
                {"name": port_name, "port": port.port, "protocol": port.protocol}
                for port_name, port in declared.ports.items()
            ],
            "host": host(fleet, name),
            "group": None if declared.addresses else name,
            "addresses": list(declared.addresses),
        }
        for name, declared in fleet.virtual_machines.items()
    ]


SECTION = Section(
    name="virtual-machines",
    stage=Stage.WORKLOADS,
    component="VirtualMachines",
    documents=documents,
    declared_in="virtualMachines",
    what="what [virtual machines](virtual-machines.md#what-is-made) need",
    waits_for="a ready istiod; their namespace",
)
