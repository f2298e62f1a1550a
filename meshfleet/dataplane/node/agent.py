"""The node agent of a cluster: keeps its Node alive, runs the pods bound to it, and leads packets to Services.

It is level-triggered, as a kubelet is: whatever woke it, it looks at everything and does what is missing, and now and
then without being woken. When it ends, the pods' processes stay; the next one finds them again. What fails for one
object is left out and reported, and the rest goes on (left_out.py).
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshfleet.dataplane.network import namespaces, node_network, rules
from meshfleet.dataplane.network.machine_network import gateways_outside, machines
from meshfleet.dataplane.network.node_network import NodeNetwork, nodes
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.left_out import LeftOut
from meshfleet.dataplane.node.node_object import BEAT_SECONDS, Heartbeat
from meshfleet.dataplane.node.pod_run import Launch, PodRun, pods_directory
from meshfleet.dataplane.node.reports import Reports
from meshfleet.dataplane.node.services import Leads, leads
from meshfleet.embedded.addresses import OUTSIDE_RANGE
from meshfleet.errors import ClusterError, EmbeddedError, FileError
from meshfleet.errors.containment import MALFORMED, REFUSED, each
from meshfleet.files import read_text
from meshfleet.kube.api_errors import api_errors
from meshfleet.kube.loading import load_lightkube

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import Pod

# What one tick of a watch may fail with.
_MISSED: Final[tuple[type[Exception], ...]] = (ClusterError, *MALFORMED)
_TICK_SECONDS: Final = 1.0
# A look asks the API server for all pods, Services and EndpointSlices: unneeded ones, once a second, would take a
# twentieth of a core for each cluster. This one finds what no watch told of, while it began again.
_LOOK_SECONDS: Final = 10.0
_WATCH_SECONDS: Final = 60
# Istio's injection writes the network into it (applyMetadata of pkg/kube/inject/webhook.go).
_NETWORK_LABEL: Final = "topology.istio.io/network"


@dataclass
class Agent:
    """`connect` makes a client for the calling thread; `launch` starts what stands for a container.

    `forwarding` as `Heartbeat` has it; `keep` keeps what the node has become for the agent after this one.
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
    _leads: Leads = field(default_factory=Leads)
    _reports: Reports = field(init=False)
    _applied: str = ""
    _addresses: set[str] | None = None
    # When it looks again without being woken, in seconds of the monotonic clock.
    _due: float = 0.0
    _seen_here: object = None

    def __post_init__(self) -> None:
        self._reports = Reports(self.name, self.said)

    def run(self) -> None:
        """Work until `stop` is set."""
        load_lightkube()
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
                woken = self._woken.wait(_TICK_SECONDS)
                here = self._here()
                if not woken and here == self._seen_here and time.monotonic() < self._due:
                    continue
                self._woken.clear()
                self._seen_here, self._due = here, time.monotonic() + _LOOK_SECONDS
                try:
                    self._reconcile(client)
                except (*REFUSED, *MALFORMED) as error:
                    self.said(f"{type(error).__name__}: {error}")
                    self._look_again()
        for run, _ in self._pods.values():
            run.leave.set()
        for _, thread in self._pods.values():
            thread.join(timeout=5)

    def _here(self) -> object:
        """What it acts upon and no watch tells of: other nodes and machines, and which pods have come to their end."""
        alive = {uid: thread.is_alive() for uid, (_, thread) in self._pods.items()}
        try:
            return nodes(self.place), machines(self.place), alive
        except (*REFUSED, *MALFORMED):
            # Never equal: a look follows, which reports it.
            return object()

    def _look_again(self) -> None:
        """Have the next look come after a tick, since this one left something undone."""
        self._due = 0.0
        self.stop.wait(_TICK_SECONDS)

    def _watch(self, kind: Any, fields: dict[str, Any]) -> None:
        with self.connect() as client:
            while not self.stop.is_set():
                try:
                    with api_errors(f"watch of {kind.__name__}"):
                        for _ in client.watch(kind, namespace="*", fields=fields, server_timeout=_WATCH_SECONDS):
                            self._woken.set()
                except _MISSED:
                    # What is missed here is seen when it begins again, or at the next look.
                    self.stop.wait(_TICK_SECONDS)

    def _beat(self) -> None:
        heartbeat = Heartbeat(self.name, self.node.address, self.forwarding)
        with self.connect() as client:
            while not self.stop.is_set():
                try:
                    heartbeat.beat(client, self._reports.current())
                except (*REFUSED, *MALFORMED) as error:
                    # A node that is not heard of is lost with all its pods.
                    self.said(f"heartbeat: {error}")
                self.stop.wait(BEAT_SECONDS)

    def _reconcile(self, client: Client) -> None:
        from lightkube.resources.core_v1 import Pod, Service
        from lightkube.resources.discovery_v1 import EndpointSlice

        with api_errors("pods, Services and EndpointSlices"):
            pods = list(client.list(Pod, namespace="*", fields={"spec.nodeName": self.name}))
            services = list(client.list(Service, namespace="*"))
            slices = list(client.list(EndpointSlice, namespace="*"))
        self._leads = leads(services, slices, self.node.address)
        self._reports.replace("services", self._leads.left_out)
        present = {str(pod.metadata.uid): pod for pod in pods if pod.metadata}
        steps: dict[str, Callable[[], None]] = {
            "networks of before": lambda: self._leave_former(pods),
            "routes to other nodes": lambda: node_network.set_routes_to_peers(self.place, self.node),
            "packets to Services": lambda: self._lead(
                rules.node_rules(
                    self._leads.ports, OUTSIDE_RANGE, self.node.address, gateways_outside(machines(self.place))
                )
            ),
            "new pods": lambda: self._begin(client, present),
            "pods that end": lambda: self._end(present),
        }
        failures = each(steps.items(), lambda step: step[1](), (*REFUSED, *MALFORMED))
        node = [LeftOut("Node", "", self.name, "", f"{failure.item[0]}: {failure.reason}") for failure in failures]
        self._reports.replace("node", node)
        self._reports.post(client)
        if failures:
            self._look_again()

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
        outside = ipaddress.ip_network(OUTSIDE_RANGE)
        mine = {address for address in self._leads.balancers if ipaddress.ip_address(address) in outside}
        if mine != self._addresses:
            node_network.set_load_balancer_addresses(self.place, self.node, mine)
            self._addresses = mine
        if script != self._applied:
            rules.apply(name, script)
            self._applied = script

    def _begin(self, client: Client, present: Mapping[str, Pod]) -> None:
        def begin(uid: str) -> None:
            pod, address = present[uid], self._address_of(uid)
            run = PodRun(client, self.place, self.node, pod, address, self.launch, self._names, self.said)
            run.failed = lambda reason: self._reports.set(
                f"pod {uid}", None if reason is None else LeftOut.of("Pod", run.pod, reason)
            )
            thread = threading.Thread(target=run.run, name=run.name, daemon=True)
            self._pods[uid] = (run, thread)
            thread.start()

        failures = each([uid for uid in present if uid not in self._pods], begin, (*REFUSED, *MALFORMED))
        self._reports.replace("pods", [LeftOut.of("Pod", present[one.item], one.reason) for one in failures])

    def _end(self, present: Mapping[str, Pod]) -> None:
        def follow(uid: str) -> None:
            run, thread = self._pods[uid]
            pod = present.get(uid)
            if pod is None or (pod.metadata and pod.metadata.deletionTimestamp):
                run.delete(pod)
            else:
                run.seen(pod)
            if not thread.is_alive():
                del self._pods[uid]
                self._reports.set(f"pod {uid}", None)

        for failure in each(list(self._pods), follow, (*REFUSED, *MALFORMED)):
            self.said(f"pod {failure.item}: {failure.reason}")
        # Those of pods that went while no agent ran.
        for name in namespaces.names(self.place.pods(self.node.cluster)):
            uid = name.removeprefix(self.place.pods(self.node.cluster))
            if uid not in present and uid not in self._pods:
                node_network.disconnect_pod(self.place, self.node, name)

    def _address_of(self, uid: str) -> str:
        """The address a pod had before, or the first that no pod has."""
        folder = pods_directory(self.place, self.node.cluster)
        known = {path.parent.name: kept for path in folder.glob("*/address") if (kept := self._kept_address(path))}
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

    def _kept_address(self, path: Path) -> str:
        """The address that a pod had before; empty where what is kept is damaged, which is written again."""
        try:
            text = read_text(path, limit=64) or ""
            return text if ipaddress.ip_address(text) in ipaddress.ip_network(self.node.pods) else ""
        except (FileError, ValueError) as error:
            self.said(f"{path}: damaged ({error}); the pod gets another address")
            return ""

    def _names(self) -> str:
        """What a cluster's DNS would say of its Services, as lines of /etc/hosts."""
        lines = [f"{address} {name}.svc {name}.svc.cluster.local\n" for address, name in self._leads.names]
        return "".join(lines)


def _network_of(pod: Pod) -> str:
    """The network that a pod was injected for; empty for one that is of none."""
    labels = (pod.metadata.labels if pod.metadata else None) or {}
    return str(labels.get(_NETWORK_LABEL, ""))
