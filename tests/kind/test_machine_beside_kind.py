"""Beside clusters in containers: a virtual machine joined from its bundle, a gateway at node ports, cert-manager."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from cryptography import x509

from meshfleet.containers.engine import Engine
from meshfleet.dataplane.machine.bundle_folder import read_bundle
from meshfleet.dataplane.machine.istiod_reached import require_istiod
from meshfleet.dataplane.machine.machine import Listening, Machine
from meshfleet.files.json_text import parse_json
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain import Toolchain
from meshfleet.verification.traffic import Target, send
from meshfleet.workspace.home import Workspace
from tests.kind.docker_link import DockerLink
from tests.kind.fleets import KindFleet, kind_fleet

STACK = "kind-machine"
CONFIG: dict[str, Any] = {
    "host": "west",
    "meshes": {
        "shop": {
            "settings": {"mtls": "strict"},
            "trust": {"issuer": "cert-manager", "certManager": {"cluster": "hub"}},
        },
        "operations": {},
    },
    "networks": {"coast": {}, "inland": {}, "hill": {}},
    "clusters": {
        "west": {"kind": {}, "network": "coast", "mesh": "shop"},
        "east": {
            "kind": {},
            "network": "inland",
            "mesh": "shop",
            "eastWestGateway": {"type": "NodePort", "nodePorts": {"tls": 31443}},
        },
        # No control plane of the shop reads it.
        "hub": {"kind": {}, "network": "hill", "mesh": "operations"},
    },
    "namespaces": {"sample": {"injection": True, "clusters": ["west", "east"]}},
    "workloads": {"echo": {"namespace": "sample"}},
    "virtualMachines": {
        "billing": {
            "namespace": "sample",
            "cluster": "west",
            "ports": {"http": {"port": 8080}},
            "probe": {"http": {"port": 8080, "path": "/"}, "periodSeconds": 1},
        },
    },
}
ECHO = "echo.sample.svc.cluster.local"
BILLING = "http://billing.sample.svc.cluster.local:8080"
BOTH = {"west", "east"}


@pytest.fixture(scope="module")
def fleet(engine: Engine) -> Iterator[KindFleet]:
    """The fleet, destroyed at the end."""
    with kind_fleet(STACK, CONFIG) as made:
        yield made


@pytest.fixture(scope="module")
def machine(fleet: KindFleet, engine: Engine, toolchain: Toolchain) -> Iterator[Machine]:
    """The machine, set up from its bundle alone."""
    west = fleet.get("west", "nodes")["items"][0]["status"]["addresses"]
    link = DockerLink(engine, next(one["address"] for one in west if one["type"] == "InternalIP"))
    folder = fleet.sandbox.folder / "bundle"
    fleet.sandbox.meshfleet("vm", "bundle", "billing", "--stack", STACK, "--out", str(folder))
    made = Machine(Workspace(STACK, fleet.sandbox.home), "billing", link.address)
    with (
        patch("meshfleet.dataplane.machine.machine.machine_network.connect", link.connect),
        patch("meshfleet.dataplane.machine.machine.machine_network.disconnect", link.disconnect),
        patch.dict(os.environ, {"MESHFLEET_TOOLS": str(toolchain.bin)}),
    ):
        try:
            bundle = read_bundle(folder)
            made.create(bundle, "coast", alone_there=True)
            require_istiod(made.namespace, bundle)
            made.start_application(Listening({"HTTP": [8080]}, "west", "billing"))
            made.start_agent()
            yield made
        finally:
            made.remove()


@pytest.mark.proof("gateways at node ports and behind port maps", step=5)
@pytest.mark.parametrize("cluster", sorted(BOTH))
def test_requests_cross_to_a_gateway_at_a_node_port(fleet: KindFleet, cluster: str) -> None:
    fleet.send_until(cluster, "echo", f"http://{ECHO}", 50, BOTH)


@pytest.mark.proof("gateways at node ports and behind port maps", step=5)
def test_a_gateway_at_a_node_port_is_verified(fleet: KindFleet) -> None:
    checks = fleet.run("verify", "--json").report["checks"]
    assert [one for one in checks if not one["ok"]] == []
    assert {one["name"] for one in checks} >= {"network-gateways", "traffic-reach"}


@pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=5)
def test_the_machine_is_answered_by_pods_of_both_clusters(fleet: KindFleet, machine: Machine) -> None:
    service = fleet.get("west", "service", "echo", "-n", "sample")["spec"]["clusterIP"]

    def answered() -> None:
        replies = send(machine.namespace, Target(service, 80, ECHO), 50, 5.0)
        if {one.code for one in replies} != {200} or {one.cluster for one in replies} != BOTH:
            raise NotYetError(str(Counter((one.code, one.cluster, one.fault) for one in replies)))
        assert {one.peer for one in replies} == {"spiffe://cluster.local/ns/sample/sa/billing"}

    wait_until(answered, "answers of both clusters to the machine", 60, f"see {machine.log}", every=1)


@pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=5)
@pytest.mark.parametrize("cluster", sorted(BOTH))
def test_pods_of_both_clusters_are_answered_by_the_machine(fleet: KindFleet, machine: Machine, cluster: str) -> None:
    assert machine.exists()
    answers = fleet.send_until(cluster, "echo", BILLING, 20, {"west"})
    assert answers.callers == {"spiffe://cluster.local/ns/sample/sa/echo"}


@pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=5)
def test_a_machine_that_has_gone_is_forgotten(fleet: KindFleet, machine: Machine) -> None:
    machine.stop_agent()

    def forgotten() -> None:
        if found := fleet.get("west", "workloadentries", "-n", "sample")["items"]:
            raise NotYetError(f"{len(found)} WorkloadEntries")

    wait_until(forgotten, "the WorkloadEntry of the machine to go", 60, "see the log of istiod", every=1)


def signing(fleet: KindFleet, cluster: str) -> x509.Certificate:
    """The intermediate that signed the certificate of a cluster's echo."""
    command = ("exec", "-n", "sample", "deployment/echo-v1", "-c", "istio-proxy", "--", "pilot-agent", "request", "GET")
    printed = fleet.kubectl(cluster, *command, "config_dump?resource=dynamic_active_secrets").out
    # The agent may log a line before it.
    dump = parse_json(printed[printed.index("{") :])
    secrets = {one["name"]: one["secret"] for one in dump["configs"]}
    chain = base64.b64decode(secrets["default"]["tls_certificate"]["certificate_chain"]["inline_bytes"])
    return x509.load_pem_x509_certificates(chain)[1]


