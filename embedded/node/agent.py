"""The node agent of a cluster: keeps its Node alive, runs the pods bound to it, and leads packets to Services.

It is level-triggered, as a kubelet is: whatever woke it, it looks at everything and does what is missing. When it
ends, the pods' processes stay; the next one finds them again.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from embedded.addresses import OUTSIDE_RANGE
from embedded.api_errors import api_errors
from embedded.network import namespaces, node_network, rules
from embedded.network.machine_network import machines
from embedded.network.node_network import NodeNetwork
from embedded.network.place import Place
from embedded.node.node_object import keep_alive
from embedded.node.pod_run import Launch, PodRun, pods_directory
from embedded.node.services import load_balancer_addresses, service_ports
from topology.errors import ClusterError, EmbeddedError

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import Pod, Service

_TICK_SECONDS: Final = 1.0
_WATCH_SECONDS: Final = 60
# Istio's injection writes the network into it (applyMetadata of pkg/kube/inject/webhook.go).
_NETWORK_LABEL: Final = "topology.istio.io/network"


@dataclass
class Agent:
    """`connect` makes a client for the calling thread; `launch` starts what stands for a container.

    `forwarding` as `keep_alive` has it; `keep` keeps what the node has become for the agent after this one.
    """

    connect: Callable[[], Client]
    place: Place
    node: NodeNetwork
    name: str
    forwarding: int
    launch: Launch
    said: Callable[[str], None]
    keep: Callable[[NodeNetwork], None]
    stop: threading.Event = field(default_factory=threading.Event)
    _woken: threading.Event = field(default_factory=threading.Event)
    _pods: dict[str, tuple[PodRun, threading.Thread]] = field(default_factory=dict)
    _services: list[Service] = field(default_factory=list)
    _applied: str = ""
    _addresses: set[str] | None = None

    def run(self) -> None:
        """Work until `stop` is set."""
        from lightkube.resources.core_v1 import Pod, Service
        from lightkube.resources.discovery_v1 import EndpointSlice

        node_network.set_up(self.place, self.node)
        watched: tuple[tuple[Any, dict[str, Any]], ...] = (
            (Pod, {"spec.nodeName": self.name}),
            (Service, {}),
            (EndpointSlice, {}),
        )
        for kind, fields in watched:
            threading.Thread(target=self._watch, args=(kind, fields), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        with self.connect() as client:
            while not self.stop.is_set():
                self._woken.wait(_TICK_SECONDS)
                self._woken.clear()
                try:
                    self._reconcile(client)
                except (ClusterError, EmbeddedError) as error:
                    self.said(str(error))
                    self.stop.wait(_TICK_SECONDS)
        for run, _ in self._pods.values():
            run.leave.set()
        for _, thread in self._pods.values():
            thread.join(timeout=5)

    def _watch(self, kind: Any, fields: dict[str, Any]) -> None:
        with self.connect() as client:
            while not self.stop.is_set():
                try:
                    with api_errors(f"watch of {kind.__name__}"):
                        for _ in client.watch(kind, namespace="*", fields=fields, server_timeout=_WATCH_SECONDS):
                            self._woken.set()
                except ClusterError:
                    self.stop.wait(_TICK_SECONDS)

    def _beat(self) -> None:
        with self.connect() as client:
            while not self.stop.is_set():
                try:
                    keep_alive(client, self.name, self.node.address, self.forwarding)
                except ClusterError as error:
                    self.said(str(error))
                self.stop.wait(5.0)

    def _reconcile(self, client: Client) -> None:
        from lightkube.resources.core_v1 import Pod, Service
        from lightkube.resources.discovery_v1 import EndpointSlice

        with api_errors("pods, Services and EndpointSlices"):
            pods = list(client.list(Pod, namespace="*", fields={"spec.nodeName": self.name}))
            self._services = list(client.list(Service, namespace="*"))
            slices = list(client.list(EndpointSlice, namespace="*"))
        self._leave_former(pods)
        node_network.set_routes_to_peers(self.place, self.node)
        self._lead(rules.node_rules(service_ports(self._services, slices), OUTSIDE_RANGE, self.node.address))
        present = {str(pod.metadata.uid): pod for pod in pods if pod.metadata}
        self._begin(client, present)
        self._end(present)

    def _leave_former(self, pods: Iterable[Pod]) -> None:
        """Leave each network that the node was on before once no pod and no machine of it is left."""
        if not self.node.former:
            return
        used = {_network_of(pod) for pod in pods} | {one.network for one in machines(self.place)}
        if left := set(self.node.former) - used:
            self.node = node_network.leave(self.place, self.node, left)
            self.keep(self.node)
            self.said(f"left the network {', '.join(sorted(left))}: no pod of it is left")

    def _lead(self, script: str) -> None:
        name = self.place.node(self.node.cluster)
        mine = {address for service in self._services for address in load_balancer_addresses(service)}
        outside = ipaddress.ip_network(OUTSIDE_RANGE)
        mine = {address for address in mine if ipaddress.ip_address(address) in outside}
        if mine != self._addresses:
            node_network.set_load_balancer_addresses(self.place, self.node, mine)
            self._addresses = mine
        if script != self._applied:
            rules.apply(name, script)
            self._applied = script

    def _begin(self, client: Client, present: Mapping[str, Pod]) -> None:
        for uid, pod in present.items():
            if uid in self._pods:
                continue
            address = self._address_of(uid)
            run = PodRun(client, self.place, self.node, pod, address, self.launch, self._names, self.said)
            thread = threading.Thread(target=run.run, name=run.name, daemon=True)
            self._pods[uid] = (run, thread)
            thread.start()

    def _end(self, present: Mapping[str, Pod]) -> None:
        for uid, (run, thread) in list(self._pods.items()):
            pod = present.get(uid)
            if pod is None or (pod.metadata and pod.metadata.deletionTimestamp):
                run.delete(pod)
            else:
                run.seen(pod)
            if not thread.is_alive():
                del self._pods[uid]
        # Those of pods that went while no agent ran.
        for name in namespaces.names(self.place.pods(self.node.cluster)):
            uid = name.removeprefix(self.place.pods(self.node.cluster))
            if uid not in present and uid not in self._pods:
                node_network.disconnect_pod(self.place, self.node, name)

    def _address_of(self, uid: str) -> str:
        """The address a pod had before, or the first that no pod has."""
        folder = pods_directory(self.place, self.node.cluster)
        known = {path.parent.name: path.read_text(encoding="utf-8") for path in folder.glob("*/address")}
        known |= {other: run.address for other, (run, _) in self._pods.items()}
        if uid in known:
            return known[uid]
        taken = set(known.values())
        for address in ipaddress.ip_network(self.node.pods).hosts():
            if str(address) not in taken:
                return str(address)
        raise EmbeddedError(
            f"{self.name}: all addresses of {self.node.pods} are taken; run fewer pods, or give podCidr"
        )

    def _names(self) -> str:
        """What a cluster's DNS would say of its Services, as lines of /etc/hosts."""
        lines = []
        for service in self._services:
            metadata, specification = service.metadata, service.spec
            address = specification.clusterIP if specification else None
            if metadata and address and address != "None":
                name = f"{metadata.name}.{metadata.namespace}"
                lines.append(f"{address} {name}.svc {name}.svc.cluster.local\n")
        return "".join(lines)


def _network_of(pod: Pod) -> str:
    """The network that a pod was injected for; empty for one that is of none."""
    labels = (pod.metadata.labels if pod.metadata else None) or {}
    return str(labels.get(_NETWORK_LABEL, ""))
