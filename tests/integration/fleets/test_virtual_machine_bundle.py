"""Bundles of virtual machines from a running fleet, held against those that the real istioctl makes.

The fleet is that of the example, a mesh on two networks, with one cluster alone in another mesh, and two revisions of
Istio side by side in each cluster.
"""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from meshfleet.manifests.virtual_machines import group
from meshfleet.testing import CommandResult, FleetUnderTest, Sandbox
from meshfleet.toolchain import Toolchain
from meshfleet.topology import Fleet, load
from tests.integration.clone import Clone
from tests.manifests.machines import CONFIG, STACK, environment, proxy_config

GATEWAYS = {"billing": "west", "ledger": "east", "printer": "alone"}

pytestmark = [pytest.mark.extended, pytest.mark.proof("virtual machines: their bundle is that of istioctl", step=3)]


@dataclass(frozen=True)
class Machines:
    """The fleet, its status, and where bundles are written."""

    sandbox: Sandbox
    toolchain: Toolchain
    status: dict[str, Any]
    folder: Path

    def entry(self, cluster: str) -> dict[str, Any]:
        """What status says of a cluster."""
        return next(entry for entry in self.status["clusters"] if entry["name"] == cluster)

    def bundle(self, name: str, to: str, *options: str, expect: int | None = 0) -> CommandResult:
        """Run `meshfleet vm bundle`."""
        arguments = ("vm", "bundle", name, "--stack", STACK, "--out", str(self.folder / to), *options)
        return self.sandbox.meshfleet(*arguments, expect=expect)

    def istioctl(self, fleet: Fleet, name: str, to: str, *options: str) -> dict[str, str]:
        """The files that istioctl makes of the same group, which is in the cluster unless addresses are fixed."""
        declared, cluster = fleet.virtual_machines[name], self.entry(GATEWAYS[name])
        source = ["--name", name, "--namespace", declared.namespace]
        if declared.addresses:
            file = self.folder / f"{to}.yaml"
            file.write_text(json.dumps(group(fleet, name)), encoding="utf-8")
            source = ["--file", str(file)]
        command = [str(self.toolchain.bin / "istioctl"), "--kubeconfig", cluster["kubeconfig"], "x", "workload"]
        command += ["entry", "configure", *source, "--output", str(self.folder / to), *options]
        self.sandbox.run([*command, "--clusterID", cluster["name"]], seconds=60)
        return read(self.folder / to)


