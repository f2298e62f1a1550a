"""What `status` has of the API portal and of shares that are elsewhere; a status from before them has neither."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.automation.portal_readiness import with_readiness
from meshfleet.cli.tables import portal_lines
from meshfleet.status import read_status, write_status
from tests.portal.portal_under_test import free_port
from tests.tls_servers import self_signed

pytestmark = pytest.mark.proof("The API portal", step=0)

BEFORE: dict[str, Any] = {"version": 1, "stack": "s", "clusters": [], "meshes": [], "virtualMachines": []}


def portal(**changed: Any) -> dict[str, Any]:
    place = {"url": "https://127.0.0.1:8443", "certificateAuthority": "pem", "state": "running"}
    return {"cluster": "paris", "clusters": ["paris", "ohio"], **place, **changed}


def test_status_of_before_them_has_neither_portal_nor_evictions() -> None:
    status = read_status(BEFORE)
    assert (status.portal, status.evictions) == (None, ())
    assert list(portal_lines(status)) == []
    assert with_readiness(status) == status


def test_portal_is_shown_with_its_address_members_and_whether_it_answers() -> None:
    for ready, words in ((None, "not asked"), (True, "ready"), (False, "does not respond")):
        status = read_status({**BEFORE, "portal": portal(ready=ready)})
        first, second = portal_lines(status)
        assert first.startswith("portal beside paris at https://127.0.0.1:8443: ")
        assert words in first
        assert second == "  leads to paris, ohio"
    first, _ = portal_lines(read_status({**BEFORE, "portal": portal(url=None)}))
    assert first == "portal beside paris at no address yet: not asked"


def test_portal_that_nothing_listens_for_is_not_ready() -> None:
    authority = self_signed("127.0.0.1")[0].decode()
    place = portal(url=f"https://127.0.0.1:{free_port()}", certificateAuthority=authority)
    found = with_readiness(read_status({**BEFORE, "portal": place})).portal
    assert found is not None
    assert found.ready is False


def test_evictions_are_written_with_propagation_cluster_and_time() -> None:
    eviction = {"propagation": "web", "cluster": "ohio", "since": "2026-01-01T00:00:00Z"}
    fields = {key: value for key, value in BEFORE.items() if key != "version"}
    written = write_status({**fields, "evictions": [eviction]})
    assert written["evictions"] == [eviction]
    (read,) = read_status(written).evictions
    assert (read.propagation, read.cluster) == ("web", "ohio")
