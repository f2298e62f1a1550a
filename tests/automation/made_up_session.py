"""A session whose engine is made up, for what commands say whatever it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine.environment import Environment
from meshfleet.automation.identities import Reading, start_reading
from meshfleet.automation.reporting.changes import Change, Place, Record
from meshfleet.rollout.stages import Stage
from meshfleet.status import Status, read_status
from meshfleet.topology import Fleet, StackFile, load

CHANGED = Record(changes=[Change(Place("west", "discovery", "remote-secrets"), "delete")])


def workload(name: str, *versions: str) -> dict[str, Any]:
    """A workload of the namespace `shop`, with the versions that run in a cluster."""
    return {
        "name": name,
        "namespace": "shop",
        "host": f"{name}.shop.svc.cluster.local",
        "ports": {"http": 80, "grpc": 7070},
        "echo": True,
        "allowedCallers": [],
        "versions": [{"name": version, "replicas": 1, "weight": None, "headers": {}} for version in versions],
    }


def _cluster(name: str, plane: dict[str, Any], **fields: Any) -> dict[str, Any]:
    url = plane["debugUrl"]
    return {
        "name": name,
        "network": "network-west",
        "controlPlane": {
            "revision": "default",
            "gatewayRevision": "default",
            "revisions": [{"name": "default", "version": "1.31", "debugUrl": url}],
            **plane,
            "namespace": "istio-system",
            "tags": [],
        },
        "gateway": None,
        "role": "member",
        "provider": "embedded",
        "mesh": "mesh1",
        "region": "",
        "zone": "",
        "podCidr": None,
        "serviceCidr": None,
        "context": "",
        "server": "https://127.0.0.1:1",
        "identity": None,
        "dataPlane": "sidecar",
        "pods": "simulated",
        "ingressGateways": [],
        "workloads": [],
        "injected": {"workloads": {"cluster": name}, "gateways": {}, "eastWest": {}},
        "injectedNamespaces": [],
        "kubeconfig": None,
        **fields,
    }


STATUS: dict[str, Any] = {
    "version": 1,
    "stack": "dev",
    "clusters": [
        _cluster(
            "west",
            {"kind": "own", "of": "west", "debugUrl": "http://127.0.0.1:1"},
            role="host",
            region="r",
            gateway={"address": "198.18.0.1", "port": 15443, "network": "network-west", "named": False},
            workloads=[workload("cart", "v2", "v1"), workload("web")],
            intermediateNotAfter="2028-11-22T00:00:00Z",
            kubeconfig="/nowhere/west.yaml",
        ),
        _cluster(
            "east",
            {"kind": "remote", "of": "west", "debugUrl": None},
            workloads=[workload("cart", "v1"), workload("web", "v1")],
            intermediateNotAfter="2028-11-21T00:00:00Z",
        ),
    ],
    "meshes": [
        {
            "name": "mesh1",
            "model": "multi-primary, several networks",
            "trustDomain": "cluster.local",
            "settings": {"meshConfig": {}, "objects": []},
            "networkGateways": [],
            "rootFingerprint": "ab" * 32,
            "rootNotAfter": "2036-11-23T00:00:00Z",
            "roots": [
                {"name": "first", "fingerprint": "cd" * 32, "notAfter": "2027-11-23T00:00:00Z"},
                {"name": "second", "fingerprint": "ab" * 32, "notAfter": "2036-11-23T00:00:00Z"},
            ],
            "signing": "second",
            "trust": "both roots trusted (second and first), second signs",
        }
    ],
    "virtualMachines": [],
}


@dataclass
class MadeUp:
    """A session whose engine does nothing and reports what it is told to."""

    checkout: Checkout
    file: StackFile
    record: Record = field(default_factory=Record)
    unread: list[str] = field(default_factory=list)
    way: tuple[Stage, ...] = ()
    done: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    quiet: bool = True
    overridden: bool = False
    kubeconfigs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def engine(self) -> MadeUp:
        return self

    @property
    def reading(self) -> Reading:
        return start_reading(self.topology, {}, self.checkout.home)

    def recorded(self) -> dict[str, Any]:
        return self.state

    def rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.done.append("rewrite")
        self.state = change(self.state)

    @property
    def environment(self) -> Environment:
        return Environment(self.checkout, {}, Path("/nowhere"), "")

    def initialise(self) -> None:
        self.done.append("initialise")

    @contextmanager
    def working(self, command: str, *, restore_state: bool = False) -> Iterator[None]:
        self.done.append(command)
        yield
        self.done.append("released")

    name = "dev"

    def stages(self) -> tuple[Stage, ...]:
        return self.way or (Stage("", self.topology),)

    @property
    def topology(self) -> Fleet:
        return load(self.file.stack, self.file.config)

    def notify(self, text: str) -> None:
        self.done.append(text)

    def run(self, operation: str, title: str, *, stage: Fleet | None = None, on: Any = None, **options: Any) -> Record:
        self.done.append(f"{operation} {options}" if options else operation)
        return self.record

    def bring_up(self, title: str, **options: Any) -> Record:
        return self.run("up", title, **options)

    def compare(self, title: str) -> tuple[Record, list[str]]:
        return self.record, self.unread

    def status(self) -> Status:
        return read_status(STATUS)
