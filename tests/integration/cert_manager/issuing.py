"""A fleet whose intermediates cert-manager issues in a cluster that no other control plane reads, and its questions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.testing import Sandbox
from scripts.continuity_under_change.caller import make_caller
from scripts.continuity_under_change.changes import Change
from scripts.continuity_under_change.figures import Figures, faults
from scripts.continuity_under_change.fleet_under_change import CALLER, HOST, STACK, FleetUnderChange, configuration

HUB, NAMESPACE = "hub", "meshfleet-trust"
CLUSTERS = (HOST, CALLER)
PROGRAM = "cert-manager-controller"


@contextmanager
def issuing_fleet(sandbox: Sandbox) -> Iterator[FleetUnderChange]:
    """Two clusters of a mesh whose intermediates the stack issues itself, and the hub."""
    config = configuration(*CLUSTERS)
    for declared in config["clusters"].values():
        declared["mesh"] = "mesh1"
    config["namespaces"]["sample"]["clusters"] = list(CLUSTERS)
    config["networks"]["network-hub"] = {}
    config["meshes"]["operations"] = {}
    config["clusters"][HUB] = {"embedded": {"pods": "simulated"}, "network": "network-hub", "mesh": "operations"}
    made = FleetUnderChange(sandbox.home, sandbox.write_stack, sandbox.meshfleet, config)
    made.up()
    make_caller(made)
    yield made
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


def with_trust(**trust: Any) -> Change:
    """Another trust of the mesh."""

    def change(config: dict[str, Any]) -> None:
        config["meshes"]["mesh1"]["trust"] = trust

    return Change("other trust", lambda fleet: fleet.changed(change))


def none_is_lost(figures: Figures) -> None:
    """All requests were answered, by both clusters; a machine under load may have sent fewer than were due."""
    assert faults(figures) == []
    assert set(figures.sent.clusters()) == set(CLUSTERS)
    assert len(figures.sent.requests) > figures.seconds
    print(figures.row)


def object_of(sandbox: Sandbox, cluster: str, *words: str) -> dict[str, Any]:
    """An object of a cluster."""
    found: dict[str, Any] = json.loads(sandbox.kubectl(STACK, cluster, "get", *words, "-o", "json").out)
    return found


def data(found: dict[str, Any], name: str) -> str:
    """A text in the data of a Secret."""
    return base64.b64decode(found["data"][name]).decode()


def signs(sandbox: Sandbox, cluster: str) -> str:
    """The certificate in `cacerts`."""
    return data(object_of(sandbox, cluster, "secret", "cacerts", "-n", "istio-system"), "ca-cert.pem")


def issued(sandbox: Sandbox, cluster: str) -> str:
    """What cert-manager has issued for a cluster."""
    return data(object_of(sandbox, HUB, "secret", f"intermediate-{cluster}", "-n", NAMESPACE), "tls.crt")


def istiods(sandbox: Sandbox) -> dict[str, psutil.Process]:
    """The process of each istiod."""
    return {name: sandbox.program(STACK, f"istiods/{name}.blue", "pilot-discovery") for name in CLUSTERS}


def renew(sandbox: Sandbox, cluster: str) -> str:
    """Have cert-manager issue it again, as its own `cmctl renew` does; the new certificate."""
    before, name = issued(sandbox, cluster), f"intermediate-{cluster}"
    status = object_of(sandbox, HUB, "certificate", name, "-n", NAMESPACE)["status"]
    due = {
        "type": "Issuing",
        "status": "True",
        "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered",
        "lastTransitionTime": status["conditions"][0]["lastTransitionTime"],
    }
    conditions = [one for one in status["conditions"] if one["type"] != "Issuing"]
    patch = json.dumps({"status": {"conditions": [*conditions, due]}})
    words = ("certificate", name, "-n", NAMESPACE, "--subresource=status", "--type=merge", f"--patch={patch}")
    sandbox.kubectl(STACK, HUB, "patch", *words)

    def renewed() -> str:
        if (now := issued(sandbox, cluster)) == before:
            raise NotYetError("it is the one of before")
        return now

    return wait_until(renewed, "cert-manager to renew it", 60, "look at cert-manager.log")


def holds(sandbox: Sandbox) -> None:
    """The fleet is verified, and there is nothing left to do."""
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").report["changes"] == []
