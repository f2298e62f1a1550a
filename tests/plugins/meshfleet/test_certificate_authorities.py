"""The life cycle of both kinds of certificate authority, with a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshfleet.errors import CertificateError
from meshfleet.plugins.meshfleet.certificate_reading import is_issued_by, load_certificate, verify_chain
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Properties
from meshfleet.plugins.meshfleet.intermediate_certificate_authority import IntermediateCertificateAuthorityHandler
from meshfleet.plugins.meshfleet.root_certificate_authority import RootCertificateAuthorityHandler

pytestmark = pytest.mark.proof("life cycle of the certificate authorities: renewal, damage, expiry", step=0)

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.days = 0

    def __call__(self) -> datetime:
        return START + timedelta(days=self.days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def roots(clock: Clock) -> RootCertificateAuthorityHandler:
    return RootCertificateAuthorityHandler(clock)


@pytest.fixture
def intermediates(clock: Clock) -> IntermediateCertificateAuthorityHandler:
    return IntermediateCertificateAuthorityHandler(clock)


@pytest.fixture
def root_inputs(roots: RootCertificateAuthorityHandler) -> Properties:
    inputs, faults = roots.check({"commonName": "mesh1 Root CA"})
    assert not faults
    return inputs


@pytest.fixture
def root(roots: RootCertificateAuthorityHandler, root_inputs: Properties) -> Properties:
    return roots.create(root_inputs, 0).outputs


@pytest.fixture
def inputs(intermediates: IntermediateCertificateAuthorityHandler, root: Properties) -> Properties:
    given = {"rootCertificate": root["certificate"], "rootPrivateKey": root["privateKey"], "cluster": "west"}
    filled, faults = intermediates.check(given)
    assert not faults
    return filled


@pytest.fixture
def issued(intermediates: IntermediateCertificateAuthorityHandler, inputs: Properties) -> Properties:
    return intermediates.create(inputs, 0).outputs


def test_a_new_root_has_all_outputs_and_its_key_is_secret(
    roots: RootCertificateAuthorityHandler, root: Properties
) -> None:
    assert set(root) == roots.outputs
    assert roots.secret_outputs == {"privateKey"}
    assert root["notAfter"] == "2036-11-20T09:30:00Z"
    assert root["state"] == "valid until 2036-11-20T09:30:00Z"


@pytest.mark.parametrize("name", ["commonName", "organization", "algorithm"])
def test_another_subject_or_algorithm_replaces_a_root(
    roots: RootCertificateAuthorityHandler, root: Properties, root_inputs: Properties, name: str
) -> None:
    new = {**root_inputs, name: "rsa-4096" if name == "algorithm" else "other"}
    difference = roots.diff(root_inputs, root, new)
    assert difference.replaces == (name,)
    assert not difference.updates
    assert not difference.delete_before_replace


def test_nothing_changes_while_nothing_is_due(
    roots: RootCertificateAuthorityHandler,
    root: Properties,
    root_inputs: Properties,
    intermediates: IntermediateCertificateAuthorityHandler,
    issued: Properties,
    inputs: Properties,
    clock: Clock,
) -> None:
    clock.days = 600
    for handler, given, outputs in ((roots, root_inputs, root), (intermediates, inputs, issued)):
        difference = handler.diff(given, outputs, given)
        assert not difference.updates
        assert not difference.replaces
        assert handler.preview(outputs, given) == outputs
        assert handler.update("id", given, outputs, given, 0) == outputs
        assert handler.read("id", given, outputs) == outputs


def test_a_root_near_its_end_is_renewed_with_the_same_key_and_the_preview_says_so(
    roots: RootCertificateAuthorityHandler,
    root: Properties,
    root_inputs: Properties,
    issued: Properties,
    clock: Clock,
) -> None:
    clock.days = 3650 - 365
    assert roots.diff(root_inputs, root, root_inputs).updates == ("notAfter",)
    assert roots.preview(root, root_inputs) == {"privateKey": root["privateKey"]}
    renewed = roots.update("id", root_inputs, root, root_inputs, 0)
    assert renewed["privateKey"] == root["privateKey"]
    assert renewed["notAfter"] > root["notAfter"]
    intermediate = load_certificate(issued["certificate"], "certificate")
    assert is_issued_by(intermediate, load_certificate(renewed["certificate"], "certificate"))
    assert not roots.diff(root_inputs, renewed, root_inputs).updates


def test_another_validity_renews_a_root_in_place(
    roots: RootCertificateAuthorityHandler, root: Properties, root_inputs: Properties
) -> None:
    longer = {**root_inputs, "validityDays": 7300}
    assert roots.diff(root_inputs, root, longer).updates == ("validityDays", "notAfter")
    assert roots.update("id", root_inputs, root, longer, 0)["notAfter"] == "2046-11-18T09:30:00Z"


def test_an_earlier_renewal_alone_issues_nothing(
    roots: RootCertificateAuthorityHandler, root: Properties, root_inputs: Properties
) -> None:
    earlier = {**root_inputs, "renewBeforeDays": 30}
    assert roots.diff(root_inputs, root, earlier).updates == ("renewBeforeDays",)
    assert roots.update("id", root_inputs, root, earlier, 0) == root


def test_an_intermediate_has_what_the_secret_cacerts_needs(
    intermediates: IntermediateCertificateAuthorityHandler, root: Properties, issued: Properties
) -> None:
    assert set(issued) == intermediates.outputs
    assert issued["certificateChain"] == issued["certificate"] + root["certificate"]
    verify_chain(issued["certificateChain"], root["certificate"], START)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster", "east"),
        ("organization", "other"),
        ("algorithm", "rsa-4096"),
        ("namespace", "mesh2"),
        ("validityDays", 99),
    ],
)
def test_a_changed_input_issues_an_intermediate_again_in_place(
    intermediates: IntermediateCertificateAuthorityHandler,
    issued: Properties,
    inputs: Properties,
    name: str,
    value: Any,
) -> None:
    new = {**inputs, name: value}
    difference = intermediates.diff(inputs, issued, new)
    assert difference.updates == (name, "notAfter")
    assert not difference.replaces
    assert intermediates.preview(issued, new) == {}
    again = intermediates.update("id", inputs, issued, new, 0)
    assert again["fingerprint"] != issued["fingerprint"]
    assert not intermediates.diff(new, again, new).updates


def test_an_intermediate_near_its_end_is_issued_again_with_a_new_key(
    intermediates: IntermediateCertificateAuthorityHandler,
    issued: Properties,
    inputs: Properties,
    clock: Clock,
) -> None:
    clock.days = 730 - 90
    assert intermediates.diff(inputs, issued, inputs).updates == ("notAfter",)
    again = intermediates.update("id", inputs, issued, inputs, 0)
    assert again["privateKey"] != issued["privateKey"]
    verify_chain(again["certificateChain"], inputs["rootCertificate"], clock())


def test_a_renewed_root_renews_only_the_chain(
    roots: RootCertificateAuthorityHandler,
    root: Properties,
    root_inputs: Properties,
    intermediates: IntermediateCertificateAuthorityHandler,
    issued: Properties,
    inputs: Properties,
    clock: Clock,
) -> None:
    clock.days = 100
    renewed = roots.update("id", root_inputs, root, {**root_inputs, "validityDays": 5000}, 0)
    new = {**inputs, "rootCertificate": renewed["certificate"]}
    assert intermediates.diff(inputs, issued, new).updates == ("rootCertificate",)
    chained = intermediates.update("id", inputs, issued, new, 0)
    assert chained["certificate"] == issued["certificate"]
    assert chained["certificateChain"] == issued["certificate"] + renewed["certificate"]
    verify_chain(chained["certificateChain"], renewed["certificate"], clock())


def test_another_root_issues_an_intermediate_again(
    roots: RootCertificateAuthorityHandler,
    root_inputs: Properties,
    intermediates: IntermediateCertificateAuthorityHandler,
    issued: Properties,
    inputs: Properties,
) -> None:
    other = roots.create(root_inputs, 0).outputs
    new = {**inputs, "rootCertificate": other["certificate"], "rootPrivateKey": other["privateKey"]}
    again = intermediates.update("id", inputs, issued, new, 0)
    verify_chain(again["certificateChain"], other["certificate"], START)


def test_an_intermediate_that_ends_with_its_root_is_not_renewed_for_ever(
    intermediates: IntermediateCertificateAuthorityHandler,
    roots: RootCertificateAuthorityHandler,
    root_inputs: Properties,
    inputs: Properties,
    clock: Clock,
) -> None:
    short = roots.create({**root_inputs, "validityDays": 50, "renewBeforeDays": 1}, 0).outputs
    given = {**inputs, "rootCertificate": short["certificate"], "rootPrivateKey": short["privateKey"]}
    outputs = intermediates.create(given, 0).outputs
    clock.days = 20
    assert not intermediates.diff(given, outputs, given).updates


def test_an_unknown_root_leaves_everything_open_in_a_preview(
    intermediates: IntermediateCertificateAuthorityHandler, issued: Properties, inputs: Properties
) -> None:
    given, faults = intermediates.check({"cluster": "west", "rootCertificate": UNKNOWN, "rootPrivateKey": UNKNOWN})
    assert not faults
    assert intermediates.preview(None, given) == {}
    assert intermediates.diff(inputs, issued, given).updates == ("rootCertificate", "rootPrivateKey")
    assert intermediates.preview(issued, given) == {}


def test_an_expired_certificate_is_noticed_by_read_and_mended_by_update(
    roots: RootCertificateAuthorityHandler,
    root: Properties,
    root_inputs: Properties,
    intermediates: IntermediateCertificateAuthorityHandler,
    issued: Properties,
    inputs: Properties,
    clock: Clock,
) -> None:
    clock.days = 4000
    for handler, given, outputs in ((roots, root_inputs, root), (intermediates, inputs, issued)):
        seen = handler.read("id", given, outputs)
        assert seen is not None
        assert seen["state"] == f"expired on {outputs['notAfter']}"
        assert handler.diff(given, seen, given).updates == ("notAfter",)
    with pytest.raises(CertificateError, match=r"rootCertificate: .* expired on"):
        intermediates.update("id", inputs, issued, inputs, 0)
    renewed = roots.update("id", root_inputs, root, root_inputs, 0)
    new = {**inputs, "rootCertificate": renewed["certificate"]}
    assert intermediates.update("id", inputs, issued, new, 0)["state"].startswith("valid until")


@pytest.mark.parametrize(
    "break_it",
    [
        lambda outputs: {**outputs, "certificate": outputs["certificate"][:200]},
        lambda outputs: {**outputs, "privateKey": ""},
        lambda outputs: {**outputs, "privateKey": outputs["privateKey"].replace("M", "N")},
    ],
    ids=["certificate cut short", "key missing", "key altered"],
)
def test_damage_is_noticed_by_read_and_diff_and_mended_by_update(
    break_it: Callable[[Properties], Properties],
    roots: RootCertificateAuthorityHandler,
    root: Properties,
    root_inputs: Properties,
    intermediates: IntermediateCertificateAuthorityHandler,
    issued: Properties,
    inputs: Properties,
) -> None:
    for handler, given, outputs in ((roots, root_inputs, root), (intermediates, inputs, issued)):
        broken = break_it(outputs)
        seen = handler.read("id", given, broken)
        assert seen is not None
        assert seen["state"].startswith("damaged: ")
        assert handler.diff(given, broken, given).updates == ("state",)
        assert handler.preview(broken, given) == {}
        mended = handler.update("id", given, broken, given, 0)
        assert mended["state"].startswith("valid until")
        assert not handler.diff(given, mended, given).updates


def test_what_has_no_certificate_is_gone(
    roots: RootCertificateAuthorityHandler, intermediates: IntermediateCertificateAuthorityHandler
) -> None:
    assert roots.read("id", {}, {}) is None
    assert intermediates.read("id", {}, {}) is None


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"commonName": ""}, "commonName"),
        ({"commonName": "x" * 65}, "commonName"),
        ({"organization": 7}, "organization"),
        ({"algorithm": "ed25519"}, "algorithm"),
        ({"validityDays": 0}, "validityDays"),
        ({"validityDays": 1.5}, "validityDays"),
        ({"validityDays": True}, "validityDays"),
        ({"validityDays": 36501}, "validityDays"),
        ({"renewBeforeDays": -1}, "renewBeforeDays"),
        ({"validityDays": 30, "renewBeforeDays": 30}, "renewBeforeDays"),
    ],
)
def test_a_wrong_input_of_a_root_is_named(roots: RootCertificateAuthorityHandler, wrong: Properties, path: str) -> None:
    _, faults = roots.check({"commonName": "Root CA", **wrong})
    assert [fault.property for fault in faults] == [path]


@pytest.mark.parametrize("path", ["cluster", "rootCertificate", "rootPrivateKey"])
def test_a_missing_input_of_an_intermediate_is_named(
    intermediates: IntermediateCertificateAuthorityHandler, inputs: Properties, path: str
) -> None:
    _, faults = intermediates.check({name: value for name, value in inputs.items() if name != path})
    assert [fault.property for fault in faults] == [path]
    _, faults = intermediates.check({**inputs, path: UNKNOWN})
    assert not faults


def test_what_was_issued_by_a_clock_that_was_ahead_is_issued_again(
    roots: RootCertificateAuthorityHandler,
    intermediates: IntermediateCertificateAuthorityHandler,
    clock: Clock,
) -> None:
    clock.days = 40
    root_inputs, _ = roots.check({"commonName": "root", "mesh": "mesh1"})
    root = roots.create(root_inputs, 0).outputs
    inputs, _ = intermediates.check(
        {"cluster": "west", "rootCertificate": root["certificate"], "rootPrivateKey": root["privateKey"]}
    )
    issued = intermediates.create(inputs, 0).outputs
    clock.days = 0
    assert roots.diff(root_inputs, root, root_inputs).updates == ("state",)
    assert intermediates.diff(inputs, issued, inputs).updates == ("state",)
    healed = roots.update("id", root_inputs, root, root_inputs, 0)
    # The key stays, so that what it has signed still fits.
    assert healed["privateKey"] == root["privateKey"]
    assert healed["state"].startswith("valid until ")
    following = inputs | {"rootCertificate": healed["certificate"], "rootPrivateKey": healed["privateKey"]}
    again = intermediates.update("id", inputs, issued, following, 0)
    verify_chain(again["certificateChain"], healed["certificate"], clock())
    assert roots.diff(root_inputs, healed, root_inputs).updates == ()
    assert intermediates.diff(following, again, following).updates == ()
