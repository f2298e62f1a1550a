"""Stack files that are refused, and what `meshfleet` really says of each: changes to the stack `dev`, loaded."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from meshfleet.topology import TopologyError, load


@dataclass(frozen=True)
class Refused:
    """A rule in a few words, and settings by their path (`clusters.west.network`) that break it in `dev`."""

    rule: str
    settings: Mapping[str, object]


EXAMPLES = (
    Refused("A key is known.", {"clusters.west.netwrok": "network-west"}),
    Refused("A value has the type of its field.", {"clusters.west.embedded.nodes": "2"}),
    Refused("A number keeps to its bounds.", {"clusters.west.embedded.nodes": 0}),
    Refused("A cluster has exactly one provider.", {"clusters.west.kind": {}}),
    Refused(
        "That provider is one of those this release has.",
        {"clusters.west": {"network": "network-west", "eks": {}}},
    ),
    Refused(
        "A primary has a control plane of its own.",
        {"clusters.west.controlPlane": {"remote": "east"}, "clusters.east.controlPlane": {"remote": "host"}},
    ),
    Refused(
        "The host of an external control plane stays outside of its mesh.",
        {"clusters.west.controlPlane": {"external": "host"}},
    ),
    Refused(
        "A cluster is discovered by control planes of its mesh, and always by the one that serves it.",
        {
            "clusters.west.controlPlane": {"remote": "host"},
            "clusters.west.discovery": {"readBy": ["north"]},
        },
    ),
    Refused("The clusters of a mesh have one data plane.", {"clusters.west.dataPlane": "ambient"}),
    Refused(
        "No istiod in a pod has to reach this machine.",
        {"clusters.west": {"network": "network-west", "existing": {"kubeconfig": "~/.kube/config", "context": "shop"}}},
    ),
    Refused("The host is one of the clusters.", {"host": "north"}),
    Refused("A network that is named is declared.", {"clusters.west.network": "network-wst"}),
    Refused("A network that is declared is named.", {"networks.network-north": {}}),
    Refused("With several meshes each cluster names its own.", {"meshes.mesh2": {}}),
    Refused(
        "Meshes share no network.",
        {
            "meshes.mesh2": {},
            "clusters.host.mesh": "mesh1",
            "clusters.east.mesh": "mesh1",
            "clusters.west.mesh": "mesh1",
            "clusters.north": {"embedded": {}, "mesh": "mesh2", "network": "network-west"},
        },
    ),
    Refused(
        "Pods of one network have separate addresses.",
        {
            "clusters.west.podCidr": "10.10.0.0/16",
            "clusters.north": {"embedded": {}, "network": "network-west", "podCidr": "10.10.0.0/17"},
        },
    ),
    Refused(
        "Pods and Services of a cluster have separate addresses.",
        {"clusters.west.podCidr": "10.10.0.0/16", "clusters.west.serviceCidr": "10.10.64.0/18"},
    ),
    Refused("An address range has no host bits.", {"clusters.west.podCidr": "10.10.0.1/16"}),
    Refused("And is one that pods can have.", {"clusters.west.podCidr": "127.0.0.0/8"}),
    Refused("An embedded cluster has IPv4.", {"clusters.west.podCidr": "fd00:10:1::/64"}),
    Refused(
        "The gateway of pods that are processes has an address that is routed between their networks.",
        {"clusters.west.eastWestGateway": {"loadBalancerIp": "2001:db8::10"}},
    ),
    Refused("A zone lies in a region.", {"clusters.west.region": ""}),
    Refused("A name is a DNS label.", {"namespaces.Shop_1": {}}),
    Refused("And is not taken.", {"namespaces.kube-shop": {}}),
    Refused("The gateway's port is not one it needs itself.", {"clusters.west.eastWestGateway": {"port": 15012}}),
    Refused(
        "A gateway at node ports has no load balancer.",
        {"clusters.west.eastWestGateway": {"type": "NodePort", "loadBalancerIp": "198.18.7.7"}},
    ),
    Refused(
        "An advertised address and its port lead to one gateway.",
        {
            "clusters.host.eastWestGateway": {"advertised": [{"address": "198.18.7.7"}]},
            "clusters.west.eastWestGateway": {"advertised": [{"address": "198.18.7.7"}]},
        },
    ),
    Refused("Istio and Kubernetes fit each other.", {"kubernetes.version": "v1.31.0"}),
    Refused("And the embedded ones are those that are built.", {"kubernetes.version": "v1.34.0"}),
    Refused("A revision that gateways are on is installed.", {"istio.gatewayRevision": "green"}),
    Refused("A tag is another name than that of a revision.", {"istio.tags": ["default"]}),
    Refused("A workload is in a declared namespace.", {"workloads.cart": {"namespace": "shop"}}),
    Refused(
        "Its versions share all requests.",
        {"workloads.cart": {"namespace": "sample", "versions": {"v1": {"weight": 90}, "v2": {"weight": 20}}}},
    ),
    Refused(
        "Who may call it is heeded by proxies.",
        {
            "namespaces.shop": {},
            "workloads.cart": {"namespace": "shop", "allowedCallers": ["shop/web"]},
        },
    ),
    Refused("Waypoints belong to ambient mode.", {"namespaces.sample.waypoint": True}),
    Refused(
        "A certificate lives longer than the time before its renewal.",
        {"meshes.mesh1.trust.intermediate": {"validityDays": 30, "renewBeforeDays": 30}},
    ),
    Refused(
        "And ends before its issuer.",
        {"meshes.mesh1.trust.root": {"validityDays": 365, "renewBeforeDays": 30}},
    ),
    Refused("The root that signs is one of the roots.", {"meshes.mesh1.trust": {"roots": ["a"], "signing": "b"}}),
    Refused("A mesh has one root, or two for a while.", {"meshes.mesh1.trust": {"roots": ["a", "b", "c"]}}),
    Refused(
        "A cluster is declared once.",
        {
            "clusters.west": {
                "network": "network-west",
                "existing": {"kubeconfig": "~/.kube/config", "context": "shop", "pods": "simulated"},
            },
            "clusters.north": {
                "network": "network-west",
                "existing": {"kubeconfig": "~/.kube/config", "context": "shop", "pods": "simulated"},
            },
        },
    ),
    Refused(
        "A failover leads between regions of the mesh.",
        {"meshes.mesh1.settings.locality": {"failover": [{"from": "west", "to": "north"}]}},
    ),
    Refused(
        "Services that stay in their cluster are given by their full names.",
        {"meshes.mesh1.settings.clusterLocal": ["metrics.monitoring"]},
    ),
    Refused(
        "Peers elsewhere are not given an address of this machine.",
        {
            "clusters.west.discovery": {"server": "https://127.0.0.1:6443"},
            "clusters.east": {
                "network": "network-east",
                "existing": {"kubeconfig": "~/.kube/config", "context": "shop"},
            },
        },
    ),
    Refused(
        "Virtual machines join a mesh of sidecars.",
        {
            **{f"clusters.{name}.dataPlane": "ambient" for name in ("host", "west", "east")},
            "virtualMachines.billing": {"namespace": "sample", "cluster": "west"},
        },
    ),
    Refused(
        "They leave the agent its ports.",
        {"virtualMachines.billing": {"namespace": "sample", "cluster": "west", "ports": {"http": {"port": 15021}}}},
    ),
    Refused(
        "An addition contradicts nothing that the fleet says.",
        {"istio.values": {"istiod": {"global": {"network": "network-west"}}}},
    ),
    Refused("In no chart and in no patch.", {"additions.labels": {"istio.io/rev": "canary"}}),
    Refused(
        "A selector of a propagation names what clusters have.",
        {
            "propagations.shop": {
                "resources": [{"object": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}}],
                "placement": {"clusterAffinity": {"clusterNames": ["wst"]}},
            }
        },
    ),
    Refused(
        "A propagated object is not one of the fleet's namespaces.",
        {
            "propagations.shop.resources": [
                {
                    "object": {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "metadata": {"name": "shop", "namespace": "istio-system"},
                    }
                }
            ]
        },
    ),
    Refused("A secret is not written into a stack file.", {"clusters.west.token": "0123456789abcdef"}),
)


def answers(example: Refused, dev: Mapping[str, object]) -> tuple[str, ...]:
    """The lines `meshfleet validate` prints of `dev` with the settings of `example`.

    Raises ValueError when the changed stack is not refused: then the page would tell a rule that is none.
    """
    config = deepcopy(dict(dev))
    for path, value in example.settings.items():
        _set(config, path.split("."), value)
    try:
        load("dev", config)
    except TopologyError as error:
        return tuple(str(fault) for fault in error.faults)
    raise ValueError(f"{example.rule} {dict(example.settings)} is not refused")


def table(dev: Mapping[str, object]) -> str:
    """Every example with its answers as a Markdown table."""
    lines = ["| rule | `dev` with | `meshfleet` says |", "|---|---|---|"]
    for example in EXAMPLES:
        written = [f"`{path}: {flow(value)}`" for path, value in example.settings.items()]
        said = [f"`` {line} ``" for line in answers(example, dev)]
        lines.append(f"| {example.rule} | {'<br>'.join(written)} | {'<br>'.join(said)} |")
    return "\n".join(lines)


def flow(value: object) -> str:
    """A value as YAML writes it on one line; texts that would be read as something else are in quotes."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    quoted = isinstance(value, str) and (value == "" or value.replace(".", "").isdecimal())
    return repr(value) if quoted else str(value)


def _set(config: dict[str, Any], path: list[str], value: object) -> None:
    # Names hold no dots, so a path is the keys that lead to the value.
    for key in path[:-1]:
        config = config.setdefault(key, {})
    config[path[-1]] = value
