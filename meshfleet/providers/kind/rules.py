"""What the stack file must keep for kind clusters, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from meshfleet.errors.faults import Fault
from meshfleet.providers.kind.settings import Kind
from meshfleet.redaction.shown import shown
from meshfleet.topology.address_blocks import SIMULATED_POD_BLOCK
from meshfleet.versions import EMBEDDED_ISTIO, EMBEDDED_KUBERNETES, minor_of

if TYPE_CHECKING:
    from meshfleet.topology.cluster import Cluster
    from meshfleet.topology.draft import Draft

# Prefix lengths, the largest range first. The largest of Services is kube-apiserver's (20 bits of addresses); of pods
# each node has a /24 (--node-cidr-mask-size of kube-controller-manager).
_SERVICES: Final = range(12, 25)
_PODS: Final = range(8, 25)
_PODS_OF_A_NODE: Final = 24
_NETWORKING: Final = "https://kind.sigs.k8s.io/docs/user/configuration/#networking"


def _clusters(draft: Draft) -> Iterator[tuple[str, Cluster, Kind]]:
    for name, cluster in draft.clusters.items():
        if cluster.provider == "kind":
            yield name, cluster, cluster.settings(Kind)


def address_ranges(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each range that a kind cluster cannot have, and where pods of one network would share one."""
    for name, cluster, settings in _clusters(draft):
        for key, block, sizes in (
            ("podCidr", cluster.pod_cidr, _PODS),
            ("serviceCidr", cluster.service_cidr, _SERVICES),
        ):
            if block is None:
                continue
            path = f"clusters.{name}.{key}"
            if not isinstance(block, IPv4Network):
                yield Fault(path, f"{block} is IPv6, and the nodes of this provider have IPv4 alone; use 10.10.0.0/16")
            elif block.prefixlen not in sizes:
                yield Fault(
                    path,
                    f"{block} is a /{block.prefixlen}; a kind cluster takes /{sizes[0]} to /{sizes[-1]} "
                    f"({_NETWORKING})",
                )
            elif key == "podCidr" and settings.nodes > (most := 1 << (_PODS_OF_A_NODE - block.prefixlen)):
                yield Fault(
                    path,
                    f"{block} has room for {most} nodes of a /{_PODS_OF_A_NODE} each, not for {settings.nodes}; "
                    "use a larger range or fewer nodes",
                )
        yield from _beside_assigned(draft, name, cluster)


def _beside_assigned(draft: Draft, name: str, cluster: Cluster) -> Iterator[Fault]:
    """Pods that are given a range on a network where another cluster is assigned one."""
    block = cluster.pod_cidr
    if not isinstance(block, IPv4Network) or not block.overlaps(SIMULATED_POD_BLOCK):
        return
    for other, beside, _ in _clusters(draft):
        if other != name and beside.pod_cidr is None and beside.network == cluster.network:
            yield Fault(
                f"clusters.{name}.podCidr",
                f"{block} overlaps {SIMULATED_POD_BLOCK}, from which {other!r} on the same network gets its podCidr, "
                f"since it names none; use another range, or give {other!r} a podCidr",
            )


def built_images(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for what no image is built for: another Kubernetes, another Istio, ambient mode."""
    built = {name: cluster for name, cluster, settings in _clusters(draft) if settings.images == "built"}
    if not built:
        return
    if draft.kubernetes.version != EMBEDDED_KUBERNETES:
        yield Fault(
            "kubernetes.version",
            f"the node image that is built here is of {EMBEDDED_KUBERNETES}, not {draft.kubernetes.version}; leave it "
            "out, or use images: published",
        )
    for revision in draft.istio.installed:
        version = draft.istio.version_of(revision)
        if minor_of(version) != EMBEDDED_ISTIO:
            declared = draft.istio.revisions.get(revision)
            path = f"istio.revisions.{revision}.version" if declared and declared.version else "istio.version"
            yield Fault(
                path,
                f"the images of Istio that are built here are of {EMBEDDED_ISTIO}, not {version}; use "
                f"'{EMBEDDED_ISTIO}', or images: published",
            )
    for name, cluster in built.items():
        if cluster.data_plane == "ambient":
            yield Fault(
                f"clusters.{name}.dataPlane",
                "no image of ztunnel is built here, so pods would have no data plane; use sidecar, or "
                "images: published",
            )


def node_image(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for a node image that is not used, or is of another Kubernetes than the stack file says."""
    for name, _, settings in _clusters(draft):
        if not settings.image:
            continue
        path = f"clusters.{name}.kind.image"
        tag = settings.image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        if settings.images == "built":
            yield Fault(path, f"{shown(settings.image)} is not used with images: built; add images: published")
        elif any(sign.isspace() for sign in settings.image) or settings.image.startswith("-"):
            yield Fault(path, f"{shown(settings.image)} is no name of an image; write it as kindest/node:v1.35.4")
        elif tag.startswith("v") and tag != draft.kubernetes.version:
            yield Fault(
                path,
                f"{shown(settings.image)} is of Kubernetes {shown(tag)}, and kubernetes.version is "
                f"{draft.kubernetes.version}; let both be the same",
            )


def engines(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster whose nodes another Docker engine runs than those of its mesh."""
    seen: dict[str, tuple[str, tuple[str, str]]] = {}
    for name, cluster, settings in _clusters(draft):
        # With neither a socket nor published images it is the fleet's own.
        engine = (settings.docker.socket, "" if settings.docker.socket else settings.images)
        first, other = seen.setdefault(draft.mesh_of(cluster), (name, engine))
        if other != engine:
            yield Fault(
                f"clusters.{name}.kind.docker",
                f"its nodes are containers of another Docker engine than those of {first!r} in the same mesh, and no "
                "packet goes between them; let both have the same images and docker",
            )
