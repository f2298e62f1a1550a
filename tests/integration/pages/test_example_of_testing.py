"""The example of a user's own tests, on a fleet that is up."""

from __future__ import annotations

import re
import sys

import pytest

from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.testing import FleetUnderTest
from tests.integration.clone import Clone

pytestmark = pytest.mark.proof("users test their own stack files with the harness of this project", step=3)


@pytest.mark.proof("users test their own stack files with the harness of this project", step=4)
def test_the_tests_of_the_example_pass_on_a_running_fleet(dev_fleet: FleetUnderTest, clone: Clone) -> None:
    example = clone.root / "examples" / "testing"
    # Requests take pods that are processes.
    chosen = ["-k", "not requests"] if missing_prerequisite() else []
    stack = clone.root / "stacks" / "Pulumi.dev.yaml"
    pytest_in = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c"]
    options = ["--meshfleet-running", "--meshfleet-stack", str(stack), *chosen]
    ran = dev_fleet.sandbox.run([*pytest_in, str(example / "pytest.ini"), str(example), *options])
    assert re.search(rf"^{4 if chosen else 5} passed", ran.out, re.MULTILINE), ran.text
