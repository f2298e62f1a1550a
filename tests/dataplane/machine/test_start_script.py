"""What a machine runs is what Istio's own start script runs, with the same settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshfleet.dataplane.machine import start_script
from meshfleet.dataplane.machine.bundle_folder import bundle_of
from meshfleet.dataplane.node.programs import Role
from tests.dataplane.machine.bundles import files, made

pytestmark = pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=0)

BINARIES = Path("/programs")


def test_the_agent_has_the_bundles_settings_and_those_of_the_script() -> None:
    bundle = made()
    program = start_script.agent(bundle, "billing", "10.40.0.3", BINARIES)
    assert (program.name, program.arguments, program.role) == ("pilot-agent", ("proxy",), Role.PROXY)
    assert program.environment.items() >= bundle.variables.items()
    expected = {
        "CA_ADDR": "istiod.istio-system.svc:15012",
        "PROV_CERT": "./etc/certs",
        "OUTPUT_CERTS": "./etc/certs",
        "INSTANCE_IP": "10.40.0.3",
        "POD_NAME": "billing",
        "POD_NAMESPACE": "orders",
        "ISTIO_META_DNS_CAPTURE": "true",
        "ISTIO_BOOTSTRAP": "/programs/envoy_bootstrap.json",
    }
    assert program.environment.items() >= expected.items()
    config = json.loads(program.environment["PROXY_CONFIG"])
    assert config["serviceCluster"] == "billing.orders"
    assert config["binaryPath"] == "/programs/envoy"


def test_a_revision_and_an_address_are_those_of_the_bundle() -> None:
    program = start_script.agent(made(revision="green", address="10.40.0.4"), "billing", "10.40.0.3", BINARIES)
    assert program.environment["CA_ADDR"] == "istiod-green.istio-system.svc:15012"
    assert program.environment["INSTANCE_IP"] == "10.40.0.4"


def test_rules_are_removed_and_written_with_the_right_to_write_rules() -> None:
    bundle = made()
    clean, capture = start_script.rules(bundle)
    assert {capture.role, clean.role} == {Role.RULES}
    assert capture.arguments == ("istio-iptables", "--native-nftables")
    assert clean.arguments == (*capture.arguments, "--cleanup-only")
    # What is taken is said by the variables of the bundle.
    assert capture.environment["ISTIO_INBOUND_PORTS"] == "*"
    assert capture.environment["ISTIO_LOCAL_EXCLUDE_PORTS"] == "22,15090,15021,15020"


def test_a_gateway_runs_as_a_router_without_rules_and_no_bundle_adds_other_flags() -> None:
    gateway = bundle_of(files() | {"cluster.env": "ISTIO_AGENT_FLAGS='router'\nISTIO_CUSTOM_IP_TABLES='true'\n"})
    assert start_script.rules(gateway) == ()
    program = start_script.agent(gateway, "edge", "10.40.0.3", BINARIES)
    assert program.arguments == ("proxy", "router")
    assert "ISTIO_AGENT_FLAGS" not in program.environment
    other = bundle_of(files() | {"cluster.env": "ISTIO_AGENT_FLAGS='router --templateFile /etc/shadow'\n"})
    assert start_script.agent(other, "edge", "10.40.0.3", BINARIES).arguments == ("proxy",)


def test_the_application_listens_at_the_declared_ports_and_at_no_other_fixed_one() -> None:
    program = start_script.application({"HTTP": [8080, 8081], "GRPC": [9090]}, "west", "v2")
    assert (program.name, program.role) == ("echo-server", Role.APPLICATION)
    listening = ("--port=8080", "--port=8081", "--grpc=9090", "--tcp=0")
    assert program.arguments == (*listening, "--cluster=west", "--version=v2")


def test_files_lie_where_istio_looks_for_them() -> None:
    assert start_script.FILES == {
        "root-cert.pem": "etc/certs/root-cert.pem",
        "istio-token": "var/run/secrets/tokens/istio-token",
        "cluster.env": "var/lib/istio/envoy/cluster.env",
        "mesh.yaml": "etc/istio/config/mesh",
    }
