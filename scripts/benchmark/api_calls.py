"""How often an API server was called since it started, from its own metrics.

Everybody counts: the engine's plugins, helm, istiods, and the cluster's own controllers.
Source: https://kubernetes.io/docs/reference/instrumentation/metrics/ (apiserver_request_total)
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from meshfleet.processes.child_environment import client_environment

_SAMPLE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_WRITES = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})


@dataclass(frozen=True)
class Calls:
    """`total` without watches, which stay open, and without leases, which are renewed all the time."""

    total: int
    writes: int


def counted(metrics: str) -> Calls:
    """The calls in an API server's metrics, in Prometheus' text format."""
    total = writes = 0
    for sample in _SAMPLE.finditer(metrics):
        labels = dict(_LABEL.findall(sample["labels"]))
        if labels["verb"] in ("WATCH", "CONNECT") or labels.get("resource") == "leases":
            continue
        value = int(float(sample["value"]))
        total += value
        writes += value if labels["verb"] in _WRITES else 0
    return Calls(total, writes)


def api_calls(kubectl: Path, kubeconfig: Path) -> Calls:
    """Ask the API server. Raises `CalledProcessError`."""
    command = [str(kubectl), "--kubeconfig", str(kubeconfig), "get", "--raw", "/metrics"]
    done = subprocess.run(command, env=client_environment(), capture_output=True, text=True, check=True)
    return counted(done.stdout)
