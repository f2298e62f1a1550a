"""A full disk is named in one sentence; with space the next up converges, and destroy needs none."""

from __future__ import annotations

import os
import sys

import pytest

from meshfleet.testing import Sandbox, small_fleet
from tests.integration.clone import CHECKOUT
from tests.integration.faults.full_disk import STACK

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a full disk is named, and up converges once there is space", step=3),
]

# A small disk in memory can be mounted without being root where users may have namespaces of their own.
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]


def test_a_full_disk_is_named_up_converges_with_space_and_destroy_without(sandbox: Sandbox) -> None:
    sandbox.write_stack(STACK, small_fleet("only"))
    arguments = [str(sandbox.project), str(sandbox.folder)]
    inside = [sys.executable, "-m", "tests.integration.faults.full_disk", *arguments]
    ran = sandbox.run([*NAMESPACE, *inside], expect=None, seconds=600, more={"PYTHONPATH": str(CHECKOUT)})
    assert ran.code == 0, ran.text
