"""A primary whose istiod cannot become ready: its remote is named with the reason, and the next up repairs both."""

from __future__ import annotations

import os
import socket
import time

import pytest

from meshfleet.testing import Sandbox, small_fleet

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a cluster whose control plane did not start is reported with the reason", step=3),
]

STACK = "served"
# An istiod has a minute and a half to become ready; what waits for it is passed over.
BOUND = 240


def test_the_remote_is_named_with_its_primary_and_the_last_state_of_that_and_the_next_up_repairs_both(
    sandbox: Sandbox,
) -> None:
    config = small_fleet("primary", "branch")
    config["clusters"]["branch"]["controlPlane"] = {"remote": "primary"}
    sandbox.write_stack(STACK, config)
    started = time.monotonic()
    lines = sandbox.start("up", "--stack", STACK)
    lines.wait_for(lambda heard: any(line.startswith("primary  control plane  istiod-address") for line in heard))
    port = sandbox.reservations()[f"{STACK}/istiod/primary/default"]["grpc"]
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", port))
        foreign.listen()
        assert lines.end() == 1
        assert time.monotonic() - started < BOUND
        # Nothing knows the ports of an istiod that never ran, so it has others while these are taken.
        assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
        assert sandbox.reservations()[f"{STACK}/istiod/primary/default"]["grpc"] != port
    taken = f"port 127.0.0.1:{port} (grpc) is taken by process {os.getpid()} ("
    named = [line.strip() for line in lines.text.partition("error: ")[2].splitlines() if line.startswith("  ")]
    (own,) = [line for line in named if line.startswith("primary: ")]
    assert own.startswith("primary: istiod-process: ")
    assert taken in own
    (waiting,) = [line for line in named if line.startswith("branch ")]
    assert waiting.startswith("branch waits for the control plane of primary, whose istiod-process failed: ")
    assert taken in waiting
    # The rest of the remote, which needs nobody, was made.
    assert any(line.startswith("branch  ") and "  istio-system created" in line for line in lines.lines)
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []
