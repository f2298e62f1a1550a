"""Virtual machines that really join: network namespaces set up from bundles alone, with real proxies and packets.

West and its machine `billing` are on the coast, east with the workload `shop` and the machine `ledger` inland; no
packet goes from one network to the other but through gateways.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from meshfleet.dataplane.machine.bundle_folder import bundle_of, read_bundle
from meshfleet.dataplane.machine.istiod_reached import require_istiod
from meshfleet.dataplane.machine.machine import AGENT, APPLICATION, Machine
from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.place import Place
from meshfleet.errors import CertificateError, ProcessError
from meshfleet.plugins.meshfleet.certificates import RootSpec, create_root
from meshfleet.status import read_status
from meshfleet.testing import CommandResult, Sandbox, settled
from meshfleet.toolchain import Toolchain
from meshfleet.topology import Fleet, load
from meshfleet.verification.traffic import Reply, Target, send, wait_for_reply
from meshfleet.virtual_machines import local_machines as machines_here
from meshfleet.virtual_machines.local_machines import await_registered, listening
from meshfleet.workspace.home import Workspace
from tests.integration.clone import Clone
from tests.integration.fleets.name_query import addresses_of

pytestmark = [
    pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=4),
    pytest.mark.root("machines in network namespaces"),
]

STACK = "machines-here"
CONFIG: dict[str, Any] = {
    "host": "west",
    "meshes": {"shop": {"settings": {"mtls": "strict"}}},
    "networks": {"coast": {}, "inland": {}},
    "clusters": {
        "west": {"embedded": {"pods": "processes"}, "network": "coast", "region": "west", "zone": "west-a"},
        "east": {"embedded": {"pods": "processes"}, "network": "inland", "region": "east", "zone": "east-a"},
    },
    "namespaces": {"orders": {"injection": True}},
    "workloads": {"shop": {"namespace": "orders", "clusters": ["east"]}},
    "virtualMachines": {
        "billing": {
            "namespace": "orders",
            "cluster": "west",
            "serviceAccount": "clerk",
            "ports": {"http": {"port": 8080}},
            "probe": {"http": {"port": 8080, "path": "/"}, "periodSeconds": 1},
            "tokenLifetime": "10m",
        },
        "ledger": {
            "namespace": "orders",
            "cluster": "east",
            "ports": {"http": {"port": 8081}},
            "probe": {"tcp": {"port": 8081}, "periodSeconds": 1},
            "addresses": ["10.30.0.7"],
            "service": "service-entry",
            "host": "ledger.machines.local",
        },
    },
}
BILLING, SHOP, LEDGER = "billing.orders.svc.cluster.local", "shop.orders.svc.cluster.local", "ledger.machines.local"
# Longer than the ten seconds that istiod waits for a machine that has gone.
SOON = 40.0


@dataclass
class Here:
    """The fleet, and what its machines and API servers say when asked."""

    sandbox: Sandbox
    folder: Path
    fleet: Fleet

    @cached_property
    def status(self) -> dict[str, Any]:
        return self.sandbox.meshfleet("status", "--stack", STACK, "--json").report

    @property
    def workspace(self) -> Workspace:
        return Workspace(STACK, self.sandbox.home)

    @property
    def pod(self) -> str:
        """The network namespace of the pod of `shop`, which is in east."""
        (found,) = self.sandbox.get(STACK, "east", "pods", "--namespace", "orders")["items"]
        return Place.of(self.workspace).pod("east", found["metadata"]["uid"])

    def vm(self, *arguments: str, expect: int | None = 0) -> CommandResult:
        command, *rest = arguments
        return self.sandbox.meshfleet("vm", command, *rest, "--stack", STACK, expect=expect)

    def bundle(self, name: str, to: str) -> Path:
        """A new bundle."""
        self.vm("bundle", name, "--out", str(self.folder / to))
        return self.folder / to

    def verified(self, *options: str, expect: int = 0) -> dict[tuple[str, str], dict[str, Any]]:
        """The answers of `meshfleet verify` by check and cluster."""
        ran = self.sandbox.meshfleet("verify", "--stack", STACK, "--json", *options, expect=expect)
        return {(check["name"], check["cluster"]): check for check in ran.report["checks"]}

    def entries(self, cluster: str) -> dict[str, dict[str, Any]]:
        """The WorkloadEntries of a cluster by the addresses they are for."""
        found = self.sandbox.get(STACK, cluster, "workloadentries.networking.istio.io", "--namespace", "orders")[
            "items"
        ]
        return {entry["spec"]["address"]: entry for entry in found}

    def healthy(self, machine: Machine, cluster: str = "west") -> bool | None:
        """What istiod has heard of a machine's health; None when nothing."""
        status = self.entries(cluster).get(machine.address, {}).get("status", {})
        told = {one["type"]: one["status"] for one in status.get("conditions", ())}
        return told["Healthy"] == "True" if "Healthy" in told else None

    def called(self, count: int = 5) -> list[Reply]:
        """Requests from the pod in east to the machines `billing` in west."""
        service = self.sandbox.get(STACK, "east", "service", "billing", "--namespace", "orders")
        return send(self.pod, Target(service["spec"]["clusterIP"], 8080, BILLING), count, 3.0)

    def answers(self, machine: Machine) -> bool:
        """Whether the pod in east is answered, by the machines of west alone."""
        return {(one.code, one.cluster, one.version) for one in self.called()} == {(200, "west", machine.group)}


@pytest.fixture(scope="module")
def here(clone: Clone, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    clone.write_stack(STACK, CONFIG)
    with clone.sandbox() as sandbox:
        made = Here(sandbox, tmp_path_factory.mktemp("bundles"), load(STACK, CONFIG))
        try:
            sandbox.meshfleet("up", "--stack", STACK, "--json")
            yield made
        finally:
            # With a machine that runs: it goes too.
            sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
            assert namespaces.names(Place.of(made.workspace).prefix) == ()
            assert not Place.of(made.workspace).directory.exists()
        assert sandbox.remains(STACK) == []


@pytest.fixture(scope="module")
def billing(here: Here) -> Machine:
    """A machine of the group, started by the command from the folder of a bundle."""
    told = here.vm("start", "billing", "--bundle", str(here.bundle("billing", "billing")), "--json").report
    machine = Machine(here.workspace, "billing")
    assert (told["address"], told["namespace"]) == (machine.address, machine.namespace)
    return machine


def test_a_machine_registers_itself_from_its_bundle_alone_and_turns_healthy(here: Here, billing: Machine) -> None:
    entry = here.entries("west")[billing.address]
    assert entry["metadata"]["name"] == f"billing-{billing.address}-coast"
    assert entry["metadata"]["annotations"]["istio.io/autoRegistrationGroup"] == "billing"
    assert (entry["spec"]["network"], entry["spec"]["serviceAccount"]) == ("coast", "clerk")
    assert entry["spec"]["locality"] == "west/west-a"
    assert here.healthy(billing) is True
    (listed,) = [one for one in here.vm("list", "--json").report["virtualMachines"] if one["name"] == "billing"]
    name = entry["metadata"]["name"]
    assert listed["registered"] == [{"name": name, "address": billing.address, "connected": True, "healthy": True}]


def test_its_certificate_is_its_identity_and_its_secrets_are_its_agents_alone(billing: Machine) -> None:
    certificate = certificate_of(billing)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    identities = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert identities == ["spiffe://cluster.local/ns/orders/sa/clerk"]
    secret = ("var/run/secrets/tokens/istio-token", "etc/certs/key.pem", "var/lib/istio/envoy/cluster.env")
    assert {stat.S_IMODE((billing.files.root / place).stat().st_mode) for place in secret} == {0o600}
    assert stat.S_IMODE(billing.files.root.stat().st_mode) == 0o700


def test_a_pod_of_another_cluster_calls_it_and_it_sees_who_called(here: Here, billing: Machine) -> None:
    replies = here.called(20)
    assert {(one.code, one.cluster, one.version) for one in replies} == {(200, "west", "billing")}
    assert {one.peer for one in replies} == {"spiffe://cluster.local/ns/orders/sa/shop"}


def test_it_calls_a_workload_by_the_name_its_proxy_resolves(here: Here, billing: Machine) -> None:
    (address,) = addresses_of(billing.namespace, nameserver(billing), SHOP)
    service = here.sandbox.get(STACK, "west", "service", "shop", "--namespace", "orders")
    assert address == service["spec"]["clusterIP"]
    replies = send(billing.namespace, Target(address, 80, SHOP), 20, 3.0)
    assert {(one.code, one.cluster) for one in replies} == {(200, "east")}
    assert {one.peer for one in replies} == {"spiffe://cluster.local/ns/orders/sa/clerk"}


def test_a_machine_of_a_fixed_address_is_called_by_a_name_of_its_own(here: Here, billing: Machine) -> None:
    started = here.vm("start", "ledger", "--json").report
    assert (started["address"], started["entry"]) == ("10.30.0.7", "ledger-10-30-0-7")
    ledger = Machine(here.workspace, "ledger", "10.30.0.7")
    assert here.healthy(ledger, "east") is True
    (address,) = addresses_of(billing.namespace, nameserver(billing), LEDGER)
    replies = send(billing.namespace, Target(address, 8081, LEDGER), 5, 3.0)
    assert {(one.code, one.cluster, one.version) for one in replies} == {(200, "east", "ledger")}
    assert {one.peer for one in replies} == {"spiffe://cluster.local/ns/orders/sa/clerk"}
    # By its name through the gateway; its address, of the other network, leads nowhere.
    (reply,) = send(billing.namespace, Target("10.30.0.7", 8081, "10.30.0.7"), 1, 15.0)
    assert reply.code in (0, 503)


def test_it_gets_no_requests_while_its_application_is_down(here: Here, billing: Machine) -> None:
    assert here.answers(billing)
    billing.stop_application()
    assert billing.running() == (AGENT,)
    assert settled(lambda: here.healthy(billing) is False, SOON)
    assert settled(lambda: {one.code for one in here.called()} == {503}, SOON)
    billing.start_application(listening(here.fleet, "billing"))
    assert settled(lambda: here.healthy(billing) is True, SOON)
    assert settled(lambda: here.answers(billing), SOON)
    assert billing.running() == (AGENT, APPLICATION)


def test_a_token_that_is_no_longer_good_does_not_cut_it_off(here: Here, billing: Machine) -> None:
    before = certificate_of(billing)
    token = billing.files.root / "var/run/secrets/tokens/istio-token"
    good = token.read_text(encoding="utf-8")
    assert good != no_longer_good(good)
    token.write_text(no_longer_good(good), encoding="utf-8")
    billing.stop_agent()
    assert billing.running() == (APPLICATION,)
    billing.start_agent()
    await_registered(read_status(here.status), "billing", billing.address)
    assert settled(lambda: here.answers(billing), SOON)
    after = certificate_of(billing)
    assert after.serial_number != before.serial_number
    assert after.not_valid_after_utc > before.not_valid_after_utc


def test_that_token_would_not_have_let_it_in(here: Here) -> None:
    files = read_bundle(here.bundle("billing", "for-the-token")).files
    refused = Machine(here.workspace, "billing", "10.40.0.8")
    try:
        refused.create(bundle_of({**files, "istio-token": no_longer_good(files["istio-token"])}), "coast")
        with pytest.raises(ProcessError, match="istiod rejects its token, which has expired or belongs to another"):
            refused.start_agent()
        assert "10.40.0.8" not in here.entries("west")
    finally:
        refused.remove()


def test_a_bundle_of_other_machines_is_refused_before_anything_is_started(here: Here) -> None:
    folder = here.bundle("ledger", "ledger-for-billing")
    refused = here.vm("start", "billing", "--bundle", str(folder), "--address", "10.40.0.9", expect=1)
    assert "is not one of billing: it is for the cluster east, not west; it is for the workload ledger" in refused.err
    assert "make one with meshfleet vm bundle --stack " in refused.err
    assert refused.err.rstrip().endswith(" --out OUT billing")
    assert not Machine(here.workspace, "billing", "10.40.0.9").exists()


def test_a_machine_that_comes_as_one_of_another_cluster_is_not_let_in(here: Here) -> None:
    files = dict(read_bundle(here.bundle("billing", "of-another-cluster")).files)
    for name, separator in (("cluster.env", "='{}'"), ("mesh.yaml", ": {}")):
        line = f"ISTIO_META_CLUSTER_ID{separator}"
        assert line.format("west") in files[name]
        files[name] = files[name].replace(line.format("west"), line.format("east"))
    refused = Machine(here.workspace, "billing", "10.40.0.10")
    try:
        refused.create(bundle_of(files), "coast")
        with pytest.raises(ProcessError, match=r"authenticat.*failure.*or belongs to another cluster; start the"):
            refused.start_agent()
        assert "10.40.0.10" not in {**here.entries("west"), **here.entries("east")}
    finally:
        refused.remove()


def test_a_bundle_of_another_mesh_is_refused_by_its_roots(here: Here, billing: Machine) -> None:
    files = read_bundle(here.bundle("billing", "of-another-mesh")).files
    # As the bundle of another fleet with the same names would have it.
    root = create_root(RootSpec("Root CA", "elsewhere", "ecdsa-p256", 30), datetime.now(UTC))
    other = bundle_of({**files, "root-cert.pem": root.certificate})
    stranger = Machine(here.workspace, "billing", "10.40.0.11")
    try:
        stranger.create(other, "coast")
        with pytest.raises(CertificateError, match="is not of the mesh that the bundle is for"):
            require_istiod(stranger.namespace, other)
        require_istiod(stranger.namespace, bundle_of(files))
    finally:
        stranger.remove()


def test_machines_of_one_group_share_its_requests_and_one_that_goes_is_forgotten(here: Here, billing: Machine) -> None:
    second = machines_here.start(here.fleet, here.workspace, read_status(here.status), "billing", "10.40.0.12").machine
    service = here.sandbox.get(STACK, "east", "service", "billing", "--namespace", "orders")
    assert wait_for_reply(here.pod, Target(service["spec"]["clusterIP"], 8080, BILLING), 5.0, version="billing").peer
    assert set(here.entries("west")) >= {billing.address, "10.40.0.12"}
    assert here.vm("stop", "billing", "--address", "10.40.0.12", "--json").report["stopped"] == [second.name]
    assert not second.exists()
    assert not second.files.directory.exists()
    assert settled(lambda: "10.40.0.12" not in here.entries("west"), SOON)
    assert billing.address in here.entries("west")
    assert settled(lambda: here.answers(billing), SOON)


def test_a_machine_that_was_killed_is_seen_and_started_again(here: Here, billing: Machine) -> None:
    address = billing.address
    billing.stop_agent()
    answers = here.verified("--seconds", "2", expect=1)
    assert answers["virtual-machines", "west"]["detail"].endswith(
        f"its agent has stopped; run meshfleet vm start --stack {STACK} billing"
    )
    assert here.vm("start", "billing", "--json").report["address"] == address
    answers = here.verified()
    assert [check for check in answers.values() if not check["ok"]] == []
    assert ("virtual-machines", "west") in answers


def certificate_of(machine: Machine) -> x509.Certificate:
    """The certificate that the agent of a machine keeps."""
    return x509.load_pem_x509_certificates((machine.files.root / "etc/certs/cert-chain.pem").read_bytes())[0]


def nameserver(machine: Machine) -> str:
    """Whom programs on a machine ask for names."""
    words = (machine.files.directory / "resolv.conf").read_text(encoding="utf-8").split()
    return words[words.index("nameserver") + 1]


def no_longer_good(token: str) -> str:
    """The same token with another signature."""
    body, _, signature = token.rpartition(".")
    return f"{body}.{signature[::-1]}"