def issued(fleet: KindFleet, cluster: str) -> x509.Certificate:
    """The intermediate that cert-manager has issued for a cluster."""
    secret = fleet.get("hub", "secret", f"intermediate-{cluster}", "-n", "meshfleet-trust")
    return x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))


@pytest.mark.proof("intermediates that cert-manager issues", step=5)
def test_cert_manager_is_the_three_deployments_of_its_own_chart(fleet: KindFleet) -> None:
    found = fleet.get("hub", "deployments", "-n", "meshfleet-trust")["items"]
    ready = {one["metadata"]["name"]: one["status"].get("readyReplicas") for one in found}
    assert ready == dict.fromkeys(("cert-manager", "cert-manager-cainjector", "cert-manager-webhook"), 1)
    # And no process beside the cluster.
    assert not list(fleet.sandbox.home.glob("fleets/*/cert-managers/*"))


@pytest.mark.proof("intermediates that cert-manager issues", step=5)
def test_its_webhook_refuses_what_is_no_valid_certificate(fleet: KindFleet) -> None:
    spec = {"secretName": "bad", "dnsNames": ["bad.example"], "duration": "1h", "renewBefore": "2h"}
    body = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "bad", "namespace": "meshfleet-trust"},
        "spec": spec | {"issuerRef": {"name": "root-shop-first"}},
    }
    path = fleet.sandbox.folder / "bad.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    refused = fleet.kubectl("hub", "create", "-f", str(path), expect=None)
    assert refused.code == 1
    assert 'admission webhook "webhook.cert-manager.io" denied the request' in refused.text
    assert "spec.renewBefore" in refused.text


@pytest.mark.proof("intermediates that cert-manager issues", step=5)
@pytest.mark.parametrize("cluster", sorted(BOTH))
def test_pods_have_certificates_below_what_cert_manager_has_issued(fleet: KindFleet, cluster: str) -> None:
    assert signing(fleet, cluster) == issued(fleet, cluster)


@pytest.mark.proof("intermediates that cert-manager issues", step=5)
def test_one_that_cert_manager_renewed_is_taken_up_by_the_running_istiod(fleet: KindFleet) -> None:
    before = issued(fleet, "west")
    fleet.kubectl("hub", "delete", "secret", "intermediate-west", "-n", "meshfleet-trust")

    def renewed() -> None:
        if fleet.kubectl("hub", "get", "secret", "intermediate-west", "-n", "meshfleet-trust", expect=None).code:
            raise NotYetError("no Secret")

    wait_until(renewed, "cert-manager to issue it again", 60, "see the log of the pod of its controller")
    istiods = fleet.names("west", "pods", "-n", "istio-system", "-l", "app=istiod")
    assert any("cacerts" in change for change in fleet.preview())
    fleet.up()
    assert issued(fleet, "west") != before

    def taken_up() -> None:
        fleet.kubectl("west", "rollout", "restart", "-n", "sample", "deployment/echo-v1")
        fleet.kubectl("west", "rollout", "status", "-n", "sample", "deployment/echo-v1", "--timeout=50s")
        if signing(fleet, "west") != issued(fleet, "west"):
            raise NotYetError("istiod signs with the one of before")

    # A node shows a pod the changed Secret within a minute or two, and at once where an annotation of the pod changes:
    # https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/
    for pod in istiods:
        fleet.kubectl("west", "annotate", "pod", pod, "-n", "istio-system", "meshfleet.test/renewed=yes")
    wait_until(taken_up, "istiod to sign with it", 240, "see the log of istiod", every=2)
    assert fleet.names("west", "pods", "-n", "istio-system", "-l", "app=istiod") == istiods
    fleet.send_until("west", "echo", f"http://{ECHO}", 20, BOTH)
