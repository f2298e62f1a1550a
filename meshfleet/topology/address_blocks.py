"""The blocks from which embedded clusters, their gateways and machines get what the stack file leaves out.

Apart from each other and from what clusters usually have for Services (10.0.0.0/16, 10.96.0.0/12, 172.20.0.0/16).
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

SERVICE_BLOCK: Final = IPv4Network("10.160.0.0/11")
"""Of Services: each cluster of a home gets a range of its own."""
SERVICE_PREFIX: Final = 20
"""The length of one such range: 4,096 Services."""
SIMULATED_POD_BLOCK: Final = IPv4Network("10.192.0.0/10")
"""Of simulated pods, which KWOK gives addresses to and which no packet reaches."""
SIMULATED_POD_PREFIX: Final = 17
"""The length of one such range: 128 nodes with 256 pods each."""
GATEWAY_RANGE: Final = IPv4Network("198.18.0.0/16")
"""Addresses of gateways on this machine, the only ones that lead from one embedded network to another (RFC 2544)."""
MACHINE_RANGE: Final = IPv4Network("198.19.0.0/16")
"""Addresses of virtual machines on this machine that declare none."""
POD_RANGE: Final = IPv4Network("100.64.0.0/10")
"""Pods of nodes on this machine whose cluster declares no `podCidr` (RFC 6598)."""
