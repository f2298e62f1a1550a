"""What nodes need beyond kind: a network for pods, labels, routes, addresses of gateways; and when they are ready."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from meshfleet.errors import EmbeddedError
from meshfleet.files.json_text import parse_json
from meshfleet.kind.engine import DockerEngine
from meshfleet.kind.nodes import Node, execute, kubectl
from meshfleet.kind.packets import CHAIN, CNI_FILE, NodePlace, conflist, refusals, routes, rules
from meshfleet.kind.spec import KindSpec, coredns
from meshfleet.processes.waiting import NotYetError, wait_until

T = TypeVar("T")
REGION: Final = "topology.kubernetes.io/region"
ZONE: Final = "topology.kubernetes.io/zone"
_ADVICE: Final = "check the memory and the disk of the machine (free -m, df -h), then run the same command again"
_RANGE_SECONDS: Final = 60.0
_SERVED_SECONDS: Final = 120.0


def wait_until_served(engine: DockerEngine, node: Node) -> None:
    """Wait until the API server of a node that was started answers. Raises EmbeddedError with what was seen last."""

    def served() -> None:
        try:
            kubectl(engine, node.identifier, "get", "--raw=/readyz")
        except EmbeddedError as error:
            raise NotYetError(str(error)) from None

    what = f"the API server of {node.name}"
    wait_until(served, what, _SERVED_SECONDS, _ADVICE, every=0.5, failure=EmbeddedError)


def places_of(engine: DockerEngine, nodes: Sequence[Node]) -> list[NodePlace]:
    """Each node with the range that the cluster gave its pods. Raises EmbeddedError when one has none in its time."""

    def places() -> list[NodePlace]:
        text = kubectl(engine, nodes[0].identifier, "get", "nodes", "-o", "json")
        ranges = _understood(text, _ranges)
        missing = [node.name for node in nodes if not ranges.get(node.name)]
        if missing:
            raise NotYetError(f"no range of pods for {', '.join(missing)}")
        return [NodePlace(node.name, node.address, ranges[node.name]) for node in nodes]

    return wait_until(
        places, "the ranges of pods of the nodes", _RANGE_SECONDS, _ADVICE, every=0.3, failure=EmbeddedError
    )


def equip(
    engine: DockerEngine,
    spec: KindSpec,
    nodes: Sequence[Node],
    own: Sequence[NodePlace],
    peers: Sequence[NodePlace],
    addresses: Sequence[str],
) -> None:
    """Give nodes what a cluster of the stack file has; the same again changes nothing. Raises EmbeddedError.

    `peers` are the nodes of other clusters on the same network, which get the routes to these too.
    """
    first, network = nodes[0].identifier, [*own, *peers]
    labels = [f"{key}={value}" if value else f"{key}-" for key, value in ((REGION, spec.region), (ZONE, spec.zone))]
    kubectl(engine, first, "label", "nodes", "--all", "--overwrite", *labels)
    if spec.built:
        kubectl(engine, first, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(coredns()))
    refuse_unknown_services(engine, spec, nodes)
    # The network's plugin is configured last, and no pod starts before.
    for place in network:
        _route(engine, place, network, built=spec.built)
    # Of the control plane's node: gateways are reached at it, wherever their pods run.
    for address in addresses[1:]:
        execute(engine, first, "ip", "address", "replace", f"{address}/32", "dev", "eth0")


def refuse_unknown_services(engine: DockerEngine, spec: KindSpec, nodes: Sequence[Node]) -> None:
    """Have nodes of built images refuse Services that have no rules yet; the same again changes nothing.

    Nodes that are started again have their pods' network from the start, so this comes as soon as they run. Raises
    EmbeddedError.
    """
    for node in nodes if spec.built else ():
        _wait_until_started(engine, node)
        _restore(engine, node.identifier, refusals(spec.service_cidr))
        for chain in ("FORWARD", "OUTPUT"):
            _jump(engine, node.identifier, "filter", chain)


def _wait_until_started(engine: DockerEngine, node: Node) -> None:
    """Wait until systemd runs: what the image does before it replaces rules of the node."""

    def started() -> None:
        try:
            execute(engine, node.identifier, "test", "-d", "/run/systemd/system")
        except EmbeddedError as error:
            raise NotYetError(str(error)) from None

    wait_until(started, f"systemd of {node.name}", _SERVED_SECONDS, _ADVICE, every=0.2, failure=EmbeddedError)


def _route(engine: DockerEngine, place: NodePlace, network: Sequence[NodePlace], *, built: bool) -> None:
    if wanted := routes(place, network):
        execute(engine, place.container, "ip", "-batch", "-", stdin=wanted)
    if not built:
        # The network of published node images has rules of its own.
        return
    _restore(engine, place.container, rules(network))
    _jump(engine, place.container, "nat", "POSTROUTING", "-s", place.pods)
    execute(engine, place.container, "cp", "/dev/stdin", CNI_FILE, stdin=conflist(place.pods))


def _restore(engine: DockerEngine, container: str, chain: str) -> None:
    execute(engine, container, "iptables-restore", "-w", "10", "--noflush", stdin=chain)


def _jump(engine: DockerEngine, container: str, table: str, *rule: str) -> None:
    execute(engine, container, "sh", "-c", _JUMP, "jump", table, *rule)


# `$1` is the table, what follows the chain to jump from and what the packets have.
_JUMP: Final = (
    "table=$1; shift; "
    f'iptables -w 10 -t "$table" -C "$@" -j {CHAIN} 2>/dev/null || iptables -w 10 -t "$table" -A "$@" -j {CHAIN}'
)


def kubeconfig_of(engine: DockerEngine, node: Node, called: str, server: str) -> str:
    """The kubeconfig of the cluster's administrator, as JSON, which leads to `server`. Raises EmbeddedError."""
    text = kubectl(engine, node.identifier, "config", "view", "--raw", "-o", "json")
    authority, user = _understood(text, _credentials)
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": called, "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": called, "user": user}],
            "contexts": [{"name": called, "context": {"cluster": called, "user": called}}],
            "current-context": called,
        }
    )


