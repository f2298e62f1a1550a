"""The certificates of a release of Karmada's chart: what they say, who takes them, and their life."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from meshfleet.errors import CertificateError
from meshfleet.kube.access import read_access
from meshfleet.manifests.karmada_control_plane import kubeconfig
from meshfleet.manifests.objects import encoded
from meshfleet.plugins.meshfleet import karmada_certificates
from meshfleet.plugins.meshfleet.certificate_reading import (
    is_issued_by,
    load_certificate,
    load_private_key,
    require_matching_key,
    verify_chain,
)
from meshfleet.plugins.meshfleet.certificates import new_key, pem_of
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Properties
from meshfleet.plugins.meshfleet.karmada_certificate_authority import KarmadaCertificateAuthorityHandler
from meshfleet.plugins.meshfleet.karmada_certificates import PAIRS, KarmadaSpec, issue
from meshfleet.topology.federation import KarmadaChart
from tests.issued_files import new_root

pytestmark = pytest.mark.proof("a release of Karmada's chart has certificates below the root of its mesh", step=0)

START = datetime.now(UTC).replace(microsecond=0)
ROOT = new_root(days=3650, now=START)
BOTH = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
LEAVES = {
    "certificate": ("authorityCertificate", "CN=system:admin,O=system:masters", BOTH),
    "clientCertificate": ("authorityCertificate", "CN=meshfleet,O=system:masters", BOTH[:1]),
    "frontProxyCertificate": ("frontProxyAuthorityCertificate", "CN=front-proxy-client", BOTH[:1]),
}
GIVEN: dict[str, Any] = {
    "rootCertificate": ROOT.certificate,
    "rootPrivateKey": ROOT.private_key,
    "cluster": "hub",
    "namespace": "karmada-system",
    "algorithm": "ecdsa-p256",
    "validityDays": 730,
    "renewBeforeDays": 90,
}
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


class Clock:
    """A clock that stands still until it is turned."""

    days = 0

    def __call__(self) -> datetime:
        return START + timedelta(days=self.days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def handler(clock: Clock) -> KarmadaCertificateAuthorityHandler:
    return KarmadaCertificateAuthorityHandler(clock)


@pytest.fixture
def inputs(handler: KarmadaCertificateAuthorityHandler) -> Properties:
    filled, faults = handler.check(GIVEN)
    assert not faults
    return filled


@pytest.fixture
def issued(handler: KarmadaCertificateAuthorityHandler, inputs: Properties) -> Properties:
    return handler.create(inputs, 0).outputs


def spec(namespace: str = "karmada-system", algorithm: str = "ecdsa-p256") -> KarmadaSpec:
    return KarmadaSpec("hub", namespace, algorithm, 730)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return issue(ROOT, spec(), START, {})


@settings(max_examples=6, deadline=None)
@given(namespace=LABELS.map("karmada-{}".format))
def test_each_leads_to_the_root_and_has_exactly_its_names_and_uses(namespace: str) -> None:
    made = issue(ROOT, spec(namespace), START, {})
    assert set(made) == {*PAIRS, *PAIRS.values()}
    for name, key in PAIRS.items():
        certificate = load_certificate(made[name], name)
        require_matching_key(certificate, load_private_key(made[key], key), key)
        assert certificate.not_valid_after_utc == START + timedelta(days=730)
    for name in ("authorityCertificate", "frontProxyAuthorityCertificate"):
        verify_chain(made[name], ROOT.certificate, START)
        authority = load_certificate(made[name], name)
        basic = authority.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (basic.critical, basic.value) == (True, x509.BasicConstraints(ca=True, path_length=0))
        assert authority.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
        assert authority.extensions.get_extension_for_class(x509.NameConstraints).critical
    for name, (above, subject, uses) in LEAVES.items():
        verify_chain(made[name] + made[above], ROOT.certificate, START)
        leaf = load_certificate(made[name], name)
        assert leaf.subject.rfc4514_string() == subject
        assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == uses
        assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
        assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert (names_of(leaf) == set()) is (name != "certificate")
    services = {f"*.{namespace}.svc", f"*.{namespace}.svc.cluster.local", f"*.etcd.{namespace}.svc.cluster.local"}
    expected = services | {"localhost", "127.0.0.1"}
    assert names_of(load_certificate(made["certificate"], "certificate")) == expected


def names_of(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def handshake(folder: Path, server: dict[str, str], client: dict[str, str], name: str, *, trusted: str = "") -> str:
    """What a TLS handshake ends with. Both trust the authority alone, or `trusted`."""
    accepting = context_of(folder, ssl.PROTOCOL_TLS_SERVER, server, trusted)
    return ended(accepting, context_of(folder, ssl.PROTOCOL_TLS_CLIENT, client, trusted), name)


def context_of(folder: Path, protocol: int, own: dict[str, str], trusted: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=trusted or own["authority"])
    place = folder / "own.pem"
    place.write_text(own["certificate"] + own["key"])
    context.load_cert_chain(place)
    return context


def ended(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str:
    """What a handshake over memory ends with: empty, or the error."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        server.wrap_bio(there, back, server_side=True),
        client.wrap_bio(back, there, server_hostname=name),
    ]
    waiting = set(sides)
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.discard(side)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return str(error)
    return "does not end" if waiting else ""


