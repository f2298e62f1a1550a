"""What makes virtual machines callable: their ports, what selects them, the names they are called by.

Sources: https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio and
istioctl/pkg/workload/workload.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.labels import OWNED_BY_THE_FLEET
from meshfleet.topology.labels_of_machines import IN_FIELDS, refused
from meshfleet.topology.names import LABEL_LENGTH, SERVICE_NAME, label_fault
from meshfleet.topology.rules.workloads import places_of
from meshfleet.topology.virtual_machine import VirtualMachine

AGENT_PORTS = range(15000, 15091)
# A machine is to be reached even where its proxy is not well, so its agent never takes this one.
SSH = 22
SERVICES = ".cluster.local"
# What `cross-network-gateway` lets in (meshfleet/manifests/gateways.py).
ACROSS_NETWORKS = ".local"


def virtual_machine_services(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each port, name or label with which machines could not be called, or others in their place."""
    for name, declared in draft.virtual_machines.items():
        path = f"virtualMachines.{name}"
        yield from _ports(path, declared)
        yield from _host(draft, path, declared)
        yield from _names(draft, path, name, declared)
        yield from _labels_of_its_own(path, name, declared)
        yield from _locality(draft, path, declared)
        yield from _beside_workloads(draft, path, name, declared)
    yield from _hosts_twice(draft)
    yield from _not_told_apart(draft)


def _labels_of_its_own(path: str, name: str, declared: VirtualMachine) -> Iterator[Fault]:
    for key in declared.labels:
        if key in OWNED_BY_THE_FLEET and key not in IN_FIELDS:
            yield Fault(f"{path}.labels.{key}", "the label is set by the fleet; remove it")
        elif reason := refused(key):
            yield Fault(f"{path}.labels.{key}", f"a machine cannot have this label: {reason}")
    has = _labels(name, declared)
    for key, value in declared.selector.items():
        if has.get(key) != value:
            yield Fault(
                f"{path}.selector.{key}",
                f"{shown(value)}, and the machines have {shown(has[key]) if key in has else 'no such label'}, so that "
                "nothing would be selected; select by some of their labels",
            )


def _locality(draft: Draft, path: str, declared: VirtualMachine) -> Iterator[Fault]:
    """What machines that register themselves say of their place is one label, in which a dot parts it."""
    cluster = draft.clusters.get(declared.cluster)
    if declared.addresses or cluster is None:
        return
    own = (declared.region, declared.zone, declared.subzone)
    of_cluster = (cluster.region, cluster.zone) if declared.network in ("", cluster.network) else ()
    parts = [part for part in (own if declared.region else of_cluster) if part]
    place = f"{path}.region" if declared.region else f"clusters.{declared.cluster}.region"
    if dotted := [part for part in parts if "." in part]:
        yield Fault(
            place,
            f"{shown(dotted[0])} has a dot, at which istiod parts region, zone and subzone of machines that register "
            f"themselves; use another name, or give region and zone to {path.rpartition('.')[2]}",
        )
    elif len(".".join(parts)) > LABEL_LENGTH:
        yield Fault(
            place,
            f"{shown('.'.join(parts))} is longer than the {LABEL_LENGTH} characters in which machines that register "
            "themselves say where they are; use shorter names",
        )


def _ports(path: str, declared: VirtualMachine) -> Iterator[Fault]:
    first: dict[int, str] = {}
    for name, port in declared.ports.items():
        place = f"{path}.ports.{name}"
        if fault := label_fault(name, LABEL_LENGTH, "since it names a port of a Service", SERVICE_NAME):
            yield Fault(place, fault)
        before = first.setdefault(port.port, name)
        if before != name:
            yield Fault(f"{place}.port", f"{port.port} is also the port {before!r}; give each port one name")
        elif port.port == SSH:
            yield Fault(f"{place}.port", f"{SSH} is left to SSH on every machine, past the proxy; use another")
        elif port.port in AGENT_PORTS:
            yield Fault(f"{place}.port", _of_the_agent(port.port))
    if declared.probe and declared.probe.port in AGENT_PORTS:
        kind = "http" if declared.probe.http else "tcp"
        yield Fault(f"{path}.probe.{kind}.port", _of_the_agent(declared.probe.port))


def _of_the_agent(port: int) -> str:
    return f"{port} is one of 15000 to 15090, which are those of Istio's agent on the machine; use another"