@pytest.fixture(scope="module")
def machines(clone: Clone, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    clone.write_stack(STACK, CONFIG)
    with clone.sandbox() as sandbox:
        sandbox.meshfleet("up", "--stack", STACK, "--json")
        status = sandbox.meshfleet("status", "--stack", STACK, "--json").report
        yield Machines(sandbox, toolchain, status, tmp_path_factory.mktemp("bundles"))
        sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
        assert sandbox.remains(STACK) == []


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return load(STACK, CONFIG)


def read(folder: Path) -> dict[str, str]:
    """The files of a bundle by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def claims(token: str) -> dict[str, Any]:
    """What a token says of itself."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def assert_same(made: dict[str, str], theirs: dict[str, str], lifetime: int, more: dict[str, str]) -> None:
    """Compare two bundles field by field; `more` is what only ours says of the proxy."""
    assert made.keys() == theirs.keys() == {"cluster.env", "mesh.yaml", "root-cert.pem", "istio-token", "hosts"}
    assert environment(made["cluster.env"]) == environment(theirs["cluster.env"]) | more
    proxy, expected_proxy = proxy_config(made["mesh.yaml"]), proxy_config(theirs["mesh.yaml"])
    expected_proxy["proxyMetadata"] |= more
    assert proxy == expected_proxy
    assert made["root-cert.pem"] == theirs["root-cert.pem"]
    assert made["root-cert.pem"].startswith("-----BEGIN CERTIFICATE-----")
    assert made["hosts"] == theirs["hosts"]
    assert len(made["hosts"].split()) == 2
    token, expected_token = claims(made["istio-token"]), claims(theirs["istio-token"])
    assert token["aud"] == expected_token["aud"] == ["istio-ca"]
    assert (token["iss"], token["sub"]) == (expected_token["iss"], expected_token["sub"])
    assert token["exp"] - token["iat"] == expected_token["exp"] - expected_token["iat"] == lifetime


def test_a_group_on_one_of_two_networks_has_the_bundle_that_istioctl_makes(machines: Machines, fleet: Fleet) -> None:
    told = machines.bundle("billing", "billing", "--json").report
    files = ("cluster.env", "mesh.yaml", "root-cert.pem", "istio-token", "hosts")
    assert told["files"] == [str(machines.folder / "billing" / name) for name in files]
    theirs = machines.istioctl(fleet, "billing", "billing-istioctl", "--autoregister", "--tokenDuration", "7200")
    made = read(machines.folder / "billing")
    assert_same(made, theirs, 7200, {})
    proxy = proxy_config(made["mesh.yaml"])
    assert proxy["proxyMetadata"]["ISTIO_META_NETWORK"] == "coast"
    assert proxy["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": 8080}
    assert made["hosts"] == f"{machines.entry('west')['gateway']['address']} istiod.istio-system.svc\n"


def test_a_machine_with_a_fixed_address_names_its_entry_and_its_address(machines: Machines, fleet: Fleet) -> None:
    machines.bundle("ledger", "ledger", "--address", "10.30.0.8")
    theirs = machines.istioctl(fleet, "ledger", "ledger-istioctl", "--internalIP", "10.30.0.8")
    made = read(machines.folder / "ledger")
    assert_same(made, theirs, 3600, {"ISTIO_META_WORKLOAD_ENTRY": "ledger-10-30-0-8"})
    # It joins the control plane of one cluster and is on the network of the other.
    assert proxy_config(made["mesh.yaml"])["proxyMetadata"]["ISTIO_META_CLUSTER_ID"] == "east"
    assert proxy_config(made["mesh.yaml"])["proxyMetadata"]["ISTIO_META_NETWORK"] == "coast"


def test_in_a_mesh_of_one_network_that_is_named_and_the_gateway_leads_to_istiod_alone(
    machines: Machines, fleet: Fleet
) -> None:
    machines.bundle("printer", "printer")
    theirs = machines.istioctl(fleet, "printer", "printer-istioctl", "--autoregister")
    made = read(machines.folder / "printer")
    assert_same(made, theirs, 3600, {})
    assert proxy_config(made["mesh.yaml"])["proxyMetadata"]["ISTIO_META_NETWORK"] == "desk"
    assert proxy_config(made["mesh.yaml"])["proxyMetadata"]["TRUST_DOMAIN"] == "office.example"
    assert machines.entry("alone")["gateway"]["network"] == ""


def test_another_revision_is_named_in_every_file_that_leads_to_it(machines: Machines, fleet: Fleet) -> None:
    machines.bundle("billing", "billing-green", "--revision", "green")
    options = ("--autoregister", "--tokenDuration", "7200", "--revision", "green")
    theirs = machines.istioctl(fleet, "billing", "billing-green-istioctl", *options)
    made = read(machines.folder / "billing-green")
    assert_same(made, theirs, 7200, {})
    assert environment(made["cluster.env"])["CA_ADDR"] == "istiod-green.istio-system.svc:15012"
    assert proxy_config(made["mesh.yaml"])["discoveryAddress"] == "istiod-green.istio-system.svc:15012"
    assert made["hosts"].endswith(" istiod-green.istio-system.svc\n")


def test_a_bundle_is_its_owners_alone_and_never_written_over_by_accident(machines: Machines) -> None:
    folder = machines.folder / "kept"
    machines.bundle("printer", "kept", "--cloud-init", "--package", "https://packages.example/istio-sidecar.deb")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    token = (folder / "istio-token").read_text(encoding="utf-8")
    user_data = YAML(typ="safe", pure=True).load((folder / "user-data.yaml").read_text(encoding="utf-8"))
    assert token in [file["content"] for file in user_data["write_files"]]
    refused = machines.bundle("printer", "kept", expect=1)
    assert "is not empty; choose another for --out, or write over it with --force" in refused.err
    assert (folder / "istio-token").read_text(encoding="utf-8") == token
    machines.bundle("printer", "kept", "--force")
    assert (folder / "istio-token").read_text(encoding="utf-8") != token
    said = machines.sandbox.printed
    assert [line for line in said if token in line] == []


def test_machines_that_are_not_there_are_exit_2_with_the_names_of_those_that_are(machines: Machines) -> None:
    refused = machines.bundle("biling", "nothing", expect=2)
    assert refused.err == "NAME: no virtual machines are named 'biling'; known are billing, ledger, printer\n"
    refused = machines.bundle("ledger", "nothing", expect=2)
    assert refused.err == "--address: missing; ledger has several, name one of 10.30.0.7, 10.30.0.8\n"
    assert not (machines.folder / "nothing").exists()


def test_what_is_listed_are_the_groups_and_the_machines_that_istiod_has_noted(machines: Machines) -> None:
    listed = machines.sandbox.meshfleet("vm", "list", "--stack", STACK, "--json").report["virtualMachines"]
    assert [told["name"] for told in listed] == ["billing", "ledger", "printer"]
    assert [told["host"] for told in listed] == [
        "billing.orders.svc.cluster.local",
        "ledger.machines.local",
        "printer.papers.svc.cluster.local",
    ]
    assert [told["registered"] for told in listed if told["name"] != "ledger"] == [[], []]
    assert listed[1]["registered"] == [
        {"name": f"ledger-10-30-0-{number}", "address": f"10.30.0.{number}", "connected": False, "healthy": False}
        for number in (7, 8)
    ]


def test_every_check_holds_with_virtual_machines_in_the_mesh(machines: Machines) -> None:
    report = machines.sandbox.meshfleet("verify", "--stack", STACK, "--json", expect=None).report
    assert report["ok"], [check for check in report["checks"] if not check["ok"]]


def test_a_second_up_changes_nothing(machines: Machines) -> None:
    assert machines.sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}
    assert machines.sandbox.meshfleet("drift", "--stack", STACK, "--json").report["drift"] == []


def test_every_control_plane_of_the_mesh_knows_what_machines_are_called(machines: Machines) -> None:
    for cluster in ("west", "east"):
        services = FleetUnderTest(machines.sandbox, STACK).istiod(cluster).page("registryz")
        known = {service["hostname"] for service in services}
        assert {"billing.orders.svc.cluster.local", "ledger.machines.local"} <= known
        assert "printer.papers.svc.cluster.local" not in known
