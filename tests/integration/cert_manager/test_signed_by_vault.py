"""An issuer of the user's own, Vault, signs the intermediates through a real cert-manager, and no request is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.plugins.meshfleet.certificate_reading import load_certificate, verify_chain
from meshfleet.testing import Sandbox
from scripts.continuity_under_change.changes import Change
from scripts.continuity_under_change.figures import during
from scripts.continuity_under_change.fleet_under_change import CALLER, STACK, FleetUnderChange
from tests.integration.cert_manager.issuing import (
    CLUSTERS,
    HUB,
    NAMESPACE,
    data,
    holds,
    issued,
    none_is_lost,
    object_of,
    renew,
    signs,
    with_trust,
)
from tests.issued_files import below, new_root
from tests.vault_server import PATH, TOKEN, VaultServer, vault_server

pytestmark = [
    pytest.mark.proof("intermediates that an issuer of the user's own signs through cert-manager", step=4),
    pytest.mark.root("pods in network namespaces"),
]

ROOT, NEXT = new_root("Root of the company"), new_root("Next root of the company")
BETWEEN, NEXT_BETWEEN = below(ROOT), below(NEXT)


@pytest.fixture(scope="module")
def vault() -> Iterator[VaultServer]:
    with vault_server(BETWEEN, BETWEEN.certificate, ROOT.certificate) as made:
        yield made


@pytest.fixture(scope="module")
def root(sandbox: Sandbox) -> Path:
    """The file with the root that the stack file names."""
    path = sandbox.folder / "company-root.pem"
    path.write_text(ROOT.certificate)
    return path


@pytest.fixture(scope="module")
def taken_over(root: Path) -> Change:
    """Vault is the issuer."""
    issuer = {"cluster": HUB, "issuerRef": {"name": "vault"}, "root": str(root)}
    return with_trust(issuer="cert-manager", certManager=issuer)


def declare(sandbox: Sandbox, vault: VaultServer, token: str) -> None:
    """Write the ClusterIssuer and its token, as a user does."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "vault-token", "namespace": NAMESPACE},
        "stringData": {"token": token},
    }
    reference = {"tokenSecretRef": {"name": "vault-token", "key": "token"}}
    issuer = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": {"name": "vault"},
        "spec": {"vault": {"server": vault.url, "path": PATH, "auth": reference}},
    }
    path = sandbox.folder / "vault.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [secret, issuer]}))
    sandbox.kubectl(STACK, HUB, "apply", "-f", str(path))


def fails(fleet: FleetUnderChange, sandbox: Sandbox) -> str:
    """What `up` says when an intermediate cannot be issued."""
    fleet.write(STACK, fleet.config)
    return sandbox.meshfleet("up", "--stack", STACK, expect=1).text


def test_an_issuer_that_is_not_there_yet_is_named_and_then_one_that_is_refused(
    fleet: FleetUnderChange, sandbox: Sandbox, vault: VaultServer, root: Path
) -> None:
    fleet.config["meshes"]["mesh1"]["trust"] = {
        "issuer": "cert-manager",
        "certManager": {"cluster": HUB, "issuerRef": {"name": "vault"}, "root": str(root)},
    }
    before = {name: signs(sandbox, name) for name in CLUSTERS}
    said = fails(fleet, sandbox)
    assert "cert-manager to issue the intermediate of" in said
    assert "there is no ClusterIssuer vault" in said
    declare(sandbox, vault, "a token that is none")
    assert "permission denied" in fails(fleet, sandbox)
    assert vault.refused
    assert {name: signs(sandbox, name) for name in CLUSTERS} == before


def test_what_the_error_asks_for_heals_it_at_once_and_the_issuer_takes_over(
    fleet: FleetUnderChange, sandbox: Sandbox, vault: VaultServer, taken_over: Change
) -> None:
    declare(sandbox, vault, TOKEN)
    none_is_lost(during(taken_over, fleet))
    for name in CLUSTERS:
        cacerts = object_of(sandbox, name, "secret", "cacerts", "-n", "istio-system")
        assert load_certificate(data(cacerts, "root-cert.pem"), "root") == load_certificate(ROOT.certificate, "root")
        assert data(cacerts, "cert-chain.pem").count("BEGIN CERTIFICATE") == 3
        certificate = load_certificate(data(cacerts, "ca-cert.pem"), "cacerts")
        assert certificate in [load_certificate(one, "signed") for one in vault.signed]
        verify_chain(data(cacerts, "cert-chain.pem"), ROOT.certificate, certificate.not_valid_before_utc)
    assert "root-mesh1" not in sandbox.kubectl(STACK, HUB, "get", "secrets", "-n", NAMESPACE).out
    holds(sandbox)


def test_one_that_is_renewed_is_carried_to_its_cluster(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    renewed = renew(sandbox, CALLER)
    none_is_lost(during(Change("a renewal", lambda changed: changed.up()), fleet))
    assert load_certificate(signs(sandbox, CALLER), "cacerts") == load_certificate(renewed, "tls.crt")
    holds(sandbox)


def test_another_root_of_the_issuer_goes_in_stages_and_the_mesh_keeps_what_it_has_until_it_is_declared(
    fleet: FleetUnderChange, sandbox: Sandbox, vault: VaultServer, root: Path
) -> None:
    before = signs(sandbox, CALLER)
    vault.signing, vault.chain = NEXT_BETWEEN, (NEXT_BETWEEN.certificate, NEXT.certificate)
    renew(sandbox, CALLER)
    fleet.up()
    assert signs(sandbox, CALLER) == before
    root.write_text(NEXT.certificate)
    renew(sandbox, CLUSTERS[0])
    none_is_lost(during(Change("another root of the issuer", lambda changed: changed.up()), fleet))
    for name in CLUSTERS:
        cacerts = object_of(sandbox, name, "secret", "cacerts", "-n", "istio-system")
        assert load_certificate(data(cacerts, "root-cert.pem"), "root") == load_certificate(NEXT.certificate, "root")
        assert load_certificate(signs(sandbox, name), "cacerts") == load_certificate(issued(sandbox, name), "tls.crt")
    holds(sandbox)


def test_the_stack_takes_over_again(fleet: FleetUnderChange, sandbox: Sandbox) -> None:
    none_is_lost(during(with_trust(roots=["second"]), fleet))
    assert NAMESPACE not in sandbox.kubectl(STACK, HUB, "get", "namespaces").out
    holds(sandbox)
