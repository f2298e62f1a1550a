"""The intermediate that cert-manager issues: waited for, kept, seen to be renewed; what is wrong is said plainly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshfleet.errors import ClusterError
from meshfleet.plugins.meshfleet.cert_manager_intermediate import CertManagerIntermediateHandler
from meshfleet.plugins.meshfleet.certificate_reading import verify_chain
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Properties
from tests.cert_manager_server import NAME, NAMESPACE, REQUEST, CertManagerServer, cert_manager_server
from tests.issued_files import below, new_root, new_server

pytestmark = pytest.mark.proof("intermediates that cert-manager issues", step=1)

ROOT, OTHER = new_root("Root"), new_root("Other root")
READY = ("True", "Ready", "Certificate is up to date")


@pytest.fixture
def server() -> Iterator[CertManagerServer]:
    with cert_manager_server() as found:
        yield found


@pytest.fixture
def handler() -> CertManagerIntermediateHandler:
    return CertManagerIntermediateHandler()


def inputs(server: CertManagerServer, **changes: Any) -> Properties:
    return {
        "cluster": "west",
        "namespace": NAMESPACE,
        "name": NAME,
        "kubeconfig": server.kubeconfig,
        "rootCertificate": ROOT.certificate,
        "request": REQUEST,
        "validityDays": 30,
        "renewBeforeDays": 10,
    } | changes


def test_what_is_issued_is_kept_with_its_chain_to_the_root_of_the_mesh(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    issued = server.issue(ROOT)
    assert handler.check(inputs(server))[1] == []
    made = handler.create(inputs(server), 0)
    assert made.identifier == f"{NAMESPACE}/{NAME}"
    assert made.outputs["certificate"] == issued.certificate
    assert made.outputs["privateKey"] == issued.private_key
    verify_chain(made.outputs["certificateChain"], ROOT.certificate, datetime.now(UTC))
    assert made.outputs["state"].startswith("valid until ")
    assert not handler.diff(inputs(server), made.outputs, inputs(server)).updates
    assert handler.read("x", inputs(server), made.outputs) == made.outputs


def test_it_waits_until_it_is_issued(server: CertManagerServer, handler: CertManagerIntermediateHandler) -> None:
    server.say({"Issuing": ("True", "DoesNotExist", "Issuing certificate as Secret does not exist")})
    timer = threading.Timer(0.3, server.issue, [ROOT])
    timer.start()
    assert handler.create(inputs(server), 10).outputs["certificate"]
    timer.join()


def test_what_stands_between_it_and_the_root_is_part_of_its_chain(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    between = below(ROOT)
    server.issue(ROOT, between=between)
    made = handler.create(inputs(server), 0).outputs
    assert made["certificateChain"].count("BEGIN CERTIFICATE") == 3
    verify_chain(made["certificateChain"], ROOT.certificate, datetime.now(UTC))
    # Some issuers send the root along.
    stored = server.issue(ROOT, between=between)
    server.store(stored.certificate + between.certificate + ROOT.certificate, stored.private_key)
    assert handler.create(inputs(server), 0).outputs["certificateChain"].count("BEGIN CERTIFICATE") == 3


def test_a_chain_that_does_not_lead_to_the_root_is_not_taken(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(OTHER, between=below(OTHER))
    with pytest.raises(ClusterError, match=r"CN=Company CA of CN=Other root,O=Example was not signed by CN=Root"):
        handler.create(inputs(server), 0.2)
    # Of one below the root that has not signed it.
    issued = server.issue(OTHER)
    server.store(issued.certificate + below(ROOT).certificate, issued.private_key)
    with pytest.raises(ClusterError, match=r"was not signed by CN=Company CA"):
        handler.create(inputs(server), 0.2)


def test_one_that_its_issuer_has_not_signed_as_an_authority_is_told_as_that(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    signed = new_server(ROOT)
    server.issue(ROOT)
    server.store(signed.certificate, signed.private_key)
    with pytest.raises(ClusterError, match=r"has signed CN=west\.example as no certificate authority"):
        handler.create(inputs(server), 0.2)


def test_what_could_not_be_issued_is_tried_again_at_once_and_not_after_an_hour(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    failed = {"Issuing": ("False", "Failed", "permission denied"), "Ready": ("False", "DoesNotExist", "no Secret")}
    server.say(failed, failed="2026-11-27T10:00:00Z")
    with pytest.raises(ClusterError, match="manually triggered"):
        handler.create(inputs(server), 0.2)
    (status,) = server.statuses
    issuing = next(one for one in status["conditions"] if one["type"] == "Issuing")
    assert (issuing["status"], issuing["reason"]) == ("True", "ManuallyTriggered")
    assert issuing["lastTransitionTime"] > status["lastFailureTime"]
    assert [one["type"] for one in status["conditions"]] == ["Ready", "Issuing"]
    # It is at it.
    with pytest.raises(ClusterError, match="manually triggered"):
        handler.create(inputs(server), 0.2)
    assert len(server.statuses) == 1


@pytest.mark.parametrize(("code", "message"), [(409, "has been modified"), (404, "not found"), (403, "forbidden")])
def test_who_cannot_have_it_tried_again_waits_all_the_same(
    server: CertManagerServer, handler: CertManagerIntermediateHandler, code: int, message: str
) -> None:
    server.say({"Issuing": ("False", "Failed", "permission denied")}, failed="2026-11-27T10:00:00Z")
    server.refusals = [(code, message)]
    with pytest.raises(ClusterError, match="Failed: permission denied"):
        handler.create(inputs(server), 0.2)
    assert server.statuses == []


def test_while_its_root_still_signs_and_another_issuer_comes_it_is_kept_as_it_is_recorded(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(ROOT)
    before = handler.create(inputs(server), 0).outputs
    # The next issuer has signed already, and the cluster of the first one is gone.
    server.issue(OTHER)
    kept = inputs(server, keep=True, kubeconfig=server.kubeconfig.replace(server.url, "http://127.0.0.1:9"))
    assert handler.check(kept)[1] == []
    assert handler.diff(inputs(server), before, inputs(server, keep=True)).updates == ("keep",)
    assert handler.update("x", inputs(server), before, kept, 0) == before
    assert handler.preview(before, kept) == before
    assert not handler.diff(kept, before, kept).updates
    assert handler.read("x", kept, before) == before
    late = CertManagerIntermediateHandler(lambda: datetime.now(UTC) + timedelta(days=25))
    assert not late.diff(kept, before, kept).updates


def test_where_nothing_is_recorded_nothing_can_be_kept(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    (fault,) = handler.check(inputs(server, keep=True, kubeconfig="", rootCertificate="", validityDays=0))[1]
    assert fault.property == "keep"
    assert "write the issuer and the root of before, run up, and then change them" in fault.reason


def test_what_cert_manager_has_renewed_is_a_difference_that_an_update_takes_up(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(ROOT)
    before = handler.create(inputs(server), 0).outputs
    renewed = server.issue(ROOT)
    assert handler.diff(inputs(server), before, inputs(server)).updates == ("certificate",)
    assert handler.preview(before, inputs(server))["certificate"] == renewed.certificate
    after = handler.update("x", inputs(server), before, inputs(server), 0)
    assert after["privateKey"] == renewed.private_key
    assert not handler.diff(inputs(server), after, inputs(server)).updates


def test_one_that_is_renewed_at_this_moment_is_taken_whole_or_not_at_all(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(ROOT)
    before = handler.create(inputs(server), 0).outputs
    server.say({"Ready": READY, "Issuing": ("True", "Renewing", "Renewing certificate as renewal was scheduled")})
    assert not handler.diff(inputs(server), before, inputs(server)).updates
    first, second = server.issue(ROOT), server.issue(ROOT)
    server.store(second.certificate, first.private_key)
    with pytest.raises(ClusterError, match="this key does not belong to the certificate"):
        handler.update("x", inputs(server), before, inputs(server), 0.2)
    assert not handler.diff(inputs(server), before, inputs(server)).updates


def test_another_root_is_waited_for_and_a_preview_does_not_promise_the_old_intermediate(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(ROOT)
    before = handler.create(inputs(server), 0).outputs
    request = REQUEST | {"issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "root-mesh1-second"}}
    wanted = inputs(server, rootCertificate=OTHER.certificate, request=request)
    assert handler.diff(inputs(server), before, wanted).updates == ("request", "rootCertificate")
    assert handler.preview(before, wanted) == {}
    with pytest.raises(ClusterError, match=r"was not signed by CN=Other root"):
        handler.update("x", inputs(server), before, wanted, 0.2)
    server.issue(OTHER)
    verify_chain(
        handler.update("x", inputs(server), before, wanted, 0)["certificateChain"], OTHER.certificate, datetime.now(UTC)
    )


@pytest.mark.parametrize(
    ("conditions", "issuer", "said"),
    [
        (None, None, "there is no Certificate intermediate-west"),
        ({}, None, "cert-manager has not looked at it; check that its controller runs"),
        (
            {"Ready": ("False", "Issuing", "Issuing certificate")},
            {"Ready": ("False", "ErrGetKeyPair", 'secret "root-mesh1-first" not found')},
            'the Issuer root-mesh1-first is not ready: ErrGetKeyPair: secret "root-mesh1-first" not found',
        ),
        (
            {"Ready": ("False", "DoesNotExist", "no Secret"), "Issuing": ("False", "Denied", "the request was denied")},
            {"Ready": ("True", "KeyPairVerified", "fine")},
            "Denied: the request was denied; DoesNotExist: no Secret",
        ),
        ({"Ready": ("False", "Issuing", "Issuing certificate")}, {}, "the Issuer root-mesh1-first was not looked at"),
    ],
)
def test_what_keeps_it_from_being_issued_is_said(
    server: CertManagerServer,
    handler: CertManagerIntermediateHandler,
    conditions: dict[str, tuple[str, str, str]] | None,
    issuer: dict[str, tuple[str, str, str]] | None,
    said: str,
) -> None:
    if conditions is not None:
        server.say(conditions)
    if issuer is not None:
        server.issuer_says(issuer)
    with pytest.raises(ClusterError) as caught:
        handler.create(inputs(server), 0.1)
    assert said in str(caught.value)
    assert "cert-manager to issue the intermediate of west" in str(caught.value)
    assert "run meshfleet up again" in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "conditions", "said"),
    [
        ({"kind": "ClusterIssuer", "name": "vault"}, None, "there is no ClusterIssuer vault"),
        (
            {"kind": "ClusterIssuer", "name": "vault"},
            {"Ready": ("False", "VaultError", "connection refused")},
            "the ClusterIssuer vault is not ready: VaultError: connection refused",
        ),
        ({"kind": "Issuer", "name": "vault"}, None, "there is no Issuer vault in meshfleet-trust"),
        # Whose objects have a form of their own.
        (
            {"kind": "AWSPCAClusterIssuer", "group": "awspca.cert-manager.io", "name": "pca"},
            None,
            "Issuing certificate",
        ),
    ],
)
def test_an_issuer_of_the_user_s_own_is_named_while_it_is_not_there(
    server: CertManagerServer,
    handler: CertManagerIntermediateHandler,
    reference: dict[str, str],
    conditions: dict[str, tuple[str, str, str]] | None,
    said: str,
) -> None:
    server.issuer_ref = {"group": "cert-manager.io", **reference}
    server.say({"Ready": ("False", "Issuing", "Issuing certificate")})
    if conditions is not None:
        server.issuer_says(conditions)
    with pytest.raises(ClusterError) as caught:
        handler.create(inputs(server), 0.1)
    assert said in str(caught.value)


def test_a_certificate_of_which_only_an_earlier_form_was_issued_is_waited_for(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(ROOT)
    server.say({"Ready": READY}, generation=2)
    with pytest.raises(ClusterError, match="cert-manager has not looked at its present form"):
        handler.create(inputs(server), 0.1)


def test_one_that_was_not_renewed_in_time_still_works_and_says_so_in_every_run(server: CertManagerServer) -> None:
    issued = datetime.now(UTC)
    server.issue(ROOT, now=issued)
    before = CertManagerIntermediateHandler().create(inputs(server), 0).outputs
    late = CertManagerIntermediateHandler(lambda: issued + timedelta(days=21))
    assert late.diff(inputs(server), before, inputs(server)).updates == ("state",)
    after = late.update("x", inputs(server), before, inputs(server), 0)
    assert after["state"].startswith("not renewed by cert-manager since ")
    assert after["certificate"] == before["certificate"]
    assert late.preview(before, inputs(server))["certificate"] == before["certificate"]


@pytest.mark.parametrize(("days", "found"), [(5, ()), (7, ("state",))])
def test_one_that_its_issuer_gave_less_time_than_was_requested_is_late_after_two_thirds_of_that(
    server: CertManagerServer, days: int, found: tuple[str, ...]
) -> None:
    issued = datetime.now(UTC)
    server.issue(ROOT, now=issued, days=9)
    before = CertManagerIntermediateHandler().create(inputs(server), 0).outputs
    assert before["state"].startswith("valid until ")
    handler = CertManagerIntermediateHandler(lambda: issued + timedelta(days=days))
    assert handler.diff(inputs(server), before, inputs(server)).updates == found


def test_one_that_expired_stops_the_cluster_and_what_to_look_at_is_named(server: CertManagerServer) -> None:
    issued = datetime.now(UTC)
    server.issue(ROOT, now=issued)
    before = CertManagerIntermediateHandler().create(inputs(server), 0).outputs
    over = CertManagerIntermediateHandler(lambda: issued + timedelta(days=31))
    with pytest.raises(ClusterError, match=r"west expired on .* kubectl describe certificate intermediate-west"):
        over.update("x", inputs(server), before, inputs(server), 0)


def test_while_the_cluster_of_the_issuer_is_down_nothing_changes(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(ROOT)
    before = handler.create(inputs(server), 0).outputs
    down = server.kubeconfig.replace(server.url, "http://127.0.0.1:9")
    assert not handler.diff(inputs(server, kubeconfig=down), before, inputs(server, kubeconfig=down)).updates
    told = handler.read("x", inputs(server, kubeconfig=down), before)
    assert told is not None
    assert told["state"].startswith("unknown: ")
    assert told["certificate"] == before["certificate"]
    assert not handler.diff(inputs(server, kubeconfig=down), told, inputs(server, kubeconfig=down)).updates
    # It responds again.
    assert handler.diff(inputs(server), told, inputs(server)).updates == ("state",)
    assert handler.update("x", inputs(server), told, inputs(server), 0) == before


def test_unknown_inputs_of_a_preview_ask_nothing(
    server: CertManagerServer, handler: CertManagerIntermediateHandler
) -> None:
    server.issue(ROOT)
    before = handler.create(inputs(server), 0).outputs
    unknown = inputs(server, kubeconfig=UNKNOWN, rootCertificate=UNKNOWN)
    assert handler.check(unknown)[1] == []
    assert handler.diff(inputs(server), before, unknown).updates == ("kubeconfig", "rootCertificate")
    assert handler.preview(before, unknown) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("rootCertificate", ""), ("request", None), ("renewBeforeDays", 30), ("name", "Of West"), ("keep", "yes")],
)
def test_wrong_inputs_are_named(
    server: CertManagerServer, handler: CertManagerIntermediateHandler, name: str, value: object
) -> None:
    assert [fault.property for fault in handler.check(inputs(server, **{name: value}))[1]] == [name]
