"""What the tests on real nodes read, which run seldom: it is there."""

from __future__ import annotations

import pytest

from meshfleet.verification.checks import ALL
from tests.verification.checks_by_fleet import OF_ONE_SECTION, verifier_role

pytestmark = pytest.mark.proof("verification where istiod and proxies are pods", step=0)


def test_the_documented_role_lists_resources_for_every_rule() -> None:
    role = verifier_role()
    assert role["kind"] == "ClusterRole"
    assert {"pods/exec", "pods/proxy", "pods/portforward"} <= {
        resource for rule in role["rules"] for resource in rule["resources"]
    }


def test_checks_of_one_section_are_checks() -> None:
    assert {check.name for check in ALL} > OF_ONE_SECTION
