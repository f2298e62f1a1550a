"""What a user declares, and every rule that can be checked before anything exists.

`load` turns the configuration of one stack into a validated `Fleet`, or raises `TopologyError` with all
faults at once. Nothing in this room knows of Kubernetes objects, of Pulumi or of a cluster.
"""

from topology.cluster import Cluster, EastWestGateway, Embedded, Existing
from topology.control_plane import ControlPlane
from topology.faults import Fault, TopologyError
from topology.fleet import Fleet
from topology.istio import Istio, Kubernetes
from topology.load import load
from topology.mesh import Mesh
from topology.namespace import Namespace
from topology.network import Network
from topology.stack_file import StackFile, read_stack_file

__all__ = [
    "Cluster",
    "ControlPlane",
    "EastWestGateway",
    "Embedded",
    "Existing",
    "Fault",
    "Fleet",
    "Istio",
    "Kubernetes",
    "Mesh",
    "Namespace",
    "Network",
    "StackFile",
    "TopologyError",
    "load",
    "read_stack_file",
]
