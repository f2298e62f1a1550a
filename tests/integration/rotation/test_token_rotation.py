"""A reader token is renewed under watch: peers hold a good token throughout, and the old one is worth nothing after.

Tokens are only ever compared by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from meshfleet.testing import FleetUnderTest, Istiod, Sandbox, settled
from tests.integration.fleets.workloads import service_with_a_pod
from tests.integration.rotation.fleet import CLUSTERS, STACK, configuration
from tests.tls_proxy import new_authority, proxy_before

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a reader token is renewed while peers always hold a good one", step=3),
]

NAME = "istio-reader-service-account-istio-remote-secret-token"
GATEWAY = "istio-eastwestgateway.istio-system.svc.cluster.local"


@dataclass
class Seen:
    """What the istiods said while the fleet was changed: by istiod, every set of states of the clusters it reads."""

    looks: int = 0
    states: dict[str, set[tuple[tuple[str, str], ...]]] = field(default_factory=dict)
    without_endpoints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fleet:
    """`fleet` is the running one, `trust` is what the stack file says of the roots."""

    sandbox: Sandbox
    fleet: FleetUnderTest
    trust: dict[str, Any]

    def declare(self, **discovery: object) -> None:
        """Write the stack file with this `discovery` of `west`."""
        config = configuration(self.trust)
        config["clusters"]["west"]["discovery"] = discovery
        self.sandbox.write_stack(STACK, config)

    def istiod(self, cluster: str) -> Istiod:
        """The debug API of the cluster's istiod."""
        return self.fleet.istiod(cluster)

    def look(self, seen: Seen) -> None:
        """Ask both istiods which clusters they read and whether they hold endpoints of both."""
        seen.looks += 1
        for cluster in CLUSTERS:
            found = tuple(sorted(self.istiod(cluster).sync().items()))
            seen.states.setdefault(cluster, set()).add(found)
            shards = self.istiod(cluster).shards().get(GATEWAY, {})
            seen.without_endpoints += [
                f"{cluster} of {name}" for name in CLUSTERS if name not in shards or not shards[name].endpoints
            ]

    def apply(self, **discovery: object) -> Seen:
        """Give `west` this `discovery`, bring the fleet up, and look 20 times a second until that has ended."""
        self.declare(**discovery)
        seen = Seen()
        command = self.sandbox.start("up", "--stack", STACK)
        while not ended(command.process, 0.05):
            self.look(seen)
        code = command.end()
        self.sandbox.printed.append(command.text)
        assert code == 0, command.text
        self.look(seen)
        return seen

    def token(self, secret: str) -> str | None:
        """The hash of the token in a Secret of `west`; None when there is no such Secret."""
        arguments = ("get", "secret", secret, "-n", "istio-system", "-o", "json")
        ran = self.sandbox.kubectl(STACK, "west", *arguments, expect=None)
        if ran.code != 0:
            assert "NotFound" in ran.err
            return None
        return digest(base64.b64decode(ran.report["data"]["token"]).decode())

    def held(self) -> dict[str, Any]:
        """What `east` reads `west` with: its address, and the hash of the token."""
        secret = self.sandbox.get(STACK, "east", "secret", "istio-remote-secrets", "-n", "istio-system")
        kubeconfig = json.loads(base64.b64decode(secret["data"]["west"]))
        cluster = kubeconfig["clusters"][0]["cluster"]
        return {
            "server": cluster["server"],
            "name": cluster.get("tls-server-name"),
            "token": digest(kubeconfig["users"][0]["user"]["token"]),
        }

    def appears(self, name: str) -> bool:
        """Make a Service with a Pod in `west`, and see whether the istiod of `east` comes to hold its endpoint."""
        file = self.sandbox.folder / f"{name}.json"
        file.write_text(json.dumps(service_with_a_pod(name)), encoding="utf-8")
        self.sandbox.kubectl(STACK, "west", "apply", "-f", str(file))
        host = f"{name}.sample.svc.cluster.local"

        def held() -> bool:
            shard = self.istiod("east").shards().get(host, {}).get("west")
            return shard is not None and shard.endpoints == 1

        return settled(held, 30)


