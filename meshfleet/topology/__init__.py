"""What a user declares, and every rule that can be checked before anything exists.

`load` turns the configuration of one stack into a validated `Fleet`, or raises `TopologyError` with all
faults at once. Nothing in this room knows of Kubernetes objects, of Pulumi or of a cluster.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshfleet.errors.faults import Fault, TopologyError
    from meshfleet.topology.cluster import Cluster
    from meshfleet.topology.control_plane import ControlPlane
    from meshfleet.topology.discovery import Discovery
    from meshfleet.topology.fleet import Fleet
    from meshfleet.topology.gateways import AdvertisedAddress, EastWestGateway, IngressGateway, Listener, LoadBalanced
    from meshfleet.topology.istio import Istio, Kubernetes
    from meshfleet.topology.loading import load
    from meshfleet.topology.mesh import Mesh
    from meshfleet.topology.mesh_settings import MeshSettings
    from meshfleet.topology.namespace import Namespace
    from meshfleet.topology.network import Network
    from meshfleet.topology.stack_file import StackFile, read_stack_file
    from meshfleet.topology.virtual_machine import VirtualMachine
    from meshfleet.topology.workload import Version, Workload

# Resolved on first use: the plugins want only `meshfleet.errors`, and their start counts in every run.
_HOMES = {
    "AdvertisedAddress": "topology.gateways",
    "Cluster": "topology.cluster",
    "ControlPlane": "topology.control_plane",
    "Discovery": "topology.discovery",
    "EastWestGateway": "topology.gateways",
    "Fault": "errors.faults",
    "Fleet": "topology.fleet",
    "IngressGateway": "topology.gateways",
    "Istio": "topology.istio",
    "Kubernetes": "topology.istio",
    "Listener": "topology.gateways",
    "LoadBalanced": "topology.gateways",
    "Mesh": "topology.mesh",
    "MeshSettings": "topology.mesh_settings",
    "Namespace": "topology.namespace",
    "Network": "topology.network",
    "StackFile": "topology.stack_file",
    "TopologyError": "errors.faults",
    "Version": "topology.workload",
    "Workload": "topology.workload",
    "VirtualMachine": "topology.virtual_machine",
    "load": "topology.loading",
    "read_stack_file": "topology.stack_file",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"meshfleet.{_HOMES[name]}"), name)


__all__ = [
    "AdvertisedAddress",
    "Cluster",
    "ControlPlane",
    "Discovery",
    "EastWestGateway",
    "Fault",
    "Fleet",
    "IngressGateway",
    "Istio",
    "Kubernetes",
    "Listener",
    "LoadBalanced",
    "Mesh",
    "MeshSettings",
    "Namespace",
    "Network",
    "StackFile",
    "TopologyError",
    "Version",
    "VirtualMachine",
    "Workload",
    "load",
    "read_stack_file",
]
