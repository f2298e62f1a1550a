"""What something else has issued is kept as it is, and what it is follows from the certificate."""

from __future__ import annotations

import pytest

from meshfleet.plugins.meshfleet.certificate_reading import fingerprint, load_certificate
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Difference
from meshfleet.plugins.meshfleet.issued_certificates import IssuedIntermediateHandler, IssuedRootHandler
from tests.issued_files import new_intermediate, new_root

pytestmark = pytest.mark.proof("intermediates that something else issues, in files", step=0)

ROOT = new_root()
WEST, RENEWED = new_intermediate(ROOT, "west"), new_intermediate(ROOT, "west")


def inputs(issued: object = WEST) -> dict[str, object]:
    return {
        "certificate": getattr(issued, "certificate"),  # noqa: B009  (either kind of authority)
        "privateKey": WEST.private_key,
        "certificateChain": WEST.certificate + ROOT.certificate,
    }


def test_its_outputs_follow_from_the_certificate() -> None:
    made = IssuedIntermediateHandler().create(inputs(), 0)
    assert made.outputs["fingerprint"] == fingerprint(load_certificate(WEST.certificate, "certificate"))
    assert made.outputs["state"] == f"valid until {made.outputs['notAfter']}"
    assert IssuedIntermediateHandler().preview(None, inputs()) == made.outputs
    assert IssuedIntermediateHandler().read("x", inputs(), made.outputs) == made.outputs


def test_another_certificate_is_an_update_in_place() -> None:
    handler = IssuedIntermediateHandler()
    made = handler.create(inputs(), 0)
    assert handler.diff(inputs(), made.outputs, inputs()) == Difference()
    assert handler.diff(inputs(), made.outputs, inputs(RENEWED)) == Difference(("certificate",))
    assert handler.update("x", inputs(), made.outputs, inputs(RENEWED), 0)["fingerprint"] != made.outputs["fingerprint"]


@pytest.mark.parametrize("name", ["certificate", "privateKey", "certificateChain"])
def test_what_the_state_does_not_hold_is_not_made_up(name: str) -> None:
    _, faults = IssuedIntermediateHandler().check(inputs() | {name: ""})
    assert [fault.property for fault in faults] == [name]
    assert "restore the files" in faults[0].reason
    assert IssuedIntermediateHandler().check(inputs() | {name: UNKNOWN})[1] == []


def test_a_root_that_cannot_be_read_is_refused_without_its_text() -> None:
    _, faults = IssuedRootHandler().check({"certificate": WEST.private_key})
    assert [fault.property for fault in faults] == ["certificate"]
    assert WEST.private_key.splitlines()[1] not in faults[0].reason