def wait_until_ready(engine: DockerEngine, nodes: Sequence[Node], seconds: float) -> None:
    """Wait until every node is ready and names are resolved. Raises EmbeddedError with what was seen last."""
    first = nodes[0].identifier

    def ready() -> None:
        reasons = _understood(kubectl(engine, first, "get", "nodes", "-o", "json"), _reasons)
        if any(reasons) or len(reasons) < len(nodes):
            seen = "; ".join(filter(None, reasons))
            raise NotYetError(seen or f"{len(reasons)} of {len(nodes)} nodes registered")
        arguments = ("get", "deployment", "coredns", "-n", "kube-system", "-o", "json")
        if not _understood(kubectl(engine, first, *arguments), _ready_replicas):
            raise NotYetError("no pod of CoreDNS is ready")

    what = f"{', '.join(node.name for node in nodes)} to be ready"
    wait_until(ready, what, seconds, _ADVICE, every=0.5, failure=EmbeddedError)


def _not_ready(node: Mapping[str, Any]) -> str:
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready: Mapping[str, Any] = next((one for one in conditions if one.get("type") == "Ready"), {})
    if ready.get("status") == "True":
        return ""
    return f"{node['metadata']['name']}: {ready.get('message') or 'no kubelet has reported'}"


def _ranges(found: Any) -> dict[str, str]:
    return {str(one["metadata"]["name"]): str(one["spec"].get("podCIDR") or "") for one in found["items"]}


def _reasons(found: Any) -> list[str]:
    return [_not_ready(one) for one in found["items"]]


def _ready_replicas(found: Any) -> bool:
    return bool((found.get("status") or {}).get("readyReplicas"))


def _credentials(found: Any) -> tuple[str, Mapping[str, Any]]:
    return str(found["clusters"][0]["cluster"]["certificate-authority-data"]), dict(found["users"][0]["user"])


def _understood(text: str, read: Callable[[Any], T]) -> T:
    """What is read of what kubectl printed; what it printed is in no message, since it may be a key."""
    try:
        return read(parse_json(text))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise EmbeddedError(
            f"kubectl in a node printed another form than Kubernetes has ({type(error).__name__}); delete the cluster, "
            "and run meshfleet up again, which recreates it"
        ) from None
