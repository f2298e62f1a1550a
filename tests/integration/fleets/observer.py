"""Looks at the istiods of a fleet all the time while something changes them: are they there, and do they get along?"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import ConfigMap

from tests.integration.world import World

_EVERY = 0.05
_GIVEN = "istio-ca-root-cert"


@dataclass
class Observer:
    """`looks` counts how often each istiod answered; `faults` are what must never be seen, in words.

    An istiod that is being started again answers nothing: that is counted in `silent`, and is no fault.
    """

    world: World
    stack: str
    clusters: tuple[str, ...]
    looks: dict[str, int] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look until the end of the block."""
        self.world.meshfleet("status", "--stack", self.stack, "--json")
        stop = threading.Event()
        threads = [threading.Thread(target=self._watch, args=(cluster, stop)) for cluster in self.clusters]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(timeout=60)

    def _watch(self, cluster: str, stop: threading.Event) -> None:
        ports = self.world.reservations()[f"{self.stack}/istiod/{cluster}/default"]
        with ExitStack() as open_clients:
            clients = {name: open_clients.enter_context(self._client(name)) for name in self.clusters}
            while not stop.wait(_EVERY):
                try:
                    # First what the workloads of each cluster trust, then what this istiod signs with.
                    trusted = {name: _trusted(client) for name, client in clients.items()}
                    self._look(cluster, ports, trusted)
                    self.looks[cluster] = self.looks.get(cluster, 0) + 1
                except (ConnectionError, TimeoutError, urllib.error.URLError):
                    self.silent[cluster] = self.silent.get(cluster, 0) + 1

    def _client(self, cluster: str) -> Client:
        kubeconfig = self.world.home / "fleets" / self.stack / "kubeconfigs" / f"{cluster}.yaml"
        return Client(config=KubeConfig.from_file(kubeconfig).get(), trust_env=False)

    def _look(self, cluster: str, ports: Mapping[str, int], trusted: Mapping[str, str]) -> None:
        for name, roots in trusted.items():
            if fault := _distrust(ports["https"], roots):
                self.faults.append(f"workloads of {name} do not trust what {cluster} signs with: {fault}")
        states = {known["id"]: known["syncStatus"] for known in _clusterz(ports["http"])}
        if states != dict.fromkeys(self.clusters, "synced"):
            self.faults.append(f"{cluster} reads {states}")


def _trusted(client: Client) -> str:
    given = client.get(ConfigMap, _GIVEN, namespace="istio-system").data
    assert given is not None
    return str(given["root-cert.pem"])


def _distrust(port: int, roots: str) -> str:
    """Why who trusts these roots (PEM) does not trust the server on `port`; empty when it does."""
    context = ssl.create_default_context(cadata=roots)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message


def _clusterz(port: int) -> list[dict[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/debug/clusterz", timeout=5) as answer:
        return list(json.load(answer))