def _host(draft: Draft, path: str, declared: VirtualMachine) -> Iterator[Fault]:
    host, path_of_host = declared.host, f"{path}.host"
    if declared.service == "service":
        if host:
            yield Fault(path_of_host, "a Service has a name by itself; leave it out, or say `service: service-entry`")
        return
    if not declared.ports:
        yield Fault(f"{path}.ports", "missing; a ServiceEntry is for ports, name those that others call")
    if not host:
        yield Fault(path_of_host, "missing; a ServiceEntry is for a name of your own, such as shop.machines.local")
    elif host.endswith(SERVICES):
        yield Fault(path_of_host, f"{shown(host)} is what a Service is called; use another, or say `service: service`")
    elif not host.endswith(ACROSS_NETWORKS) and _spans_networks(draft, declared):
        yield Fault(
            path_of_host,
            f"{shown(host)} is not let in by the gateways between the networks of the mesh; they let in what ends in "
            f"{ACROSS_NETWORKS}, as shop.machines.local does",
        )


def _spans_networks(draft: Draft, declared: VirtualMachine) -> bool:
    mesh = _mesh(draft, declared)
    return mesh is not None and len(draft.networks_of(mesh)) > 1


def _names(draft: Draft, path: str, name: str, declared: VirtualMachine) -> Iterator[Fault]:
    account = declared.service_account
    if account and (fault := label_fault(account, LABEL_LENGTH, "since it names a ServiceAccount")):
        yield Fault(f"{path}.serviceAccount", fault)
    for cluster, other in draft.clusters.items():
        for gateway, ingress in other.ingress_gateways.items():
            taken = gateway if ingress.api == "istio" else f"{gateway}-istio"
            in_mesh = draft.mesh_of(other) == _mesh(draft, declared) != ""
            beside = in_mesh and ingress.namespace == declared.namespace
            if not beside or taken not in (name, account):
                continue
            where = f"clusters.{cluster}.ingressGateways.{gateway}"
            if taken == account:
                yield Fault(f"{path}.serviceAccount", f"{account!r} is the identity of {where}; use another name")
            else:
                yield Fault(path, f"{name!r} is what the Service of {where} is called; use another name")


def _beside_workloads(draft: Draft, path: str, name: str, declared: VirtualMachine) -> Iterator[Fault]:
    """What a workload of the same namespace has is not made twice, and its pods get no requests for the machines."""
    mesh = _mesh(draft, declared)
    for workload, other in draft.workloads.items():
        clusters = [draft.clusters[place] for place in places_of(draft, other) if place in draft.clusters]
        if other.namespace != declared.namespace or mesh not in {draft.mesh_of(cluster) for cluster in clusters}:
            continue
        if workload == name:
            yield Fault(path, f"{name!r} is what the Service of workloads.{workload} is called; use another name")
        elif workload == declared.service_account:
            yield Fault(
                f"{path}.serviceAccount",
                f"{workload!r} is the identity of workloads.{workload}; use another name",
            )
        pods = [{"app": workload, "version": version} for version in other.versions]
        if (
            workload != name
            and declared.ports
            and any(_selected(name, declared).items() <= pod.items() for pod in pods)
        ):
            yield Fault(
                f"{path}.labels",
                f"what leads to the machines would lead to pods of workloads.{workload} too, which have all of these "
                "labels; give the machines one of their own",
            )


def _hosts_twice(draft: Draft) -> Iterator[Fault]:
    first: dict[tuple[str, str], str] = {}
    for name, declared in draft.virtual_machines.items():
        mesh, path = _mesh(draft, declared), f"virtualMachines.{name}.host"
        if mesh and declared.host and (before := first.setdefault((mesh, declared.host), path)) != path:
            yield Fault(path, f"{shown(declared.host)} is also {before}; give each its own")


def _not_told_apart(draft: Draft) -> Iterator[Fault]:
    # A Service of a mesh selects in every cluster of it.
    together: dict[tuple[str, str], list[tuple[str, VirtualMachine]]] = {}
    for name, declared in draft.virtual_machines.items():
        if mesh := _mesh(draft, declared):
            together.setdefault((mesh, declared.namespace), []).append((name, declared))
    for machines in together.values():
        for first, second in combinations(machines, 2):
            yield from _selected_too(first, second)


def _selected_too(first: tuple[str, VirtualMachine], second: tuple[str, VirtualMachine]) -> Iterator[Fault]:
    for (wide, selects), (narrow, selected) in ((first, second), (second, first)):
        # Without ports there is nothing that selects.
        if selects.ports and _selected(wide, selects).items() <= _labels(narrow, selected).items():
            yield Fault(
                f"virtualMachines.{second[0]}.labels",
                f"what leads to {wide!r} would lead to {narrow!r} too, since it has every label of it; "
                "give each a label of its own",
            )
            return


def _labels(name: str, declared: VirtualMachine) -> dict[str, str]:
    return declared.labels or {"app": name}


def _selected(name: str, declared: VirtualMachine) -> dict[str, str]:
    return declared.selector or _labels(name, declared)


def _mesh(draft: Draft, declared: VirtualMachine) -> str | None:
    return draft.machine_mesh(declared)
