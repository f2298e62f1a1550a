"""`meshfleet:index:GatewayAddress`: the address of a gateway, where no load balancer assigns one.

An address that is unique under the home folder, or a host name, written into the status of the gateway's Service; for
one of type NodePort the external IP of a node, which a simulated node gets here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.embedded.addresses import release_address, release_addresses, reserve_address
from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import UnreachableError
from meshfleet.kube.kubeconfig import connect
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import (
    LONGEST_OBJECT_NAME,
    check_address,
    check_count,
    check_known,
    check_names,
    check_optional_texts,
    check_texts,
)
from meshfleet.workspace.home import Workspace

if TYPE_CHECKING:
    from meshfleet.plugins.meshfleet.gateway_service import PublishedAddress

_IDENTITY: Final = ("fleet", "cluster", "namespace", "service")
NODE_PORT: Final = ("", "given", "found")
"""Of a Service of type NodePort: whether simulated nodes are given an external IP, or the cluster's own have one."""
PUBLISHED: Final = "published"


class GatewayAddressHandler:
    """Life cycle of a published address; see `ResourceHandler`."""

    outputs = frozenset({"address", "port", "ports", "state"})
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults. `address` requests an address, `hostname` a host name instead; `port` is one of the Service.

        `nodePort` is one of `NODE_PORT`; `advertised` are addresses, by commas, that this home gives to no other.
        """
        known = (*_IDENTITY, "kubeconfig", "context", "address", "hostname", "port", "nodePort", "advertised")
        faults = [
            *check_known(inputs, known),
            *check_names(inputs, _IDENTITY),
            *check_texts(inputs, ("kubeconfig",)),
            *check_optional_texts(inputs, ("context", "nodePort", "advertised")),
            *check_address(inputs, "address"),
        ]
        if inputs.get("nodePort", "") not in (*NODE_PORT, UNKNOWN):
            faults.append(Fault("nodePort", f"must be given or found, got {inputs['nodePort']!r}"))
        if "hostname" in inputs:
            faults += check_names(inputs, ("hostname",), LONGEST_OBJECT_NAME)
        if "port" in inputs:
            faults += check_count(inputs, "port", 1, 65535)
        return inputs, faults

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """`state` differs when a refresh found the Service without the address; only a refresh reads the
        cluster.
        """
        names = changed(old_inputs, new_inputs)
        replaces = tuple(name for name in names if name in _IDENTITY)
        updates = tuple(name for name in names if name not in _IDENTITY)
        if not replaces and old_outputs.get("state") != PUBLISHED:
            updates = (*updates, "state")
        return Difference(updates, replaces, delete_before_replace=True)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """A gateway keeps its address unless another one is requested."""
        requested = new_inputs.get("hostname") or new_inputs.get("address")
        return (old_outputs or {}) | ({"address": requested} if requested else {}) | {"state": PUBLISHED}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Waits for the Service and publishes the address."""
        return Created(_owner(inputs), _publish(inputs, timeout))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` names the reason when the Service, its address or its cluster is missing."""
        from meshfleet.plugins.meshfleet.gateway_service import published_address
        from meshfleet.plugins.meshfleet.node_port_service import reached_address

        read = reached_address if inputs.get("nodePort") else published_address
        try:
            with connect(inputs["kubeconfig"], inputs.get("context")) as client:
                seen = read(client, inputs["namespace"], inputs["service"], _port(inputs))
        except UnreachableError as error:
            return old_outputs | {"state": f"unknown: {error}"}
        if seen is None:
            return old_outputs | {"state": f"missing: Service {inputs['namespace']}/{inputs['service']}"}
        ports = {"port": seen.port} | ({"ports": _numbered(seen.ports)} if inputs.get("nodePort") else {})
        if seen.address != old_outputs.get("address"):
            return old_outputs | ports | {"state": f"withdrawn: the Service has {seen.address or 'none'}"}
        return old_outputs | ports | {"state": PUBLISHED}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Publishes the address again; the same one unless another is requested."""
        return _publish(new_inputs, timeout)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Clears the status if the cluster can be reached, and releases the address."""
        from meshfleet.plugins.meshfleet.gateway_service import withdraw_address
        from meshfleet.plugins.meshfleet.node_port_service import withdraw_external_ip

        home = Workspace.of(inputs["fleet"]).home
        try:
            with connect(inputs["kubeconfig"], inputs.get("context")) as client:
                if not inputs.get("nodePort"):
                    withdraw_address(client, inputs["namespace"], inputs["service"])
                elif withdraw_external_ip(client, inputs["namespace"], inputs["service"]):
                    release_address(home, _node_owner(inputs))
        except ClusterError:
            # The cluster is gone or refuses the write: release the address in any case.
            release_address(home, _node_owner(inputs))
        release_address(home, _owner(inputs))
        release_addresses(home, _advertised_owner(inputs))


def _owner(inputs: Properties) -> str:
    return "/".join(str(inputs[name]) for name in _IDENTITY)


def _node_owner(inputs: Properties) -> str:
    """Whose the external IP of the simulated nodes is: all gateways of a cluster share it."""
    return f"{inputs['fleet']}/{inputs['cluster']}/(nodes)"


def _advertised_owner(inputs: Properties) -> str:
    return f"{_owner(inputs)}/(advertised)/"


def _numbered(ports: Mapping[int, int]) -> dict[str, int]:
    return {str(port): reached for port, reached in sorted(ports.items())}


def _port(inputs: Properties) -> int:
    # The engine passes every number as a double.
    return int(inputs.get("port") or 0)


def _publish(inputs: Properties, timeout: float) -> Properties:
    from meshfleet.plugins.meshfleet.gateway_service import publish_address
    from meshfleet.plugins.meshfleet.node_port_service import reach_at_node

    home, hostname = Workspace.of(inputs["fleet"]).home, inputs.get("hostname")
    _reserve_advertised(home, inputs)
    if mode := inputs.get("nodePort"):
        release_address(home, _owner(inputs))

        def given() -> str | None:
            return reserve_address(home, _node_owner(inputs)) if mode == "given" else None

        with connect(inputs["kubeconfig"], inputs.get("context")) as client:
            reached = reach_at_node(
                client, inputs["namespace"], inputs["service"], given, port=_port(inputs), timeout=timeout
            )
        return _reached(reached) | {"ports": _numbered(reached.ports)}
    if hostname:
        release_address(home, _owner(inputs))
    address = hostname or reserve_address(home, _owner(inputs), inputs.get("address"))
    with connect(inputs["kubeconfig"], inputs.get("context")) as client:
        published = publish_address(
            client, inputs["namespace"], inputs["service"], address, port=_port(inputs), timeout=timeout
        )
    return _reached(published)


def _reached(seen: PublishedAddress) -> Properties:
    return {"address": seen.address, "port": seen.port, "state": PUBLISHED}


def _reserve_advertised(home: Path, inputs: Properties) -> None:
    release_addresses(home, _advertised_owner(inputs))
    for address in filter(None, str(inputs.get("advertised") or "").split(",")):
        reserve_address(home, f"{_advertised_owner(inputs)}{address}", address)
