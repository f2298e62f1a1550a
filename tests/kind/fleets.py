"""Fleets of clusters in containers: what is sent by exec of their echo pods, and what came back."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.testing import FleetUnderTest
from tests.integration.clone import make_clone

_STATUS = re.compile(r"^\[\d+\] StatusCode=(\d+)$", re.MULTILINE)
_CLUSTER = re.compile(r"^\[\d+ body\] Cluster=(\S+)$", re.MULTILINE)
_CALLER = re.compile(r"^\[\d+ body\] RequestHeader=X-Forwarded-Client-Cert:.*URI=(spiffe://\S+)$", re.MULTILINE)
SECONDS = 60


@contextmanager
def kind_fleet(stack: str, config: Mapping[str, Any] | None = None) -> Iterator[KindFleet]:
    """A stack of the project, or one with this content, brought up in a fresh clone; destroyed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="mf-"))
    try:
        with make_clone(folder).sandbox() as sandbox:
            if config is not None:
                sandbox.write_stack(stack, dict(config))
            made = KindFleet(sandbox, stack)
            try:
                made.up()
                yield made
            finally:
                made.run("destroy", "--yes")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Answers:
    """How often each status came, from each cluster, and as whom the caller was known."""

    statuses: Counter[str] = field(default_factory=Counter)
    clusters: Counter[str] = field(default_factory=Counter)
    callers: frozenset[str] = frozenset()


class KindFleet(FleetUnderTest):
    """A fleet whose nodes are containers."""

    def send(self, cluster: str, workload: str, url: str, count: int = 1) -> Answers:
        """Requests from a pod of `workload` in a cluster, each on a connection of its own."""
        command = ("exec", "-n", "sample", f"deployment/{workload}-v1", "-c", "echo", "--")
        program = ("client", "--count", str(count), "--new-connection-per-request", url)
        text = self.kubectl(cluster, *command, *program, expect=None).text
        callers = frozenset(_CALLER.findall(text))
        return Answers(Counter(_STATUS.findall(text)), Counter(_CLUSTER.findall(text)), callers)

    def send_until(self, cluster: str, workload: str, url: str, count: int, wanted: set[str]) -> Answers:
        """Send until all are answered with 200, by exactly the `wanted` clusters; within a bound."""

        def sent() -> Answers:
            answers = self.send(cluster, workload, url, count)
            if answers.statuses != {"200": count} or set(answers.clusters) != wanted:
                raise NotYetError(f"{dict(answers.statuses)} from {dict(answers.clusters)}")
            return answers

        return wait_until(sent, f"{url} from {cluster} answered by {sorted(wanted)}", SECONDS, "see the logs", every=1)

    def scale(self, cluster: str, deployment: str, replicas: int) -> None:
        """Set the number of pods by hand and wait until it is so."""
        self.kubectl(cluster, "scale", "-n", "sample", f"deployment/{deployment}", f"--replicas={replicas}")
        arguments = ("rollout", "status", "-n", "sample", f"deployment/{deployment}", "--timeout=120s")
        self.kubectl(cluster, *arguments)

    def containers(self, cluster: str) -> dict[str, set[str]]:
        """The names of the containers, those of init that stay included, of each ready pod of the namespace sample."""
        items = self.get(cluster, "pods", "-n", "sample")["items"]
        return {
            pod["metadata"]["name"]: {
                one["name"]
                for kind in ("containerStatuses", "initContainerStatuses")
                for one in pod["status"].get(kind, ())
                if one["ready"]
            }
            for pod in items
            if "deletionTimestamp" not in pod["metadata"]
        }