def ended(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process ends within so long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture(scope="module")
def fleet(shared: Sandbox) -> Fleet:
    fleet = FleetUnderTest(shared, STACK)
    (mesh,) = fleet.status["meshes"]
    return Fleet(shared, fleet, {"roots": [root["name"] for root in mesh["roots"]]})


def secret_of(generation: int) -> str:
    return NAME if generation == 1 else f"{NAME}-{generation}"


@contextmanager
def as_peers(fleet: Fleet, generation: int) -> Iterator[Callable[[], int]]:
    """Asks `west` for its Services as its peers do, with the token of a generation; the status of the answer."""
    secret = fleet.sandbox.get(STACK, "west", "secret", secret_of(generation), "-n", "istio-system")
    token = base64.b64decode(secret["data"]["token"]).decode()
    headers = {"Authorization": f"Bearer {token}"}
    # It is this machine's own API server, whatever its certificate says.
    with httpx2.Client(headers=headers, verify=False, trust_env=False, timeout=10) as client:
        url = f"{fleet.held()['server']}/api/v1/services"
        yield lambda: client.get(url).status_code


def test_a_token_is_renewed_without_a_gap_and_the_old_one_is_refused_afterwards(fleet: Fleet) -> None:
    fleet.apply(token=1)
    old = fleet.token(secret_of(1))
    assert old is not None
    assert fleet.held()["token"] == old
    with as_peers(fleet, 1) as answer:
        assert answer() == 200

        seen = fleet.apply(token=2)
        assert seen.looks > 1
        for cluster, states in seen.states.items():
            # Never missing, never timed out or closed. While istiod reads a cluster anew with another token, its
            # debug API says so (`syncing`) and it keeps what it has: no look found endpoints gone.
            assert {tuple(name for name, _ in found) for found in states} == {("east", "west")}, cluster
            assert {state for found in states for _, state in found} <= {"synced", "syncing"}, cluster
        assert seen.states["west"] == {(("east", "synced"), ("west", "synced"))}
        assert seen.without_endpoints == []

        # Only now the old Secret is gone, and with it the old token.
        assert fleet.token(secret_of(1)) is None
        assert settled(lambda: answer() == 401, 30)
    new = fleet.token(secret_of(2))
    assert new is not None
    assert new != old
    assert fleet.held()["token"] == new
    # What is made from now on can only have been read with the new token.
    assert fleet.appears("later")
    assert fleet.sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}
    assert fleet.sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]


def test_a_token_stays_good_for_as_long_as_a_peer_cannot_be_given_the_new_one(fleet: Fleet) -> None:
    fleet.apply(token=3)
    old = fleet.token(secret_of(3))
    policy = fleet.sandbox.folder / "policy.json"
    policy.write_text(json.dumps(no_new_remote_secrets()), encoding="utf-8")
    fleet.sandbox.kubectl(STACK, "east", "apply", "-f", str(policy))
    change = ("annotate", "secret", "istio-remote-secrets", "-n", "istio-system", "a=b", "--dry-run=server")
    assert settled(lambda: fleet.sandbox.kubectl(STACK, "east", *change, expect=None).code != 0, 30)

    fleet.declare(token=4)
    with as_peers(fleet, 3) as answer:
        # Once and again: the engine by itself spares the old Secret in the first run only.
        for _ in range(2):
            ran = fleet.sandbox.meshfleet("up", "--stack", STACK, expect=1)
            assert "east: remote-secrets: " in ran.err
            assert fleet.held()["token"] == fleet.token(secret_of(3)) == old
            assert answer() == 200

        fleet.sandbox.kubectl(STACK, "east", "delete", "-f", str(policy))
        assert settled(lambda: fleet.sandbox.kubectl(STACK, "east", *change, expect=None).code == 0, 30)
        changes = fleet.sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"]
        assert changes == {"delete-replaced": 1, "update": 1}
        assert fleet.token(secret_of(3)) is None
        assert settled(lambda: answer() == 401, 30)
    assert fleet.held()["token"] == fleet.token(secret_of(4)) != old
    assert fleet.sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}


def test_peers_read_under_the_address_and_the_name_they_are_given(fleet: Fleet) -> None:
    port = fleet.sandbox.reservations()[f"{STACK}/cluster/west"]["kube-apiserver"]
    fleet.apply(token=5, server=f"https://localhost:{port}", tlsServerName="kubernetes.default.svc")
    held = fleet.held()
    assert (held["server"], held["name"]) == (f"https://localhost:{port}", "kubernetes.default.svc")
    assert held["token"] == fleet.token(secret_of(5))
    assert fleet.appears("elsewhere")
    assert fleet.sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]


@pytest.mark.proof("a link between clusters is tried before the one that works goes", step=3)
def test_a_link_that_cannot_work_does_not_take_the_place_of_one_that_does(fleet: Fleet, tmp_path: Path) -> None:
    fleet.apply(token=6)
    before, authority = fleet.held(), new_authority(tmp_path)
    port = fleet.sandbox.reservations()[f"{STACK}/cluster/west"]["kube-apiserver"]
    with proxy_before(port, authority) as proxy:
        server = f"https://127.0.0.1:{proxy}"
        fleet.declare(token=6, server=server)
        ran = fleet.sandbox.meshfleet("up", "--stack", STACK, expect=1)
        assert "east: remote-clusters: the control plane of east could not read west: " in ran.err
        assert "certificate" in ran.err
        assert "correct clusters.NAME.discovery (server, tlsServerName, certificateAuthority)" in ran.err
        # The old link is there and works.
        assert fleet.held() == before
        assert fleet.istiod("east").sync() == {"east": "synced", "west": "synced"}
        assert fleet.appears("kept")

        fleet.apply(token=6, server=server, certificateAuthority=str(authority.certificate))
        assert fleet.held()["server"] == server
        assert fleet.appears("behind-the-proxy")
        fleet.apply(token=6)
    assert fleet.held() == before


def no_new_remote_secrets() -> dict[str, Any]:
    """A policy under which a cluster keeps the remote secrets it has.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
    """
    group = "admissionregistration.k8s.io/v1"
    metadata = {"name": "no-new-remote-secrets"}
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["secrets"],
        "resourceNames": ["istio-remote-secrets"],
    }
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "not today"}],
    }
    binding = {"policyName": metadata["name"], "validationActions": ["Deny"]}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": policy},
            {"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": binding},
        ],
    }
