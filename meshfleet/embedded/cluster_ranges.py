"""The ranges of an embedded cluster that the stack file leaves out: unlike those of any other cluster of its home.

A range is an argument of the API server, given once. So it is reserved when the cluster is made and kept for as long
as the cluster lives, whichever clusters come and go beside it. A cluster that an earlier release made has none
reserved, and keeps what it was made with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import PortError
from meshfleet.topology.address_blocks import SERVICE_BLOCK, SERVICE_PREFIX, SIMULATED_POD_BLOCK, SIMULATED_POD_PREFIX

RANGES: Final = "address ranges"
"""The part of an owner's name under which the ranges of a cluster are reserved; no cluster can have it."""
_SERVICES: Final = "services"
_PODS: Final = "pods"


def choose(owner: str, taken: Collection[IPv4Address], block: IPv4Network, prefix: int) -> IPv4Network:
    """The range of `owner` in a block: where its name leads, or the next one whose first address is not taken. Pure.

    Raises PortError when all of them are.
    """
    size = 1 << (prefix - block.prefixlen)
    step = 1 << (32 - prefix)
    start = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:4]) % size
    for offset in range(size):
        first = block.network_address + (start + offset) % size * step
        if first not in taken:
            return IPv4Network((first, prefix))
    raise PortError(f"{owner}: every range of {block} is reserved; give the cluster one, or destroy a fleet")


def with_ranges(home: Path, owner: str, spec: ClusterSpec) -> ClusterSpec:
    """The spec of a cluster that is made now, with a range reserved for each that it leaves out.

    `owner` is the name under which the cluster reserves ranges. Raises PortError, LockedError, EmbeddedError.
    """
    services = spec.service_cidr or _reserved(home, f"{owner}/{_SERVICES}", SERVICE_BLOCK, SERVICE_PREFIX)
    # A node whose pods are processes gives them addresses by its own.
    pods = spec.pod_cidr
    if pods is None and spec.nodes:
        pods = _reserved(home, f"{owner}/{_PODS}", SIMULATED_POD_BLOCK, SIMULATED_POD_PREFIX)
    return replace(spec, service_cidr=services, pod_cidr=pods)


def reserve_ranges(home: Path, owner: str) -> tuple[str, str]:
    """A range of Services and one of pods for a cluster of any kind, the same each time until they are released.

    Raises PortError, LockedError, EmbeddedError.
    """
    services = _reserved(home, f"{owner}/{_SERVICES}", SERVICE_BLOCK, SERVICE_PREFIX)
    return services, _reserved(home, f"{owner}/{_PODS}", SIMULATED_POD_BLOCK, SIMULATED_POD_PREFIX)


def with_reserved_pods(home: Path, owner: str, spec: ClusterSpec) -> ClusterSpec:
    """The spec of a cluster that is there, with the range of pods that was reserved when it was made, if one was."""
    if spec.pod_cidr is not None:
        return spec
    with reservations(home) as held:
        first = held.addresses.get(f"{owner}/{_PODS}")
    return replace(spec, pod_cidr=f"{first}/{SIMULATED_POD_PREFIX}") if first else spec


def release_ranges(home: Path, owner: str) -> None:
    """Give the ranges of a cluster back; fine when there are none."""
    with reservations(home) as held:
        for what in (_SERVICES, _PODS):
            held.addresses.pop(f"{owner}/{what}", None)


def _reserved(home: Path, owner: str, block: IPv4Network, prefix: int) -> str:
    with reservations(home) as held:
        if owner not in held.addresses:
            taken = {IPv4Address(address) for address in held.addresses.values() if _is_v4(address)}
            held.addresses[owner] = str(choose(owner, taken, block, prefix).network_address)
        return f"{held.addresses[owner]}/{prefix}"


def _is_v4(address: str) -> bool:
    return ":" not in address
