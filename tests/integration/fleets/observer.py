"""Looks at the istiods of a fleet all the time while something changes them: are they there, and do they get along?

A workload keeps its certificate and its trust for a while, so that each cluster must get along with the others and
with what it was itself before. That is judged from the states each one was seen in, and does not depend on luck.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import httpx2
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import ConfigMap

from meshfleet.errors import UnreachableError
from meshfleet.testing import Istiod, Sandbox

_EVERY = 0.05

# How it shows that an istiod is being started again: ssl.SSLError, URLError and TimeoutError are OSErrors, and what
# ends in the midst of a handshake is no ConnectionError. The last is the API server's, on a machine that is busy.
UNANSWERED = (OSError, http.client.HTTPException, httpx2.TransportError, UnreachableError)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class State:
    """What the workloads of a cluster are given to trust, and under which of these roots its istiod signs.

    `signing` is empty when it is none of them.
    """

    trusted: frozenset[str]
    signing: str

    def __str__(self) -> str:
        return f"{sorted(root[-40:-30] for root in self.trusted)} signed by {self.signing[-40:-30] or 'another'}"

    def gets_along_with(self, other: State) -> bool:
        """Whether workloads of this state and of the other trust each other."""
        return self.signing in other.trusted and other.signing in self.trusted


@dataclass
class Observer:
    """`looks` counts how often each istiod answered, `silent` how often not: it was being started again."""

    sandbox: Sandbox
    stack: str
    clusters: tuple[str, ...]
    looks: dict[str, int] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    unsynced: list[str] = field(default_factory=list)
    seen: list[tuple[float, str, State]] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look until the end of the block; what an observer died of is raised there."""
        self.sandbox.meshfleet("status", "--stack", self.stack, "--json")
        stop = threading.Event()
        with ThreadPoolExecutor(len(self.clusters), "observer") as pool:
            watches = [pool.submit(self._watch, cluster, stop) for cluster in self.clusters]
            try:
                yield
            finally:
                stop.set()
        # What was seen by half of them would be judged wrongly.
        for watch in watches:
            watch.result()

    def states(self, cluster: str) -> list[State]:
        """The states a cluster was seen in, one after another."""
        return [state for _, name, state in self.seen if name == cluster]

    def faults(self) -> list[str]:
        """What must never be: a cluster that does not get along with the others, or with what it just was itself."""
        found = list(self.unsynced)
        now: dict[str, State] = {}
        for _, cluster, state in sorted(self.seen, key=lambda one: one[0]):
            for other, there in (now | {cluster: now.get(cluster, state)}).items():
                if not state.gets_along_with(there):
                    found.append(f"{cluster} is at {state}, {other} is or was at {there}")
            now[cluster] = state
        return found

    def _watch(self, cluster: str, stop: threading.Event) -> None:
        ports = self.sandbox.reservations()[f"{self.stack}/istiod/{cluster}/default"]
        kubeconfig = self.sandbox.home / "fleets" / self.stack / "kubeconfigs" / f"{cluster}.yaml"
        with Client(config=KubeConfig.from_file(kubeconfig).get(), trust_env=False) as client:
            while not stop.wait(_EVERY):
                try:
                    self._look(cluster, client, ports)
                    self.looks[cluster] = self.looks.get(cluster, 0) + 1
                except UNANSWERED:
                    self.silent[cluster] = self.silent.get(cluster, 0) + 1

    def _look(self, cluster: str, client: Client, ports: Mapping[str, int]) -> None:
        given = client.get(ConfigMap, "istio-ca-root-cert", namespace="istio-system").data or {}
        roots = _CERTIFICATE.findall(given["root-cert.pem"])
        signing = next((root for root in roots if trusts(root, ports["https"])), "")
        state = State(frozenset(roots), signing)
        if self.states(cluster)[-1:] != [state]:
            self.seen.append((time.monotonic(), cluster, state))
        known = Istiod.on_port(cluster, ports["http"]).sync()
        # Others may come and go meanwhile.
        if not known.items() >= dict.fromkeys(self.clusters, "synced").items():
            self.unsynced.append(f"{cluster} reads {known}")


def trusts(root: str, port: int) -> bool:
    """Whether who trusts these roots (PEM) alone trusts the server on `port`."""
    context = ssl.create_default_context(cadata=root)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False


def steps(states: list[State]) -> list[tuple[int, bool]]:
    """Of states one after another: how many roots are trusted, and whether the one that signs is another one."""
    changed = [one.signing != other.signing for one, other in pairwise(states)]
    return [(len(state.trusted), change) for state, change in zip(states, [False, *changed], strict=True)]
