"""The containers of a kind cluster as an engine has them, and what is run in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Final

from meshfleet.errors import EmbeddedError
from meshfleet.files.json_text import parse_json
from meshfleet.kind.engine import DockerEngine
from meshfleet.kind.faults import docker_fault
from meshfleet.kind.spec import MARKS
from meshfleet.processes.waiting import NotYetError, wait_until

# https://kind.sigs.k8s.io: pkg/cluster/internal/providers/docker/constants.go and provider.go
CLUSTER_LABEL: Final = "io.x-k8s.kind.cluster"
ROLE_LABEL: Final = "io.x-k8s.kind.role"
DOCKER_NETWORK: Final = "kind"
_SECONDS: Final = 60.0
_KUBECONFIG: Final = "--kubeconfig=/etc/kubernetes/admin.conf"


@dataclass(frozen=True)
class Node:
    """A container of a cluster. `address` is empty while it does not run."""

    identifier: str
    name: str
    role: str
    running: bool
    started: str
    address: str
    marks: frozenset[str]


def nodes_of(engine: DockerEngine, called: str) -> list[Node]:
    """The containers of the cluster of that name, ours or not, first the control plane. Raises EmbeddedError."""
    what = f"the containers of {called} to be created"
    inspected = wait_until(
        lambda: _inspected(engine, called), what, _SECONDS, "see docker ps -a", every=0.2, failure=EmbeddedError
    )
    try:
        found = [_node(one) for one in inspected]
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise EmbeddedError(
            f"{engine.where}: docker inspect printed another form than Docker 20.10 does ({type(error).__name__}); "
            "check its version"
        ) from None
    return sorted(found, key=lambda node: (node.role != "control-plane", node.name))


def _inspected(engine: DockerEngine, called: str) -> list[Any]:
    listed = _run(engine, "ps", "-a", "-q", "--no-trunc", "--filter", f"label={CLUSTER_LABEL}={called}").split()
    if not listed:
        return []
    ended = engine.run("inspect", *listed, seconds=_SECONDS)
    if ended.code and "No such" in ended.err:
        # The engine lists a container for the seconds that it takes to create it, also for a client that was killed;
        # nothing else knows it until then, so it could not be removed. One that is removed is not listed any more.
        raise NotYetError("one is listed and cannot be inspected yet")
    if ended.code:
        raise docker_fault(engine.where, ended.err)
    return _parsed(engine, ended.out)


def _node(one: Mapping[str, Any]) -> Node:
    networks = one["NetworkSettings"]["Networks"]
    network: Mapping[str, Any] = networks.get(DOCKER_NETWORK) or next(iter(networks.values()), {})
    places = [str(mount.get("Destination", "")) for mount in one.get("Mounts") or ()]
    return Node(
        identifier=str(one["Id"]),
        name=str(one["Name"]).lstrip("/"),
        role=str(one["Config"]["Labels"].get(ROLE_LABEL, "")),
        running=bool(one["State"]["Running"]),
        started=str(one["State"].get("StartedAt", "")),
        address=str(network.get("IPAddress") or ""),
        marks=frozenset(place.removeprefix(f"{MARKS}/") for place in places if place.startswith(f"{MARKS}/")),
    )


def subnet_of(engine: DockerEngine) -> IPv4Network:
    """The range of the Docker network that nodes are in. Raises EmbeddedError."""
    configured = _parsed(engine, _run(engine, "network", "inspect", DOCKER_NETWORK))
    try:
        for one in configured[0]["IPAM"]["Config"] or ():
            if ":" not in one["Subnet"]:
                return IPv4Network(one["Subnet"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise EmbeddedError(f"{engine.where}: docker network inspect printed another form; check its version") from None
    raise EmbeddedError(f"{engine.where}: its network {DOCKER_NETWORK} has no range of IPv4; remove that network")


def has_image(engine: DockerEngine, image: str) -> bool:
    """Whether the engine has an image; nothing is pulled. Raises EmbeddedError."""
    ended = engine.run("image", "inspect", "--format", "{{.Id}}", image, seconds=_SECONDS)
    if ended.code and "No such image" not in ended.err:
        raise docker_fault(engine.where, ended.err)
    return not ended.code


def start(engine: DockerEngine, nodes: list[Node]) -> None:
    """Start containers that do not run. Raises EmbeddedError."""
    if stopped := [node.identifier for node in nodes if not node.running]:
        _run(engine, "start", *stopped)


def remove(engine: DockerEngine, nodes: list[Node]) -> None:
    """Remove these containers with their volumes; fine when one is gone. Raises EmbeddedError."""
    if not nodes:
        return
    ended = engine.run("rm", "-f", "-v", *(node.identifier for node in nodes), seconds=2 * _SECONDS)
    # Another run that was killed may have asked for it already; the engine goes on with that.
    fine = ("No such container", "is already in progress")
    if ended.code and not any(words in ended.err for words in fine):
        raise docker_fault(engine.where, ended.err, "remove nodes")
    wait_until(
        lambda: _require_gone(engine, nodes), "containers to be removed", 2 * _SECONDS, "see docker ps -a", every=0.2
    )


def _require_gone(engine: DockerEngine, nodes: list[Node]) -> None:
    ended = engine.run("ps", "-a", "-q", "--no-trunc", seconds=_SECONDS)
    # An engine that was ended since has no container left.
    left = [] if ended.code else ended.out.split()
    if there := [node.name for node in nodes if node.identifier in left]:
        raise NotYetError(f"{', '.join(there)} still there")


def execute(engine: DockerEngine, node: str, *command: str, stdin: str = "", seconds: float = _SECONDS) -> str:
    """Run a command in a node; what it printed. Raises EmbeddedError with what it reported."""
    ended = engine.run("exec", "-i", node, *command, stdin=stdin, seconds=seconds)
    if ended.code:
        raise docker_fault(node, ended.err or ended.out, command[0])
    return ended.out


def kubectl(engine: DockerEngine, node: str, *arguments: str, stdin: str = "") -> str:
    """Run kubectl in the control plane's node, as its administrator. Raises EmbeddedError."""
    return execute(engine, node, "kubectl", _KUBECONFIG, *arguments, stdin=stdin)


def kubelet_log(engine: DockerEngine, node: str, lines: int = 6) -> str:
    """The last lines of a node's kubelet in one, or why there are none."""
    try:
        arguments = ("journalctl", "-u", "kubelet", "--no-pager", "-q", "-o", "cat", "-n", str(lines))
        ended = engine.run("exec", node, *arguments, seconds=20)
    except EmbeddedError as error:
        return str(error)
    return " | ".join(line.strip()[:200] for line in (ended.out or ended.err).splitlines() if line.strip())


def _run(engine: DockerEngine, *arguments: str) -> str:
    ended = engine.run(*arguments, seconds=_SECONDS)
    if ended.code:
        raise docker_fault(engine.where, ended.err)
    return ended.out


def _parsed(engine: DockerEngine, text: str) -> list[Any]:
    try:
        return list(parse_json(text))
    except (ValueError, TypeError):
        raise EmbeddedError(f"{engine.where}: docker printed no JSON; check its version (20.10 or later)") from None
