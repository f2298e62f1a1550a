"""Forgetting a cluster: what is refused, in which order it goes, and going on after a killed command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation import forgetting
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.state.recorded_state import clusters_of
from meshfleet.embedded.addresses import reserve_address
from meshfleet.embedded.ports import reserve_ports
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import EngineError, FileError
from meshfleet.topology import StackFile
from tests.automation.recorded_states import CLUSTERS, recorded
from tests.dataplane.test_detached_processes import give_back

pytestmark = pytest.mark.proof("a dead member is forgotten with one flag, and no peer refers to it any more", step=0)

STACK = "west"


@dataclass
class MadeUp:
    """An engine that keeps the state in memory, and may be killed before it has written it."""

    file: StackFile = field(default_factory=lambda: StackFile(STACK, Path("/nowhere"), {}))
    state: dict[str, Any] = field(default_factory=recorded)
    rewritten: int = 0
    fails: bool = False

    def recorded(self) -> dict[str, Any]:
        return self.state

    def rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        if self.fails:
            raise EngineError("the disk is full")
        self.state = change(self.state)
        self.rewritten += 1


@pytest.fixture
def engine() -> Any:
    return MadeUp()


def leave_traces(checkout: Checkout, cluster: str) -> None:
    """Files and reservations as a running cluster has them."""
    folder = checkout.fleet(STACK)
    for path in (folder / "clusters" / cluster / "kubeconfig", folder / "istiods" / f"{cluster}.default" / "log"):
        path.parent.mkdir(parents=True)
        path.write_text("", encoding="utf-8")
    checkout.kubeconfig(STACK, cluster).parent.mkdir(exist_ok=True)
    checkout.kubeconfig(STACK, cluster).write_text("", encoding="utf-8")
    reserve_ports(checkout.home, f"{STACK}/cluster/{cluster}", ["etcd"])
    reserve_ports(checkout.home, f"{STACK}/istiod/{cluster}/default", ["http"])
    reserve_address(checkout.home, f"{STACK}/{cluster}/istio-system/istio-eastwestgateway")


def traces(checkout: Checkout) -> set[str]:
    """The clusters of which anything is left on this machine."""
    with reservations(checkout.home) as held:
        owners = [*held.ports, *held.addresses]
    text = " ".join([*owners, *map(str, checkout.fleet(STACK).rglob("*"))]).removeprefix(str(checkout.home))
    return {cluster for cluster in CLUSTERS if f"/{cluster}" in text.replace(f"fleets/{STACK}", "")}


def test_it_leaves_the_state_and_the_machine_in_one_go_and_the_others_untouched(
    checkout: Checkout, engine: MadeUp, capsys: pytest.CaptureFixture[str]
) -> None:
    for cluster in CLUSTERS:
        leave_traces(checkout, cluster)
    assert traces(checkout) == set(CLUSTERS)
    told = forgetting.forget(checkout, engine, ["west", "shop"], quiet=False)  # type: ignore[arg-type]
    assert set(told) == {"west", "shop"}
    assert all(count > 10 for count in told.values())
    assert clusters_of(engine.state) == ("hub",)
    assert engine.rewritten == 1
    assert traces(checkout) == {"hub"}
    give_back(checkout.home)
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" (")[0] for line in lines] == [
        f"west  cluster  {told['west']} resources dropped from the state",
        f"shop  cluster  {told['shop']} resources dropped from the state",
        "west  cluster  processes and files removed",
        "shop  cluster  processes and files removed",
    ]


def test_with_nothing_to_forget_nothing_is_touched_or_said(
    checkout: Checkout, engine: MadeUp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forgetting.forget(checkout, engine, [], quiet=False) == {}  # type: ignore[arg-type]
    assert (engine.rewritten, capsys.readouterr().err) == (0, "")
    assert not checkout.home.exists()


def test_until_the_run_after_it_has_ended_whoever_comes_next_knows_what_was_meant(
    checkout: Checkout, engine: MadeUp
) -> None:
    assert forgetting.interrupted(checkout, STACK) == ()
    engine.fails = True
    with pytest.raises(EngineError):
        forgetting.forget(checkout, engine, ["west"], quiet=True)  # type: ignore[arg-type]
    assert forgetting.interrupted(checkout, STACK) == ("west",)
    engine.fails = False
    forgetting.forget(checkout, engine, ["west"], quiet=True)  # type: ignore[arg-type]
    # The state knows it no more, and yet the same command is not told that it never was.
    assert forgetting.known_to(checkout, STACK, engine.state) == {"hub", "shop", "west"}
    assert forgetting.forget(checkout, engine, ["west"], quiet=True) == {"west": 0}  # type: ignore[arg-type]
    assert engine.rewritten == 1
    forgetting.done(checkout, STACK)
    assert forgetting.known_to(checkout, STACK, engine.state) == {"hub", "shop"}
    forgetting.done(checkout, STACK)


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '{"version": 2, "clusters": []}'])
def test_a_damaged_note_is_never_taken_for_none(checkout: Checkout, text: str) -> None:
    note = checkout.fleet(STACK) / "forgetting.json"
    note.parent.mkdir(parents=True)
    note.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=r"forgetting\.json: .*remove that file and repeat --forget"):
        forgetting.interrupted(checkout, STACK)
    note.write_text('["west"]', encoding="utf-8")
    assert forgetting.interrupted(checkout, STACK) == ("west",)


def test_only_what_is_known_and_not_declared_any_more_can_be_forgotten() -> None:
    assert forgetting.faults(["west"], declared=["hub"], known=CLUSTERS) == []
    assert forgetting.faults(["west"], declared=(), known=["west"]) == []
    wrong = forgetting.faults(["hub", "south"], declared=["hub", "north"], known=CLUSTERS)
    assert [str(fault) for fault in wrong] == [
        "--forget: 'hub' is in the stack file; remove it from `clusters` there, then repeat --forget",
        "--forget: no cluster of this stack is named 'south'; known are hub, shop, west",
    ]
    assert "known are none" in forgetting.faults(["west"], declared=(), known=())[0].message


def test_the_advice_names_the_command_for_each_cluster_that_does_not_respond() -> None:
    assert forgetting.advice([], "run meshfleet up") == ""
    assert forgetting.advice(["west", "shop"], "run meshfleet destroy --stack dev") == (
        "\nif west is permanently lost: run meshfleet destroy --stack dev --forget west"
        "\nif shop is permanently lost: run meshfleet destroy --stack dev --forget shop"
    )
