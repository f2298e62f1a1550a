"""The share of a lost member: how long until it is ready elsewhere, and how many requests are lost meanwhile.

`reconcile --watch` runs, a client in another cluster sends 50 requests a second, and all processes of the member are
killed. Beside it stands what its new home needs in any case: `kubectl apply` of the same pods there, until they are
ready.
"""

from __future__ import annotations

import copy
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.testing import FleetUnderTest, Sender, bring_up, new_sandbox, settled
from meshfleet.verification.steady_requests import SteadyRequests
from scripts.benchmark.documented_sequence import run
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage
from tests.integration.failing_over import AFTER, ORDERS, STACK, WEB, deployment, stack, watched
from tests.integration.losing import lose

_LOST, _NEXT, _CALLER = "dublin", "ohio", "paris"
_BY_HAND: Final = "by-hand"
_STEADY: Final = 100
"""So many answers of the member before it is lost."""


@dataclass(frozen=True)
class Loss:
    """Seconds from the loss until the share is ready elsewhere, and until the first answer from there.

    `requests` are those that were due since; `by_hand` is what kubectl took for the same pods.
    """

    ready: float
    answered: float
    requests: int
    failed: int
    by_hand: float


def failover(stage: Stage, runs: int) -> list[Row]:
    """One fleet, in which the member is lost and comes back as often as there are runs."""
    with new_sandbox(PYTHONPATH=str(stage.root)) as sandbox:
        sandbox.write_stack(STACK, stack())
        with bring_up(sandbox, STACK) as fleet:
            # It writes the kubeconfigs that kubectl takes.
            sandbox.meshfleet("status", "--stack", STACK)
            return rows([_lose(fleet) for _ in range(runs)])


def rows(losses: Sequence[Loss]) -> list[Row]:
    """The lines of the table."""
    ready, answered, by_hand = (
        statistics.median(times)
        for times in zip(*((one.ready, one.answered, one.by_hand) for one in losses), strict=True)
    )
    failed = statistics.median(one.failed for one in losses)
    sent = statistics.median(one.requests for one in losses)
    return [
        Row(
            "from the loss of a member to its share ready in another",
            f"{ready:.1f} s",
            f"of which {AFTER} s by declaration; `kubectl apply` of it, ready: {by_hand:.1f} s",
            f"{ready - AFTER - by_hand:+.1f} s",
        ),
        Row(
            "from the loss to the first response from there, 50 requests/s",
            f"{answered:.1f} s",
            f"{failed:.0f} of {sent:.0f} failed",
            f"{failed / sent:.4f}",
        ),
    ]


def _lose(fleet: FleetUnderTest) -> Loss:
    by_hand = _by_hand(fleet)
    web = Sender(fleet, _CALLER, WEB)
    assert web.is_answered_by(ORDERS, _LOST)
    with watched(fleet) as watching:
        with web.send_steadily(ORDERS) as steady:
            assert settled(lambda: steady.clusters()[_LOST] >= _STEADY, 20)
            lost = steady.elapsed
            lose(fleet, _LOST)
            watching.wait_for(lambda heard: any(f"{_NEXT} gains Deployment orders" in line for line in heard))
            ready = steady.elapsed - lost
            assert settled(lambda: steady.clusters()[_NEXT] >= _STEADY, 60)
        loss = Loss(ready, _first_answer(steady) - lost, *_counted(steady, lost), by_hand)
        fleet.up()
        watching.wait_for(lambda heard: any(f"{_LOST} gains Deployment orders" in line for line in heard))
    assert web.is_answered_by(ORDERS, _LOST)
    return loss


def _first_answer(steady: SteadyRequests) -> float:
    return min(one.answered for one in steady.requests if one.reply.cluster == _NEXT)


def _counted(steady: SteadyRequests, lost: float) -> tuple[int, int]:
    since = steady.since(lost)
    return len(since.requests), len(since.failed)


def _by_hand(fleet: FleetUnderTest) -> float:
    """Seconds of `kubectl apply` of the same pods under another name, until they are ready; they are removed."""
    kubeconfig = fleet.sandbox.home / "fleets" / fleet.name / "kubeconfigs" / f"{_NEXT}.yaml"
    kubectl = [fleet.sandbox.kubectl_program, "--kubeconfig", str(kubeconfig), "--namespace", "shop"]
    began = time.monotonic()
    run([*kubectl, "apply", "--server-side", "-f", "-"], json.dumps(_other_deployment()))
    run([*kubectl, "rollout", "status", f"deployment/{_BY_HAND}", "--timeout=120s"])
    taken = time.monotonic() - began
    run([*kubectl, "delete", "deployment", _BY_HAND, "--wait=true"])
    return taken


def _other_deployment() -> dict[str, Any]:
    made = copy.deepcopy(deployment())
    made["metadata"]["name"] = _BY_HAND
    labels = {"app": _BY_HAND}
    made["spec"]["selector"]["matchLabels"] = made["spec"]["template"]["metadata"]["labels"] = labels
    return made
