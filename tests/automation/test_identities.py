"""What commands make of the clusters that names lead to: refused, created again, dropped, or left alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.automation import destruction, identities, recreation
from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.identities import Reading, foreign_clusters, identities_in, require_one, start_reading
from meshfleet.automation.preflight import check_preconditions, prepare_up
from meshfleet.automation.recreation import without_clusters
from meshfleet.automation.state.recorded_state import clusters_of, identities_of
from meshfleet.components.kubeconfig_file import KubeconfigFile
from meshfleet.errors import ClusterError
from meshfleet.errors.causes import Cause
from meshfleet.kube.api_errors import UnreachableError
from meshfleet.kube.identity import identity_of_authority
from meshfleet.status import read_status
from meshfleet.topology import Fleet, StackFile, TopologyError, load
from meshfleet.topology.identities import Living
from meshfleet.workspace.fleet_identity import claim_fleet
from tests.automation.recorded_states import damage, names

pytestmark = pytest.mark.proof("a cluster is known by what it is, not by a name that leads to it", step=0)

PREFIX = "urn:pulumi:shops::meshfleet::"
OUR_PROVIDER = f"{PREFIX}pulumi:providers:meshfleet::default::1"
State = dict[str, Any]


def urn(kind: str, name: str) -> str:
    return f"{PREFIX}{kind}::{name}"


def resource(kind: str, name: str, **more: Any) -> State:
    return {"urn": urn(kind, name), "type": kind, "custom": not kind.startswith("meshfleet:components"), **more}


def state(**recorded: str) -> State:
    """A stack of existing clusters with these identities; the first one hosts an istiod of the last one."""
    clusters = [{"name": name, "identity": identity} for name, identity in recorded.items()]
    resources = [
        resource("pulumi:pulumi:Stack", "meshfleet-shops", outputs={"fleet": {"clusters": clusters}}),
        resource("pulumi:providers:meshfleet", "default", id="1"),
    ]
    for name, identity in recorded.items():
        of = urn("meshfleet:index:ClusterIdentity", f"{name}/identity")
        provider = urn("pulumi:providers:kubernetes", f"{name}/kubernetes")
        resources += [
            resource(
                "meshfleet:index:ClusterIdentity",
                f"{name}/identity",
                provider=OUR_PROVIDER,
                inputs={"context": name},
                outputs={"identity": identity},
            ),
            resource(
                "pulumi:providers:kubernetes", f"{name}/kubernetes", id="p", propertyDependencies={"kubeconfig": [of]}
            ),
            resource("kubernetes:core/v1:Namespace", f"{name}/istio-system", provider=f"{provider}::p"),
        ]
    first, last = next(iter(recorded)), list(recorded)[-1]
    first_urn = urn("meshfleet:index:ClusterIdentity", f"{first}/identity")
    resources.append(
        resource(
            "meshfleet:index:Istiod",
            f"{last}/istiod-process",
            provider=OUR_PROVIDER,
            propertyDependencies={"kubeconfig": [first_urn]},
        )
    )
    return {"resources": resources}


def config(*clusters: str) -> dict[str, Any]:
    return {
        "host": clusters[0],
        "networks": {"n": {}},
        "clusters": {
            name: {"existing": {"kubeconfig": "k", "context": name, "pods": "simulated"}, "network": "n"}
            for name in clusters
        },
    }


@dataclass
class World:
    """Where names and recorded accesses lead: to an identity, or nowhere."""

    names: dict[str, str] = field(default_factory=dict)
    recorded: dict[str, str] = field(default_factory=dict)

    def read(self, kubeconfig: str, context: str | None = None) -> str:
        found = (self.recorded if kubeconfig == "recorded" else self.names).get(str(context), "")
        if not found:
            raise UnreachableError(str(context), Cause.REFUSED)
        return found


@dataclass
class MadeUp:
    """A session and its engine with the state in memory."""

    checkout: Checkout
    topology: Fleet
    state: State
    rewritten: int = 0
    quiet: bool = True
    name: str = "shops"

    @property
    def engine(self) -> MadeUp:
        return self

    @property
    def file(self) -> StackFile:
        return StackFile("shops", self.checkout.root, {})

    @property
    def kubeconfigs(self) -> dict[str, KubeconfigFile]:
        return {name: KubeconfigFile("{}", f"https://{name}.example") for name in self.topology.clusters}

    @property
    def reading(self) -> Reading:
        return start_reading(self.topology, self.kubeconfigs, self.checkout.home)

    def recorded(self) -> State:
        return self.state

    def recorded_access(self, wanted: Any) -> dict[str, tuple[str, str]]:
        return {name: ("recorded", name) for name in wanted if name in identities_of(self.state)}

    def rewrite(self, change: Callable[[State], State]) -> None:
        self.state = change(self.state)
        self.rewritten += 1


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(identities, "read_identity", made.read)
    return made


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr("meshfleet.dataplane.sweep.sweep_cluster", lambda stack, name, home: found.append(name))
    return found


def refused(session: Any) -> list[str]:
    """The faults, the same for `up` and `preview`, with nothing changed."""
    told = []
    for command in (check_preconditions, lambda made: prepare_up(made, ())):
        with pytest.raises(TopologyError) as caught:
            command(session)
        told.append([str(fault) for fault in caught.value.faults])
    assert told[0] == told[1]
    assert session.rewritten == 0
    return told[0]


def test_recreated_clusters_are_dropped_with_all_that_was_made_through_them(
    checkout: Checkout, world: World, swept: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    session: Any = MadeUp(checkout, load("shops", config("blue", "green")), state(blue="b", green="g"))
    world.names = {"blue": "b2", "green": "g"}
    assert list(check_preconditions(session).recreated) == ["blue"]
    assert session.rewritten == 0
    prepare_up(session, ())
    assert swept == ["blue"]
    assert damage(session.state) == []
    # `green`'s istiod ran in `blue`.
    assert names(session.state) == {"default", "meshfleet-shops", "green/identity", "green/kubernetes"} | {
        "green/istio-system"
    }
    assert [entry["name"] for entry in session.state["resources"][0]["outputs"]["fleet"]["clusters"]] == ["green"]
    assert capsys.readouterr().err == (
        "blue: this is a different cluster (b2) from the recorded one (b), which no longer responds: all of its "
        "resources are recreated\n"
    )


def test_a_recorded_cluster_that_still_answers_is_not_taken_for_recreated(checkout: Checkout, world: World) -> None:
    session = MadeUp(checkout, load("shops", config("blue", "green")), state(blue="b", green="g"))
    world.names, world.recorded = {"blue": "b2", "green": "g"}, {"blue": "b"}
    (fault,) = refused(session)
    assert fault.startswith("clusters.blue.existing.context: leads to another cluster (b2)")
    # The same access may lead to the new cluster: then the old one is gone.
    world.recorded = {"blue": "b2"}
    assert list(check_preconditions(session).recreated) == ["blue"]  # type: ignore[arg-type]


def test_exchanged_renamed_and_doubled_clusters_are_refused(checkout: Checkout, world: World) -> None:
    recorded = state(blue="b", green="g")
    session = MadeUp(checkout, load("shops", config("blue", "green")), recorded)
    world.names = {"blue": "g", "green": "b"}
    assert [fault.partition(":")[0] for fault in refused(session)] == [
        "clusters.blue.existing.context",
        "clusters.green.existing.context",
    ]
    session = MadeUp(checkout, load("shops", config("blue", "store")), recorded)
    world.names = {"blue": "b", "store": "g"}
    (fault,) = refused(session)
    assert "leads to the cluster that the stack has as 'green'" in fault
    session = MadeUp(checkout, load("shops", config("blue", "green", "red")), recorded)
    world.names = {"blue": "b", "green": "g", "red": "g"}
    (fault,) = refused(session)
    assert fault.startswith("clusters.red.existing.context: leads to the same cluster as 'green'")


def test_a_cluster_of_another_stack_of_the_checkout_is_refused(checkout: Checkout, world: World) -> None:
    folder = checkout.state / ".pulumi" / "stacks" / PROJECT
    folder.mkdir(parents=True)
    (folder / "torn.json").write_text("{", encoding="utf-8")
    (folder / "other.json").write_text(json.dumps({"checkpoint": {"latest": state(east="e")}}), encoding="utf-8")
    session = MadeUp(checkout, load("shops", config("blue")), {})
    world.names = {"blue": "e"}
    (fault,) = refused(session)
    assert "a cluster of another stack, east of the stack other" in fault
    world.names = {"blue": "b"}
    assert check_preconditions(session).recreated == {}  # type: ignore[arg-type]


def test_what_cannot_be_read_changes_nothing(checkout: Checkout, world: World) -> None:
    session: Any = MadeUp(checkout, load("shops", config("blue", "green")), state(blue="b", green="g"))
    assert prepare_up(session, ()) == {}
    assert session.rewritten == 0


def test_nothing_is_deleted_in_a_stranger(
    checkout: Checkout, world: World, swept: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    session: Any = MadeUp(checkout, load("shops", config("blue")), state(blue="b", green="g"))
    world.names, world.recorded = {"blue": "b"}, {"blue": "b", "green": "x"}
    assert list(foreign_clusters(session, ["blue", "green"])) == ["green"]
    # Taken out of the file, it leaves the state without the engine.
    assert list(prepare_up(session, ())) == ["green"]
    assert clusters_of(session.state) == ("blue",)
    said = capsys.readouterr().err
    assert "green: a different cluster (x) has replaced the recorded one (g): nothing is deleted" in said


def test_destroy_drops_a_stranger_and_deletes_nothing_there(
    checkout: Checkout, world: World, swept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = MadeUp(checkout, load("shops", config("blue")), state(blue="b", green="g"))
    world.recorded = {"blue": "b", "green": "x"}
    claim_fleet(checkout.home, "shops")
    left: list[tuple[str, ...]] = []
    monkeypatch.setattr(destruction, "Engine", lambda *_: engine)
    monkeypatch.setattr(destruction, "prepare", lambda _: None)
    monkeypatch.setattr(destruction, "shared_plugins", lambda _: nullcontext())
    monkeypatch.setattr(destruction, "_destroy", lambda engine, *_, **__: left.append(clusters_of(engine.state)))
    engine.exists = lambda: True
    engine.remove = lambda: None
    engine.environment = SimpleNamespace(local_backend=False)
    assert destruction.destroy(checkout, "shops", quiet=True) == "shops"
    assert left == [("blue",)]


def test_commands_that_read_refuse_what_is_not_the_recorded_cluster(checkout: Checkout, world: World) -> None:
    session: Any = MadeUp(checkout, load("shops", config("blue", "green")), {})
    known = {"mesh": "mesh1", "network": "n", "controlPlane": {"kind": "own"}}
    identities = {"blue": "b", "green": "g", "old": None}
    clusters = [{"name": name, "identity": identity, **known} for name, identity in identities.items()]
    status = read_status({"stack": "shops", "clusters": clusters})
    assert identities_in(status) == {"blue": "b", "green": "g"}
    world.names = {"blue": "b", "green": "g"}
    require_one(session, status)
    world.names = {"blue": "b", "green": "g2"}
    with pytest.raises(ClusterError, match=r"green: this is a different cluster \(g2\).*meshfleet up --stack shops"):
        require_one(session, status)
    world.names = {"blue": "g", "green": "b"}
    with pytest.raises(TopologyError):
        require_one(session, status)


def test_an_embedded_cluster_that_is_named_as_existing_too_is_seen(checkout: Checkout, world: World) -> None:
    certificate = b"of west"
    pki = checkout.fleet("shops") / "clusters" / "west" / "kwok" / "clusters" / "west" / "pki"
    pki.mkdir(parents=True)
    (pki / "ca.crt").write_bytes(certificate)
    declared = config("blue")
    declared["clusters"]["west"] = {"embedded": {}, "network": "n"}
    world.names = {"blue": "uid"}
    data = base64.b64encode(certificate).decode()
    content = json.dumps({"clusters": [{"cluster": {"certificate-authority-data": data}}]})

    class Both(MadeUp):
        @property
        def kubeconfigs(self) -> dict[str, KubeconfigFile]:
            return {"blue": KubeconfigFile(content, "https://blue.example")}

    both: Any = Both(checkout, load("shops", declared), {})
    decisions = identities.compare(both, {"west": identity_of_authority(certificate)})
    assert "leads to the same cluster as 'west'" in str(decisions["blue"].fault)


def test_a_preview_runs_on_a_copy_of_the_state_only_where_a_cluster_is_another_one(checkout: Checkout) -> None:
    engine: Any = MadeUp(checkout, load("shops", config("blue")), {})
    with recreation.preview_engine(engine, ()) as same:
        assert same is engine


def test_reading_never_raises(checkout: Checkout, world: World, tmp_path: Path) -> None:
    folder = checkout.fleet("shops") / "clusters" / "west" / "kwok" / "clusters" / "west" / "pki" / "ca.crt"
    folder.mkdir(parents=True)
    declared = config("blue")
    declared["clusters"]["west"] = {"embedded": {}, "network": "n"}
    found = start_reading(load("shops", declared), {"blue": KubeconfigFile("{}", "s")}, checkout.home).result()
    assert found["blue"] == Living("existing", reason=str(UnreachableError("blue", Cause.REFUSED)))
    assert found["west"].identity == ""
    assert "directory" in found["west"].reason


def test_what_is_left_without_a_cluster_is_a_whole_state() -> None:
    left = without_clusters(state(blue="b", green="g", red="r"), ["blue"])
    assert damage(left) == []
    assert identities_of(left) == {"green": "g", "red": "r"}
    assert "red/istiod-process" not in names(left)
