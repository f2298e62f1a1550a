"""A session whose engine is made up, for what commands say whatever it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshfleet.automation.changes import Change, Place, Record
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.environment import Environment
from meshfleet.automation.identities import Reading, start_reading
from meshfleet.topology import Fleet, StackFile, load
from meshfleet.topology.stages import Stage

CHANGED = Record(changes=[Change(Place("west", "discovery", "remote-secrets"), "delete")])
STATUS: dict[str, Any] = {
    "stack": "dev",
    "clusters": [
        {
            "name": "west",
            "role": "host",
            "mesh": "mesh1",
            "network": "network-west",
            "region": "r",
            "zone": "",
            "kubeconfig": "/nowhere/west.yaml",
            "controlPlane": {
                "kind": "own",
                "of": "west",
                "revision": "default",
                "debugUrl": "http://127.0.0.1:1",
                "revisions": [{"name": "default"}],
            },
            "gateway": {"address": "198.18.0.1", "port": 15443.0, "network": "network-west"},
            "workloads": [
                {"host": "cart.shop.svc.cluster.local", "versions": [{"name": "v2"}, {"name": "v1"}]},
                {"host": "web.shop.svc.cluster.local", "versions": []},
            ],
            "intermediateNotAfter": "2028-11-22T00:00:00Z",
        },
        {
            "name": "east",
            "role": "member",
            "mesh": "mesh1",
            "network": "network-west",
            "region": "",
            "zone": "",
            "kubeconfig": None,
            "controlPlane": {
                "kind": "remote",
                "of": "west",
                "revision": "default",
                "debugUrl": None,
                "revisions": [{"name": "default"}],
            },
            "gateway": None,
            "workloads": [
                {"host": "cart.shop.svc.cluster.local", "versions": [{"name": "v1"}]},
                {"host": "web.shop.svc.cluster.local", "versions": [{"name": "v1"}]},
            ],
            "intermediateNotAfter": "2028-11-21T00:00:00Z",
        },
    ],
    "meshes": [
        {
            "name": "mesh1",
            "model": "multi-primary, several networks",
            "trustDomain": "cluster.local",
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

    def tell(self, text: str) -> None:
        self.done.append(text)

    def run(self, operation: str, title: str, *, stage: Fleet | None = None, on: Any = None, **options: Any) -> Record:
        self.done.append(f"{operation} {options}" if options else operation)
        return self.record

    def bring_up(self, title: str, **options: Any) -> Record:
        return self.run("up", title, **options)

    def compare(self, title: str) -> tuple[Record, list[str]]:
        return self.record, self.unread

    def status(self) -> dict[str, Any]:
        return STATUS
