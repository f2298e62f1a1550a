"""Root with the capabilities that Docker gives a container: the fleet comes up, and says what does not run."""

from __future__ import annotations

import pytest

from meshfleet.testing import Sandbox, small_fleet

pytestmark = pytest.mark.proof("privileges are tried: a container's root brings the fleet up, simulated", step=3)

STACK = "contained"
# https://docs.docker.com/engine/security/#linux-kernel-capabilities, moby/moby daemon/pkg/oci/caps/defaults.go
DOCKER = (
    *("chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "net_bind_service"),
    *("net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"),
)


@pytest.mark.root("capabilities that can be taken away")
def test_a_fleet_of_processes_comes_up_simulated_with_the_reason(sandbox: Sandbox) -> None:
    config = small_fleet("only")
    config["clusters"]["only"]["embedded"] = {"pods": "processes"}
    sandbox.write_stack(STACK, config)
    kept = ",".join(["-all", *(f"+{name}" for name in DOCKER)])
    sandbox.prefix = ("setpriv", f"--bounding-set={kept}", "--inh-caps=-all")
    sandbox.meshfleet("up", "--stack", STACK, "--json")
    report = sandbox.meshfleet("verify", "--stack", STACK, "--json").report
    assert report["ok"]
    reasons = {one["reason"] for one in report["notRun"]}
    assert {one["name"] for one in report["notRun"]} >= {"node-objects", "proxies-synced"}
    assert all("CAP_SYS_ADMIN" in reason and "not permitted" in reason for reason in reasons)
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    sandbox.prefix = ()
    assert sandbox.remains(STACK) == []
