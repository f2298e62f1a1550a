"""A reader token is renewed under watch: peers hold a good token throughout, and the old one is worth nothing after.

Tokens are only ever compared by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests.integration.faults.stacks import small_fleet
from tests.integration.fleets.workloads import service_with_a_pod
from tests.integration.world import World, settled
from verification.istiod import service_shards

pytestmark = pytest.mark.proof("a reader token is renewed while peers always hold a good one", step=3)

STACK = "rotation"
CLUSTERS = ("west", "east")
OLD = "istio-reader-service-account-istio-remote-secret-token"
NEW = f"{OLD}-2"
GATEWAY = "istio-eastwestgateway.istio-system.svc.cluster.local"


@dataclass
class Seen:
    """What the istiods said while the fleet was changed: by istiod, every set of states of the clusters it reads."""

    looks: int = 0
    states: dict[str, set[tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    without_endpoints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fleet:
    world: World
    debug: dict[str, str]

    def page(self, cluster: str, page: str) -> Any:
        """A page of the debug API of the cluster's istiod."""
        return httpx2.get(f"{self.debug[cluster]}/debug/{page}", timeout=10, trust_env=False).raise_for_status().json()

    def look(self, seen: Seen) -> None:
        """Ask both istiods which clusters they read and whether they hold endpoints of both."""
        seen.looks += 1
        for cluster in CLUSTERS:
            found = tuple(sorted((entry["id"], entry["syncStatus"]) for entry in self.page(cluster, "clusterz")))
            seen.states.setdefault(cluster, set()).add(found)
            shards = service_shards(self.page(cluster, "endpointShardz")).get(GATEWAY, {})
            seen.without_endpoints += [
                f"{cluster} of {name}" for name in CLUSTERS if name not in shards or not shards[name].endpoints
            ]

    def apply(self, **discovery: object) -> Seen:
        """Give `west` this `discovery`, bring the fleet up, and look without a pause until that has ended."""
        self.world.clone.write_stack(STACK, config(**discovery))
        seen = Seen()
        process = self.world.start("up", "--stack", STACK)
        while process.poll() is None:
            self.look(seen)
        _, said = process.communicate()
        self.world.said.append(said)
        assert process.returncode == 0, said
        self.look(seen)
        return seen

    def token(self, secret: str) -> str | None:
        """The hash of the token in a Secret of `west`; None when there is no such Secret."""
        arguments = ("get", "secret", secret, "-n", "istio-system", "-o", "json")
        ran = self.world.kubectl(STACK, "west", *arguments, expect=None)
        if ran.code != 0:
            assert "NotFound" in ran.err
            return None
        return digest(base64.b64decode(ran.answer["data"]["token"]).decode())

    def held(self) -> dict[str, Any]:
        """What `east` reads `west` with: its address, and the hash of the token."""
        secret = self.world.get(STACK, "east", "secret", "istio-remote-secrets", "-n", "istio-system")
        kubeconfig = json.loads(base64.b64decode(secret["data"]["west"]))
        cluster = kubeconfig["clusters"][0]["cluster"]
        return {
            "server": cluster["server"],
            "name": cluster.get("tls-server-name"),
            "token": digest(kubeconfig["users"][0]["user"]["token"]),
        }

    def appears(self, name: str) -> bool:
        """Make a Service with a Pod in `west`, and see whether the istiod of `east` comes to hold its endpoint."""
        file = self.world.folder / f"{name}.json"
        file.write_text(json.dumps(service_with_a_pod(name)), encoding="utf-8")
        self.world.kubectl(STACK, "west", "apply", "-f", str(file))
        host = f"{name}.sample.svc.cluster.local"

        def held() -> bool:
            shard = service_shards(self.page("east", "endpointShardz")).get(host, {}).get("west")
            return shard is not None and shard.endpoints == 1

        return settled(held, 30)


def config(**discovery: object) -> dict[str, Any]:
    made = small_fleet(*CLUSTERS)
    if discovery:
        made["clusters"]["west"]["discovery"] = discovery
    return made


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture
def fleet(world: World) -> Iterator[Fleet]:
    world.clone.write_stack(STACK, config())
    world.meshfleet("up", "--stack", STACK, "--json")
    status = world.meshfleet("status", "--stack", STACK, "--json").answer
    yield Fleet(world, {entry["name"]: entry["controlPlane"]["debugUrl"] for entry in status["clusters"]})
    world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert world.remains(STACK) == []


def bearer(fleet: Fleet) -> httpx2.Client:
    """A client with the token that peers have now, as their istiods use it."""
    secret = fleet.world.get(STACK, "west", "secret", OLD, "-n", "istio-system")
    token = base64.b64decode(secret["data"]["token"]).decode()
    return httpx2.Client(
        base_url=fleet.held()["server"],
        headers={"Authorization": f"Bearer {token}"},
        # It is this machine's own API server.
        verify=False,
        trust_env=False,
        timeout=10,
    )


def test_a_token_is_renewed_without_a_gap_and_the_old_one_is_refused_afterwards(fleet: Fleet) -> None:
    old = fleet.token(OLD)
    assert old is not None
    assert fleet.held()["token"] == old
    with bearer(fleet) as peer:
        assert peer.get("/api/v1/services").status_code == 200

        seen = fleet.apply(token=2)
        assert seen.looks > 10
        for cluster, states in seen.states.items():
            # Never missing, never timed out or closed. While istiod reads a cluster anew with another token, its
            # debug API says so (`syncing`) and it keeps what it has: no look found endpoints gone.
            assert {tuple(name for name, _ in found) for found in states} == {("east", "west")}, cluster
            assert {state for found in states for _, state in found} <= {"synced", "syncing"}, cluster
        assert seen.states["west"] == {(("east", "synced"), ("west", "synced"))}
        assert seen.without_endpoints == []

        # Only now the old Secret is gone, and with it the old token.
        assert fleet.token(OLD) is None
        assert settled(lambda: peer.get("/api/v1/services").status_code == 401, 30)
    new = fleet.token(NEW)
    assert new is not None
    assert new != old
    assert fleet.held()["token"] == new
    # What is made from now on can only have been read with the new token.
    assert fleet.appears("later")

    assert fleet.world.meshfleet("up", "--stack", STACK, "--json").answer["changes"] == {}
    assert fleet.world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]

    port = fleet.world.reservations()[f"{STACK}/cluster/west"]["kube-apiserver"]
    fleet.apply(token=2, server=f"https://localhost:{port}", tlsServerName="kubernetes.default.svc")
    assert fleet.held() == {"server": f"https://localhost:{port}", "name": "kubernetes.default.svc", "token": new}
    assert fleet.appears("elsewhere")
    assert fleet.world.meshfleet("verify", "--stack", STACK, "--json").answer["ok"]
