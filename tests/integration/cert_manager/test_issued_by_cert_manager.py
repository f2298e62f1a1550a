"""A real cert-manager issues the intermediates of a mesh while requests are sent, and none is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from meshfleet.plugins.meshfleet.certificate_reading import is_issued_by, load_certificate
from meshfleet.testing import Sandbox
from meshfleet.toolchain import further_plan
from meshfleet.toolchain.recipes import CERT_MANAGER
from scripts.continuity_under_change.changes import Change
from scripts.continuity_under_change.figures import during
from scripts.continuity_under_change.fleet_under_change import CALLER, HOST, STACK, FleetUnderChange
from tests.integration.cert_manager.issuing import (
    CLUSTERS,
    HUB,
    NAMESPACE,
    PROGRAM,
    data,
    holds,
    issued,
    istiods,
    none_is_lost,
    object_of,
    renew,
    signs,
    with_trust,
)

pytestmark = [
    pytest.mark.proof("intermediates that cert-manager issues", step=4),
    pytest.mark.root("pods in network namespaces"),
]

ISSUER = {"issuer": "cert-manager", "certManager": {"cluster": HUB}}


def test_cert_manager_takes_over_below_the_same_root_and_no_istiod_is_started_again(
    fleet: FleetUnderChange, sandbox: Sandbox
) -> None:
    root = data(object_of(sandbox, HOST, "secret", "cacerts", "-n", "istio-system"), "root-cert.pem")
    before, running = {name: signs(sandbox, name) for name in CLUSTERS}, istiods(sandbox)
    none_is_lost(during(with_trust(**ISSUER), fleet))
    for name in CLUSTERS:
        certificate = load_certificate(signs(sandbox, name), "cacerts")
        assert signs(sandbox, name) != before[name]
        assert certificate == load_certificate(issued(sandbox, name), "tls.crt")
        assert is_issued_by(certificate, load_certificate(root, "root"))
    assert istiods(sandbox) == running
    holds(sandbox)


def test_the_root_s_key_is_where_no_other_control_plane_reads(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    assert object_of(sandbox, HUB, "secret", "root-mesh1-first", "-n", NAMESPACE)["data"]["tls.key"]
    for name in CLUSTERS:
        assert NAMESPACE not in sandbox.kubectl(STACK, name, "get", "namespaces").out
    readers = sandbox.kubectl(STACK, HUB, "get", "clusterrolebindings").out
    assert "meshfleet-reader" not in readers


def test_one_that_cert_manager_renewed_is_carried_to_its_cluster_and_changes_nothing_else(
    fleet: FleetUnderChange, sandbox: Sandbox
) -> None:
    other, running = signs(sandbox, HOST), istiods(sandbox)
    renewed = renew(sandbox, CALLER)
    planned = sandbox.meshfleet("preview", "--stack", STACK, "--json").report["changes"]
    assert sorted(planned) == [
        f"{CALLER}: cacerts update (data)",
        f"{CALLER}: issued-by-cert-manager update (certificate)",
        f"{CALLER}: istiod-blue-process update (certificateAuthority)",
    ]
    none_is_lost(during(Change("a renewal", lambda changed: changed.up()), fleet))
    assert load_certificate(signs(sandbox, CALLER), "cacerts") == load_certificate(renewed, "tls.crt")
    assert signs(sandbox, HOST) == other
    assert istiods(sandbox) == running
    holds(sandbox)


def test_one_that_is_renewed_is_seen_by_a_refresh(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    renewed = renew(sandbox, HOST)
    sandbox.meshfleet("up", "--stack", STACK, "--refresh")
    assert load_certificate(signs(sandbox, HOST), "cacerts") == load_certificate(renewed, "tls.crt")
    holds(sandbox)


def test_a_cert_manager_that_died_is_started_again(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    fleet.kill(fleet.workspace.cert_manager(HUB), PROGRAM)
    planned = sandbox.meshfleet("preview", "--stack", STACK, "--json").report["changes"]
    assert planned == [f"{HUB}: cert-manager-ready update (state)"]
    fleet.up()
    renew(sandbox, CALLER)
    fleet.up()
    holds(sandbox)


def test_an_issuer_that_lost_its_root_has_it_again_after_one_up_and_issues(
    fleet: FleetUnderChange, sandbox: Sandbox
) -> None:
    sandbox.kubectl(STACK, HUB, "delete", "secret", "root-mesh1-first", f"intermediate-{CALLER}", "-n", NAMESPACE)
    # Another organization, so that it has to issue; the state does not tell that the root is gone.
    fleet.config["meshes"]["mesh1"]["trust"]["organization"] = "Example"
    fleet.up()
    for name in CLUSTERS:
        assert "O=Example" in load_certificate(signs(sandbox, name), "cacerts").subject.rfc4514_string()
    holds(sandbox)


def test_another_root_goes_in_stages_and_cert_manager_keeps_the_key_of_the_one_that_signs(
    fleet: FleetUnderChange, sandbox: Sandbox
) -> None:
    none_is_lost(during(with_trust(**ISSUER, roots=["second"]), fleet))
    secrets = sandbox.kubectl(STACK, HUB, "get", "secrets", "-n", NAMESPACE).out
    assert "root-mesh1-second" in secrets
    assert "root-mesh1-first" not in secrets
    for name in CLUSTERS:
        root = data(object_of(sandbox, name, "secret", "cacerts", "-n", "istio-system"), "root-cert.pem")
        assert is_issued_by(load_certificate(signs(sandbox, name), "cacerts"), load_certificate(root, "root"))
    holds(sandbox)


def test_the_stack_takes_over_again_and_nothing_of_cert_manager_is_left(
    fleet: FleetUnderChange, sandbox: Sandbox
) -> None:
    none_is_lost(during(with_trust(roots=["second"]), fleet))
    assert NAMESPACE not in sandbox.kubectl(STACK, HUB, "get", "namespaces").out
    assert not fleet.workspace.cert_manager(HUB).exists()
    assert not [one for one in sandbox.processes() if one.name() == PROGRAM[:15]]
    holds(sandbox)


@pytest.fixture
def installed(sandbox: Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """A cert-manager in the hub that is none of the fleet's."""
    plan = further_plan(CERT_MANAGER)
    definitions = str(plan.toolchain().gateway_api / "templates")
    sandbox.kubectl(STACK, HUB, "create", "-f", definitions)
    kubeconfig = sandbox.home / "fleets" / STACK / "kubeconfigs" / f"{HUB}.yaml"
    command = [str(plan.view / "bin" / PROGRAM), f"--kubeconfig={kubeconfig}", "--internal-healthz-listen-address="]
    with (sandbox.folder / "theirs.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        yield process
        process.terminate()
        process.wait(30)
    # The next file has the fleet install them.
    sandbox.kubectl(STACK, HUB, "delete", "-f", definitions)


def test_one_that_something_else_installed_is_used_and_left_as_it_is(
    fleet: FleetUnderChange, sandbox: Sandbox, installed: subprocess.Popen[bytes]
) -> None:
    issuer = {"issuer": "cert-manager", "certManager": {"cluster": HUB, "install": False}}
    none_is_lost(during(with_trust(**issuer, roots=["second"]), fleet))
    for name in CLUSTERS:
        assert load_certificate(signs(sandbox, name), "cacerts") == load_certificate(issued(sandbox, name), "tls.crt")
    assert not fleet.workspace.cert_manager(HUB).exists()
    holds(sandbox)
    none_is_lost(during(with_trust(roots=["second"]), fleet))
    assert installed.poll() is None
    assert "certificates.cert-manager.io" in sandbox.kubectl(STACK, HUB, "get", "customresourcedefinitions").out
