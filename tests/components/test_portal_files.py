"""Files that a portal's declaration names are checked by field, before Envoy would reject them without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshfleet.components.kubeconfig_file import kubeconfig_files
from meshfleet.components.portal import providers
from meshfleet.components.portal_files import client_authority, portal_file_faults
from meshfleet.topology import Fleet, TopologyError, load
from tests.tls_servers import self_signed

pytestmark = pytest.mark.proof("The API portal", step=0)

RSA = {"kty": "RSA", "n": "sXch", "e": "AQAB"}
EC = {"kty": "EC", "crv": "P-256", "x": "f83O", "y": "x_FE"}
CERTIFICATE, KEY = (part.decode() for part in self_signed("login"))


def fleet(directory: Path, jwks: str | None = None, authority: str | None = None, clients: str | None = None) -> Fleet:
    """A fleet whose portal names files with these contents."""
    files = {"keys.json": jwks, "authority.pem": authority, "clients.pem": clients}
    for name, content in files.items():
        if content is not None:
            (directory / name).write_text(content)
    provider: dict[str, Any] = {"issuer": "https://login.example", "audiences": ["portal"], "usernamePrefix": "oidc:"}
    keys = {"jwks": str(directory / "keys.json")} if jwks is not None else {"jwksUri": "https://login.example/keys"}
    signed = {"certificateAuthority": str(directory / "authority.pem")} if authority is not None else {}
    portal: dict[str, Any] = {"oidc": {"login": provider | keys | signed}}
    if clients is not None:
        portal["clientCertificates"] = {"certificateAuthority": str(directory / "clients.pem")}
    clusters = {"paris": {"embedded": {}, "network": "paris"}}
    return load("portal", {"host": "paris", "clusters": clusters, "networks": {"paris": {}}, "portal": portal})


@pytest.mark.parametrize("keys", [[RSA], [EC], [{"kty": "OKP", "crv": "Ed25519", "x": "11qY"}], [{"kty": "new"}, RSA]])
def test_public_keys_are_taken_as_they_are(tmp_path: Path, keys: list[dict[str, str]]) -> None:
    text = json.dumps({"keys": keys})
    made = fleet(tmp_path, jwks=text, authority=CERTIFICATE, clients=CERTIFICATE)
    assert portal_file_faults(made) == []
    assert (providers(made)["login"]["jwks"], providers(made)["login"]["authority"]) == (text, CERTIFICATE)
    assert client_authority(made) == CERTIFICATE


NOT_KEYS = ("", "not json", "[]", "{}", '{"keys": {}}', '{"keys": []}', '{"keys": ["a"]}', CERTIFICATE)
OF_NO_USE = ({"kty": "RSA"}, EC | {"x": ""}, EC | {"y": 1}, {"kty": ["RSA"]}, {"crv": "P-256"})
SECRET = (RSA | {"d": "private"}, EC | {"d": "private"}, {"kty": "oct", "k": "shared"})


@pytest.mark.parametrize("text", [*NOT_KEYS, *(json.dumps({"keys": [key]}) for key in OF_NO_USE)])
def test_what_is_no_set_of_public_keys_is_refused(tmp_path: Path, text: str) -> None:
    (fault,) = portal_file_faults(fleet(tmp_path, jwks=text))
    assert fault.path == "portal.oidc.login.jwks"
    assert "is no JSON Web Key Set with a public key; give what the provider has" in str(fault)


@pytest.mark.parametrize("text", [*(json.dumps({"keys": [EC, key]}) for key in SECRET), KEY])
def test_a_secret_key_among_public_ones_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    (fault,) = portal_file_faults(fleet(tmp_path, jwks=text))
    assert "contains a secret key; give only the public keys" in str(fault)
    assert "private" not in str(fault)


@pytest.mark.parametrize(
    ("text", "said"), [("hello", "is not a certificate in PEM"), (CERTIFICATE + KEY, "contains a secret")]
)
def test_what_is_no_authority_is_refused_before_anything_is_touched(tmp_path: Path, text: str, said: str) -> None:
    made = fleet(tmp_path, authority=text, clients=text)
    with pytest.raises(TopologyError) as refused:
        kubeconfig_files(made)
    found = {fault.path: str(fault) for fault in refused.value.faults}
    assert set(found) == {"portal.oidc.login.certificateAuthority", "portal.clientCertificates.certificateAuthority"}
    assert all(said in fault for fault in found.values())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = fleet(tmp_path, jwks="{}")
    (tmp_path / "keys.json").unlink()
    (fault,) = portal_file_faults(made)
    assert (fault.path, str(fault).endswith("; give its path")) == ("portal.oidc.login.jwks", True)
    assert "there is no file" in str(fault)
