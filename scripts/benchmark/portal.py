"""What a request takes through the API portal beside the direct one, over connections that are kept; in turn."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from meshfleet.identities.member import member
from meshfleet.identities.portal_access import PortalPlace, access_through
from meshfleet.kube.access import Access
from meshfleet.topology import read_stack_file
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage

STACK = "portal"
NAMESPACE, ACCOUNT = "shop", "deployer"
MEMBER = "ohio"
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps/kube-root-ca.crt"
_WARM, _PAIRS = 100, 1500
_SECONDS = 30.0
_TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class Kept:
    """A connection to one server as one sender."""

    connection: http.client.HTTPSConnection
    path: str
    token: str

    def seconds(self) -> float:
        """How long one request takes until its whole answer is here. Raises OSError, HTTPException."""
        begun = time.perf_counter()
        self.connection.request("GET", self.path, headers={"Authorization": f"Bearer {self.token}"})
        response = self.connection.getresponse()
        response.read()
        taken = time.perf_counter() - begun
        if response.status != 200:
            raise http.client.HTTPException(f"{self.path}: HTTP {response.status}")
        return taken


def portal(stage: Stage, runs: int) -> list[Row]:
    """GETs of a ConfigMap of a member by the same service account, alternating between portal and API server."""
    example = read_stack_file(stage.root / "stacks", "examples/portal")
    stage.write_stack(STACK, dict(example.config))
    stage.meshfleet("up", "--stack", STACK)
    told = stage.meshfleet("status", "--stack", STACK, "--json").output
    # What is said beside the document comes before it.
    status, _ = json.JSONDecoder().raw_decode(told[told.index("{") :])
    through, direct = _senders(status)
    try:
        taken = [_pairs(through, direct) for _ in range(runs)]
    finally:
        through.connection.close()
        direct.connection.close()
    stage.meshfleet("destroy", "--stack", STACK, "--yes")
    return rows(taken)


def rows(taken: Sequence[Sequence[tuple[float, float]]]) -> list[Row]:
    """A row for each percentile, from seconds through the portal and direct, pair by pair, of each run. Pure."""
    found = []
    for percent in (50, 95, 99):
        ours, other = (
            statistics.median(_percentile([pair[side] for pair in run], percent) for run in taken) for side in (0, 1)
        )
        what = f"p{percent} of a GET through the portal, 1 connection"
        found.append(Row(what, f"{ours:.2f} ms", f"API server {other:.2f} ms", f"{ours - other:+.2f} ms"))
    return found


def _percentile(seconds: Sequence[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1000


def _pairs(through: Kept, direct: Kept) -> list[tuple[float, float]]:
    for one in (through, direct) * _WARM:
        one.seconds()
    return [(through.seconds(), direct.seconds()) for _ in range(_PAIRS)]


def _senders(status: dict[str, Any]) -> tuple[Kept, Kept]:
    """The same service account through the portal, with a token of the host, and at the member with one of its own."""
    clusters = {one["name"]: one for one in status["clusters"]}
    place = PortalPlace(status["portal"]["url"], status["portal"]["certificateAuthority"])
    tokens, accesses = {}, {}
    for name in (status["portal"]["cluster"], MEMBER):
        with member(name, Path(clusters[name]["kubeconfig"]), clusters[name]["context"] or None) as known:
            tokens[name] = known.token(NAMESPACE, ACCOUNT, _TOKEN_SECONDS).text
            accesses[name] = known.access
    through = _kept(access_through(place, MEMBER), tokens[status["portal"]["cluster"]])
    return through, _kept(accesses[MEMBER], tokens[MEMBER])


def _kept(access: Access, token: str) -> Kept:
    at = urlsplit(access.server)
    authority = access.cluster["certificate-authority-data"]
    context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
    connection = http.client.HTTPSConnection(str(at.hostname), at.port, timeout=_SECONDS, context=context)
    return Kept(connection, f"{at.path}{PATH}", token)
