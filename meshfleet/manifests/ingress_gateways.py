"""Ingress gateways: Istio's chart with a Gateway of Istio, or a Gateway of the Gateway API that istiod deploys.

Of a gateway in a remote cluster the chart is there, and the Istio Gateway is in the config cluster of its istiod, which
reads configuration nowhere else. It selects the pods of that one cluster. A certificate is read in the cluster of the
gateway, and then in the config cluster (ForCluster of pilot/pkg/credentials/kube/multicluster.go of istio/istio).

Sources: https://istio.io/latest/docs/setup/additional-setup/gateway/,
https://istio.io/latest/docs/reference/config/networking/gateway/,
https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models and
https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from meshfleet.manifests import injected, names
from meshfleet.manifests.gateway_api import gateway, revision_label
from meshfleet.manifests.load_balancing import (
    chart_images,
    chart_replicas,
    chart_service,
    external_address,
    gateway_options,
    gateway_spec,
    service_options,
)
from meshfleet.manifests.objects import Chart, Object, Release, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet, IngressGateway, Listener

STATUS_PORT = {"name": "status-port", "port": 15021, "targetPort": 15021, "protocol": "TCP"}
EVERY_HOST = "*"
CLUSTER_LABEL = "topology.istio.io/cluster"


def service_name(fleet: Fleet, cluster: str, name: str) -> str:
    """The Service of a gateway."""
    return names.ingress_service(name, fleet.clusters[cluster].ingress_gateways[name].api)


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """What a cluster gets of all its gateways, in order."""
    return [
        document
        for name in fleet.clusters[cluster].ingress_gateways
        for document in of_one(fleet, cluster, name, known)
    ]


def of_one(fleet: Fleet, cluster: str, name: str, known: Known) -> list[Document]:
    """What one gateway is made of; a Service comes with the last part at the latest.

    After istiod is ready, which injects their pods or deploys them, and after the namespace they are in. Each part
    waits for the one before it, but no cluster for another one.
    """
    declared = fleet.clusters[cluster].ingress_gateways[name]
    before = (Point.ISTIOD_READY, Point.NODES, *([names.namespace(declared.namespace)] if declared.namespace else []))
    gateway_name = names.ingress_gateway(name)
    if declared.api == "istio":
        release = Document(gateway_name, SECTION, _release(fleet, cluster, name, known), after=before)
        listeners = Document(
            names.ingress_listeners(fleet, cluster, name), SECTION, _istio_gateway(fleet, cluster, name), after=before
        )
        if fleet.is_primary(cluster):
            return [release, replace(listeners, after=(*before, gateway_name))]
        return [replace(listeners, cluster=fleet.primary_of(cluster)), release]
    annotations = injected.annotation(injected.gateway_facts(fleet, cluster))
    overlay = service_options(fleet, cluster, known, name)
    options = gateway_options(_options(name), fleet.ingress_namespace(cluster, name), declared, annotations, overlay)
    options_name = f"ingress-options-{name}"
    return [
        Document(options_name, SECTION, options, after=before),
        Document(gateway_name, SECTION, _api_gateway(fleet, cluster, name), after=(*before, options_name)),
    ]


def _release(fleet: Fleet, cluster: str, name: str, known: Known) -> Release:
    declared, runs = fleet.clusters[cluster].ingress_gateways[name], fleet.clusters[cluster].capabilities.runs_pods
    ports = {listener.port: listener for listener in reversed(declared.listeners)}
    node_ports = declared.node_ports
    service = chart_service(declared, external_address(fleet, cluster, known, name)) | {
        "ports": [
            STATUS_PORT,
            *(
                {"name": f"{ports[port].protocol.lower()}-{port}", "port": port, "targetPort": port, "protocol": "TCP"}
                | ({"nodePort": node_ports[port]} if port in node_ports else {})
                for port in sorted(ports)
            ),
        ]
    }
    values: Object = {"name": name, "labels": _selector(fleet, cluster, name), "service": service}
    values |= chart_images(fleet, cluster)
    values["podAnnotations"] = injected.annotation(injected.gateway_facts(fleet, cluster))
    values |= chart_replicas(declared, runs=runs)
    if fleet.istio.gateways != "default":
        values["revision"] = fleet.istio.gateways
    return Release(name, fleet.ingress_namespace(cluster, name), Chart.GATEWAY, values, wait=runs)


def _istio_gateway(fleet: Fleet, cluster: str, name: str) -> Object:
    declared = fleet.clusters[cluster].ingress_gateways[name]
    servers = []
    for port_name, listener in zip(_port_names(declared.listeners), declared.listeners, strict=True):
        server: Object = {
            "port": {"number": listener.port, "name": port_name, "protocol": listener.protocol},
            "hosts": list(listener.hosts),
        }
        if listener.credential_name:
            server["tls"] = {"mode": "SIMPLE", "credentialName": listener.credential_name}
        elif listener.protocol == "TLS":
            server["tls"] = {"mode": "PASSTHROUGH"}
        servers.append(server)
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": metadata(names.istio_gateway(fleet, cluster, name), fleet.ingress_namespace(cluster, name)),
        "spec": {"selector": _selector(fleet, cluster, name), "servers": servers},
    }


def _api_gateway(fleet: Fleet, cluster: str, name: str) -> Object:
    declared = fleet.clusters[cluster].ingress_gateways[name]
    # A listener has one host here.
    single = [
        listener.model_copy(update={"hosts": (host,)}) for listener in declared.listeners for host in listener.hosts
    ]
    listeners = [_api_listener(port, listener) for port, listener in zip(_port_names(single), single, strict=True)]
    described = metadata(name, fleet.ingress_namespace(cluster, name), labels=revision_label(fleet))
    made = gateway(described, "istio", listeners)
    made["spec"] |= gateway_spec(_options(name), declared)
    if declared.service_annotations:
        # Those of the Gateway itself reach its Service only while istiod copies them, which it can be told not to.
        made["spec"]["infrastructure"]["annotations"] = dict(sorted(declared.service_annotations.items()))
    return made


def _api_listener(name: str, listener: Listener) -> Object:
    made: Object = {
        "name": name,
        "port": listener.port,
        "protocol": listener.protocol,
        # As with a Gateway of Istio; by itself it would take routes of its own namespace only.
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    if listener.hosts[0] != EVERY_HOST:
        made["hostname"] = listener.hosts[0]
    if listener.credential_name:
        made["tls"] = {"mode": "Terminate", "certificateRefs": [{"name": listener.credential_name}]}
    elif listener.protocol == "TLS":
        made["tls"] = {"mode": "Passthrough"}
    return made


def _port_names(listeners: list[Listener] | tuple[Listener, ...]) -> list[str]:
    """A name for each listener, unlike the others: `https-443`, `https-443-2`."""
    seen: Counter[str] = Counter()
    names = []
    for listener in listeners:
        name = f"{listener.protocol.lower()}-{listener.port}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return names


def _selector(fleet: Fleet, cluster: str, name: str) -> dict[str, str]:
    """The labels of the gateway's pods, which select them alone among all pods that the same istiod configures.

    `app` and `istio` also select the pods in the Deployment, where they cannot change when a cluster gets another
    control plane. istiod itself adds the cluster to the labels of each proxy (setTopologyLabels of
    pilot/pkg/xds/ads.go of istio/istio), so that no proxy is without its listeners until its pod is replaced.
    """
    selected = {"app": name, "istio": name}
    return selected | {CLUSTER_LABEL: cluster} if _shares_its_name(fleet, cluster, name) else selected


def _shares_its_name(fleet: Fleet, cluster: str, name: str) -> bool:
    """Whether the same istiod may configure a gateway of that name in another cluster."""
    return not fleet.is_primary(cluster) or any(
        name in fleet.clusters[remote].ingress_gateways for remote in fleet.remotes_of(cluster)
    )


def _options(name: str) -> str:
    return f"{name}-options"


def described(declared: IngressGateway) -> list[Object]:
    """The listeners as status tells them."""
    return [
        {"port": listener.port, "protocol": listener.protocol, "hosts": list(listener.hosts)}
        for listener in declared.listeners
    ]


SECTION = Section(
    name="ingress-gateways",
    stage=Stage.WORKLOADS,
    component="IngressGateways",
    documents=documents,
    declared_in="clusters.<name>.ingressGateways",
    what="[ingress gateways](gateways.md) and their addresses",
    waits_for="a ready istiod; their namespace",
    others=Fleet.remotes_of,
)