def side(made: dict[str, str], name: str) -> dict[str, str]:
    return {"certificate": made[name], "key": made[PAIRS[name]], "authority": made["authorityCertificate"]}


@pytest.mark.parametrize(
    "name",
    [
        "karmada-apiserver.karmada-system.svc",
        "etcd-client.karmada-system.svc.cluster.local",
        "karmada-aggregated-apiserver.karmada-system.svc",
        "karmada-webhook.karmada-system.svc",
        "127.0.0.1",
    ],
)
def test_clients_that_trust_the_authority_alone_reach_each_server(
    made: dict[str, str], tmp_path: Path, name: str
) -> None:
    for client in ("clientCertificate", "certificate"):
        assert handshake(tmp_path, side(made, "certificate"), side(made, client), name) == ""


def test_the_kubeconfig_of_the_stack_is_enough_for_its_own_client(made: dict[str, str], tmp_path: Path) -> None:
    own = map(encoded, (made["authorityCertificate"], made["clientCertificate"], made["clientKey"]))
    content = kubeconfig(KarmadaChart(folder="x"), "https://203.0.113.7:5443", *own)
    access = read_access(json.dumps(content))
    server = context_of(tmp_path, ssl.PROTOCOL_TLS_SERVER, side(made, "certificate"))
    assert ended(server, access.tls(), access.cluster["tls-server-name"]) == ""
    # The address itself is in no certificate.
    assert "mismatch" in ended(server, access.tls(), "203.0.113.7")


