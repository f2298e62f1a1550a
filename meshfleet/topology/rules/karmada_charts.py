"""A release of Karmada's chart: a host that runs it and keeps its keys, a root that signs for it, and its values."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.federation import KarmadaChart
from meshfleet.topology.owned import refusal
from meshfleet.topology.owned_karmada import KARMADA_VALUES
from meshfleet.topology.owned_paths import spelled
from meshfleet.topology.rules.cert_managers import readers
from meshfleet.topology.rules.gateway_addresses import gateways_of
from meshfleet.topology.rules.node_ports import ports_of

_PATH = "federation.karmada.chart"


def karmada_charts(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for what the release cannot have on this host, or in this fleet."""
    karmada = draft.federation.karmada
    if karmada is None or karmada.chart is None:
        return
    chart = karmada.chart
    yield from _on_host(draft, chart)
    for name, cluster in draft.clusters.items():
        if cluster.capabilities.api_server == "loopback" and not cluster.discovery.server and name != draft.host:
            yield Fault(
                f"clusters.{name}",
                f"is a cluster of the provider {cluster.provider} whose API server only this machine reaches, and the "
                f"pods of Karmada do not; name an address that they reach as clusters.{name}.discovery.server, or give "
                "kubeconfig in federation.karmada",
            )
    if chart.namespace in draft.names["namespaces"]:
        yield Fault(
            f"{_PATH}.namespace",
            f"{shown(chart.namespace)} is one of namespaces, and Karmada's goes with its release; name another one",
        )
    for place, (owner, _) in KARMADA_VALUES.found_in(chart.values).items():
        yield Fault(f"{_PATH}.values.{spelled(place)}", refusal(owner, _PATH))


def _on_host(draft: Draft, chart: KarmadaChart) -> Iterator[Fault]:
    host = draft.clusters.get(draft.host)
    if host is None:
        return
    if not host.capabilities.runs_published:
        yield Fault(
            _PATH,
            f"the host {shown(draft.host)} is a cluster of the provider {host.provider} that runs no pods of published "
            "images; name another cluster as host, or give kubeconfig, that of a control plane which is there",
        )
        return
    if host.capabilities.gateway_addresses == "node" and chart.type != "NodePort":
        yield Fault(
            f"{_PATH}.type",
            f"is LoadBalancer, and the host {shown(draft.host)} has no load balancers; write type: NodePort",
        )
    mesh = draft.mesh_of(host)
    if mesh in draft.meshes and draft.meshes[mesh].trust.reads_root:
        yield Fault(
            _PATH,
            f"has certificates below the root of the mesh {mesh}, whose key the stack does not have "
            f"(meshes.{mesh}.trust.issuer); give kubeconfig, or put the host into a mesh whose root is the stack's",
        )
    if found := readers(draft, draft.host):
        yield Fault(
            _PATH,
            f"the keys of Karmada are in {draft.host}, and the control planes of {', '.join(found)} read every Secret "
            f"there; write clusters.{draft.host}.discovery.readBy: [], or put the host into a mesh of its own",
        )
    for path, gateway in gateways_of(draft.host, host):
        if chart.node_port in [port for _, port in ports_of(gateway).values()]:
            yield Fault(
                f"{_PATH}.nodePort",
                f"{chart.node_port} is also one of {path}; use another, or leave it out, and the cluster assigns one",
            )
