"""What a node does with the packets of its pods, as one nftables script. Pure, but for `apply`.

Services are led to their endpoints as kube-proxy does it (pkg/proxy/nftables of kubernetes/kubernetes), the addresses
of load balancers included. What is not said here is dropped: pods reach their own network, and of others no more than
the addresses of gateways.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from meshfleet.dataplane.network.namespaces import path_of
from meshfleet.errors import NetworkError, ProcessError
from meshfleet.processes.bounded_run import run_bounded

TABLE: Final = "meshfleet"
NETWORK_LINK: Final = "network"
"""The interface of a node in its network."""
OUTSIDE_LINK: Final = "outside"
"""The interface of a node outside of all networks."""
_SECONDS: Final = 20.0


@dataclass(frozen=True, order=True)
class Target:
    """Where a packet is led: `address` and `port` of an endpoint."""

    address: str
    port: int


@dataclass(frozen=True, order=True)
class ServicePort:
    """One port of a Service at one of its addresses, `protocol` `tcp` or `udp`, and its endpoints that are ready."""

    address: str
    protocol: str
    port: int
    targets: tuple[Target, ...]


def network_rules(address: str) -> str:
    """The whole table of the router with this address of a network without nodes: a NAT, which lets nothing in."""
    return "\n".join(
        [
            f"table ip {TABLE}",
            f"delete table ip {TABLE}",
            f"table ip {TABLE} {{",
            "  chain postrouting {",
            "    type nat hook postrouting priority srcnat; policy accept;",
            f'    oifname "{OUTSIDE_LINK}" snat to {address}',
            "  }",
            "  chain forward {",
            "    type filter hook forward priority filter; policy drop;",
            "    ct state established,related accept",
            f'    iifname != "{OUTSIDE_LINK}" accept',
            "  }",
            "}",
            "",
        ]
    )


def node_rules(services: Sequence[ServicePort], outside: str, address: str, gateways: Iterable[str] = ()) -> str:
    """The whole table of the node with this address; `outside` is the range in which gateways have theirs.

    `gateways` are addresses of gateways beside that range: those into networks without a node.
    """
    chains: list[str] = []
    leads: list[str] = []
    refusals: list[str] = []
    for number, service in enumerate(sorted(services)):
        match = f"ip daddr {service.address} {service.protocol} dport {service.port}"
        names = [f"endpoint-{number}-{place}" for place in range(len(service.targets))]
        for name, target in zip(names, service.targets, strict=True):
            end = f"{service.protocol} dport {service.port} dnat to {target.address}:{target.port}"
            chains.append(f"  chain {name} {{ {end}; }}")
        if not names:
            # As kube-proxy does: at once refused, not in half a minute timed out.
            refusals.append(f"{match} reject{' with tcp reset' if service.protocol == 'tcp' else ''}")
        elif len(names) == 1:
            leads.append(f"{match} goto {names[0]}")
        else:
            shares = ", ".join(f"{place} : goto {name}" for place, name in enumerate(names))
            leads.append(f"{match} numgen random mod {len(names)} vmap {{ {shares} }}")
    return "\n".join(
        [
            f"table ip {TABLE}",
            f"delete table ip {TABLE}",
            f"table ip {TABLE} {{",
            *chains,
            "  chain services {",
            *(f"    {lead}" for lead in leads),
            "  }",
            "  chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }",
            "  chain output { type nat hook output priority -100; policy accept; jump services; }",
            "  chain postrouting {",
            "    type nat hook postrouting priority srcnat; policy accept;",
            # Ranges of different networks may be the same; outside there is no route back to them.
            f'    oifname "{OUTSIDE_LINK}" snat to {address}',
            "  }",
            "  chain forward {",
            "    type filter hook forward priority filter; policy drop;",
            "    ct state established,related accept",
            *(f"    {refusal}" for refusal in refusals),
            "    ct status dnat accept",
            f'    iifname != "{OUTSIDE_LINK}" oifname != "{OUTSIDE_LINK}" accept',
            *(f'    iifname != "{OUTSIDE_LINK}" ip daddr {reached} accept' for reached in (outside, *sorted(gateways))),
            "  }",
            "}",
            "",
        ]
    )


def apply(namespace: str, rules: str) -> None:
    """Put the rules in place in a namespace, all of them or none. Raises NetworkError with what nft says."""
    command = ["nsenter", f"--net={path_of(namespace)}", "nft", "-f", "-"]
    try:
        done = run_bounded(command, seconds=_SECONDS, stdin=rules)
    except ProcessError as error:
        raise NetworkError(f"{namespace}: nft cannot be run ({error}); install Debian's package nftables") from error
    if done.code != 0:
        raise NetworkError(f"{namespace}: nft refuses the rules: {' '.join(done.err.split())[:400]}")