def test_another_name_and_another_authority_of_the_mesh_are_refused(made: dict[str, str], tmp_path: Path) -> None:
    other = issue(ROOT, spec(), START, {})
    server, client = side(made, "certificate"), side(made, "clientCertificate")
    assert "Hostname mismatch" in handshake(tmp_path, server, client, "istiod.istio-system.svc")
    # The root that both are below of is not trusted.
    stranger = side(other, "clientCertificate") | {"authority": made["authorityCertificate"]}
    assert "certificate verify failed" in handshake(tmp_path, server, stranger, "localhost")


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        (x509.DNSName("any.karmada-system.svc"), True),
        (x509.UniformResourceIdentifier("spiffe://cluster.local/ns/shop/sa/web"), False),
        (x509.DNSName("istiod.istio-system.svc"), False),
        (x509.IPAddress(ip_address("10.0.0.1")), False),
        (x509.IPAddress(ip_address("::1")), False),
    ],
)
@pytest.mark.parametrize("authority", ["authorityCertificate", "frontProxyAuthorityCertificate"])
def test_no_key_of_karmada_makes_an_identity_of_the_mesh(
    made: dict[str, str], tmp_path: Path, name: x509.GeneralName, taken: bool, authority: str
) -> None:
    signer, issuer = load_private_key(made[PAIRS[authority]], "key"), load_certificate(made[authority], "ca")
    key = load_private_key(made["clientKey"], "key")
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(START - timedelta(hours=1))
        .not_valid_after(START + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    client = {"certificate": pem_of(forged) + made[authority], "key": made["clientKey"]}
    server = side(made, "certificate") | {"certificate": made["certificate"] + made["authorityCertificate"]}
    # As in a mesh, where the root is trusted.
    found = handshake(tmp_path, server, client, "localhost", trusted=ROOT.certificate)
    assert (found == "") is (taken and authority == "authorityCertificate")


def test_another_algorithm_makes_new_keys_in_the_form_in_which_tokens_are_verified(
    handler: KarmadaCertificateAuthorityHandler,
    inputs: Properties,
    issued: Properties,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert {issued[key].splitlines()[0] for key in PAIRS.values()} == {"-----BEGIN EC PRIVATE KEY-----"}
    # Five of that length take seconds.
    key = new_key("rsa-4096")
    monkeypatch.setattr(karmada_certificates, "new_key", lambda _: key)
    again = handler.update("id", inputs, issued, inputs | {"algorithm": "rsa-4096"}, 0)
    assert {again[key].splitlines()[0] for key in PAIRS.values()} == {"-----BEGIN RSA PRIVATE KEY-----"}


def test_nothing_changes_while_nothing_is_due(
    handler: KarmadaCertificateAuthorityHandler, inputs: Properties, issued: Properties, clock: Clock
) -> None:
    assert set(issued) == handler.outputs
    clock.days = 600
    assert not handler.diff(inputs, issued, inputs).updates
    assert handler.read("id", inputs, issued) == issued
    later = inputs | {"renewBeforeDays": 30}
    assert handler.diff(inputs, issued, later).updates == ("renewBeforeDays",)
    assert handler.update("id", inputs, issued, later, 0) == issued


def _root() -> Properties:
    other = new_root("Another root", days=3650, now=START)
    return {"rootCertificate": other.certificate, "rootPrivateKey": other.private_key}


@pytest.mark.parametrize(
    ("days", "change", "named"),
    [
        (641, dict, {"notAfter"}),
        (1, _root, {"rootCertificate", "rootPrivateKey", "notAfter"}),
        (1, lambda: {"validityDays": 365}, {"validityDays", "notAfter"}),
    ],
    ids=["an end that is near", "another root", "another validity"],
)
def test_all_are_issued_again_with_the_same_keys_and_trust_each_other(
    handler: KarmadaCertificateAuthorityHandler,
    inputs: Properties,
    issued: Properties,
    clock: Clock,
    tmp_path: Path,
    days: int,
    change: Callable[[], Properties],
    named: set[str],
) -> None:
    clock.days = days
    new = inputs | change()
    assert set(handler.diff(inputs, issued, new).updates) == named
    again = handler.update("id", inputs, issued, new, 0)
    assert {key: again[key] for key in PAIRS.values()} == {key: issued[key] for key in PAIRS.values()}
    assert again["fingerprint"] != issued["fingerprint"]
    assert is_issued_by(
        load_certificate(again["authorityCertificate"], "a"), load_certificate(new["rootCertificate"], "r")
    )
    assert not handler.diff(new, again, new).updates
    # Pods that were started before, and those after. This machine takes no certificate of a time to come.
    if days == 1:
        clock.days = 0
        again = handler.update("id", inputs, issued, new, 0)
        for old, fresh in ((issued, again), (again, issued)):
            name = "karmada-apiserver.karmada-system.svc"
            assert handshake(tmp_path, side(old, "certificate"), side(fresh, "clientCertificate"), name) == ""


def test_a_damaged_certificate_is_seen_and_issued_again(
    handler: KarmadaCertificateAuthorityHandler, inputs: Properties, issued: Properties
) -> None:
    for output in (*PAIRS, *PAIRS.values()):
        broken = issued | {output: "-----BEGIN NOTHING-----"}
        found = handler.read("id", inputs, broken)
        assert found
        assert found["state"].startswith("damaged: ")
        assert "NOTHING" not in found["state"]
        assert handler.diff(inputs, broken, inputs).updates == ("state",)
    again = handler.update("id", inputs, issued | {"clientKey": "x"}, inputs, 0)
    assert not handler.diff(inputs, again, inputs).updates
    assert again["authorityKey"] == issued["authorityKey"]


def test_no_certificate_outlives_the_root_and_none_is_renewed_for_nothing(
    handler: KarmadaCertificateAuthorityHandler, inputs: Properties, clock: Clock
) -> None:
    root = new_root(days=30, now=START)
    short = inputs | {"rootCertificate": root.certificate, "rootPrivateKey": root.private_key}
    issued = handler.create(short, 0).outputs
    assert issued["notAfter"] == (START + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    clock.days = 29
    assert not handler.diff(short, issued, short).updates
    clock.days = 31
    with pytest.raises(CertificateError, match="expired"):
        handler.update("id", short, issued, short | {"validityDays": 20}, 0)


def test_wrong_inputs_are_named_and_unknown_ones_pass(handler: KarmadaCertificateAuthorityHandler) -> None:
    assert handler.check(dict.fromkeys(GIVEN, UNKNOWN))[1] == []
    wrong = {"namespace": "A", "algorithm": "md5", "rootPrivateKey": "", "more": 1}
    found = {fault.property for fault in handler.check({**GIVEN, **wrong})[1]}
    assert found == {"namespace", "algorithm", "rootPrivateKey", "more"}
