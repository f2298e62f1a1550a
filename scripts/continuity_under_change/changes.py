"""What is done to the fleet while requests are sent, each by what a user would write and run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from scripts.continuity_under_change.fleet_under_change import HOST, LATER, Config, FleetUnderChange, cluster, revision

OUTAGE_SECONDS = 60.0


@dataclass(frozen=True)
class Change:
    """`what` says it in the table, `make` does it. `before` is done first, while nobody asks.

    With `new_caller` the pod that asks is made anew before, since it would hold up the change.
    """

    what: str
    make: Callable[[FleetUnderChange], None]
    before: Callable[[FleetUnderChange], None] | None = None
    new_caller: bool = False


def _nothing(fleet: FleetUnderChange) -> None:
    """What the machine itself loses."""
    del fleet
    # Time itself is what is asked for; there is nothing to wait for.
    time.sleep(30)


def _intermediate(fleet: FleetUnderChange) -> None:
    def change(config: Config) -> None:
        config["meshes"]["mesh1"].setdefault("trust", {})["organization"] = "Continuity"

    fleet.changed(change)


def _root(fleet: FleetUnderChange) -> None:
    def change(config: Config) -> None:
        config["meshes"]["mesh1"].setdefault("trust", {})["roots"] = ["second"]

    fleet.changed(change)


def _token(fleet: FleetUnderChange) -> None:
    def change(config: Config) -> None:
        for declared in config["clusters"].values():
            declared["discovery"] = {"token": 2}

    fleet.changed(change)


def _green(fleet: FleetUnderChange) -> None:
    fleet.changed(lambda config: config.update(istio=revision("blue", "green")))


def _without_blue(fleet: FleetUnderChange) -> None:
    fleet.changed(lambda config: config.update(istio=revision("green")))


def _add(fleet: FleetUnderChange) -> None:
    def change(config: Config) -> None:
        config["networks"][f"network-{LATER}"] = {}
        config["clusters"][LATER] = cluster(LATER)

    if LATER not in fleet.config["clusters"]:
        fleet.changed(change)


def _remove(fleet: FleetUnderChange) -> None:
    def change(config: Config) -> None:
        del config["networks"][f"network-{LATER}"]
        del config["clusters"][LATER]

    fleet.changed(change)


def outage(seconds: float) -> Callable[[FleetUnderChange], None]:
    """The host's API server and its istiod are killed, and `up` starts them again after so long."""

    def change(fleet: FleetUnderChange) -> None:
        fleet.kill(fleet.workspace.cluster(HOST), "kube-apiserver")
        for folder in (fleet.workspace.directory / "istiods").glob(f"{HOST}.*"):
            fleet.kill(folder, "pilot-discovery")
        # The outage lasts, whatever happens in it.
        time.sleep(seconds)
        fleet.up()

    return change


CHANGES: dict[str, tuple[Change, ...]] = {
    "nothing": (Change("nothing, for 30 s", _nothing),),
    "intermediate": (Change("every intermediate is issued anew", _intermediate),),
    "root": (Change("the root gives way to another, in three stages", _root),),
    "token": (Change("every reader token is renewed", _token),),
    "revision": (
        Change("another revision of Istio, with gateways and workloads on it", _green),
        Change("the revision of before is removed", _without_blue, new_caller=True),
    ),
    "add": (Change("a member is added", _add),),
    "remove": (Change("a member is removed", _remove, before=_add),),
    "outage": (
        Change(f"the host's API server and istiod are dead for {OUTAGE_SECONDS:.0f} s", outage(OUTAGE_SECONDS)),
    ),
}
