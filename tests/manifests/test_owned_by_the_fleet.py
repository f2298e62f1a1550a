"""What the fleet owns is not changed by what its user adds: the values and fields by which Istio knows who is who.

The sweeps find them by themselves: they load a fleet under other names and compare its documents.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.embedded.istiod_spec import RESERVED_SETTINGS
from meshfleet.manifests import Chart, Document, fleet_plan
from meshfleet.manifests.addition_faults import addition_faults
from meshfleet.manifests.contradictions import contradictions
from meshfleet.manifests.injected import ANNOTATION
from meshfleet.manifests.objects import written
from meshfleet.manifests.plan import own_plan
from meshfleet.topology import load
from meshfleet.topology.owned import VALUES
from meshfleet.topology.owned_karmada import KARMADA_VALUES
from meshfleet.topology.owned_paths import ANY, Path, fits, spelled
from tests.components.fleets import CONFIGURATIONS, NAMES, fleet_called
from tests.manifests.added import AMBIENT, TWO, WHOLE, Config, faults_of, fleet_with
from tests.manifests.plans import named

pytestmark = pytest.mark.proof("what the fleet cannot express, its user adds", step=0)

# Everything by which Istio knows who is who, under a name and under another one.
IDENTITY = {
    "west": "westward",
    "network-west": "coast",
    "mesh1": "sea",
    "blue": "green",
    "gold": "silver",
    "sea.example": "land.example",
    "east": "eastward",
}


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from leaves(inner, (*path, str(key)))
    if not inside:
        yield path, value


def renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {new if key == old else key: renamed(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, old, new) for inner in value]
    return new if value == old else value


def identity_leaves(config: Config) -> Iterator[tuple[str, Document, Path]]:
    """Every leaf of every document that says something else when a name by which Istio knows a part changes."""
    fleet = load("x", config)
    for old, new in IDENTITY.items():
        other = load("x", renamed(config, old, new))
        for cluster in fleet.clusters:
            theirs = own_plan(other, new if cluster == old else cluster)
            for document in own_plan(fleet, cluster):
                twin = named(theirs, document.name.replace(old, new)) or named(theirs, document.name)
                after = dict(leaves(written(twin.body))) if twin else {}
                for path, value in leaves(written(document.body)):
                    if after.get(path) != value:
                        yield cluster, document, path


FOUND = [
    (config, cluster, name, path)
    for config in (WHOLE, AMBIENT)
    for cluster, name, path in dict.fromkeys(
        (cluster, document.name, path) for cluster, document, path in identity_leaves(config)
    )
]


def pointer(path: Path) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path)


def test_the_sweep_finds_what_names_reach() -> None:
    paths = {path for *_, path in FOUND}
    for known in (
        ("values", "global", "network"),
        ("values", "global", "meshID"),
        ("values", "global", "multiCluster", "clusterName"),
        ("values", "meshConfig", "trustDomain"),
        ("values", "revision"),
        ("values", "istiodRemote", "injectionURL"),
        ("values", "multiCluster", "clusterName"),
        ("values", "networkGateway"),
        ("values", "podAnnotations", ANNOTATION),
        ("metadata", "labels", "topology.istio.io/network"),
        ("metadata", "annotations", "topology.istio.io/controlPlaneClusters"),
        ("spec", "template", "network"),
    ):
        assert known in paths
    assert len(FOUND) > 120


@pytest.mark.parametrize("how", ["replace", "remove", "parent", "move", "merge"])
def test_a_patch_changes_nothing_that_names_reach(how: str) -> None:
    for base, cluster, name, path in FOUND:
        patches: dict[str, Config] = {
            "replace": {"json": [{"op": "replace", "path": pointer(path), "value": "other"}]},
            "remove": {"json": [{"op": "remove", "path": pointer(path)}]},
            "parent": {"json": [{"op": "replace", "path": pointer(path[:-1]), "value": {}}]},
            "move": {"json": [{"op": "move", "from": pointer(path), "path": "/elsewhere"}]},
            "merge": {"merge": _nested(path)},
        }
        config = copy.deepcopy(base)
        config["clusters"][cluster]["additions"] = {"patches": [{"document": name} | patches[how]]}
        found = faults_of(lambda config=config: load("x", config))
        assert found, f"{how} of {pointer(path)} in {name} of {cluster}"
        assert all("patches[0]" in where for where in found)
        assert all("set by the fleet from" in text or "the fleet's own" in text for text in found.values()), found


def _nested(path: Path) -> Config:
    made: Any = "other"
    for step in reversed(path):
        made = {step: made}
    return dict(made)


# What reaches names is of Istio; the chart of Karmada has values and owners of its own.
@pytest.mark.parametrize("chart", [str(chart) for chart in Chart if chart != Chart.KARMADA])
@pytest.mark.parametrize("where", ["istio", "cluster"])
def test_a_value_that_names_reach_is_refused_in_every_chart(chart: str, where: str) -> None:
    for path in sorted({path[1:] for *_, path in FOUND if path[0] == "values"}):
        values = {chart: _nested(path)}
        config = copy.deepcopy(TWO)
        if where == "istio":
            config["istio"] = {"values": values}
        else:
            config["clusters"]["west"]["istio"] = {"values": values}
        found = faults_of(lambda config=config: load("x", config))
        prefix = "istio.values" if where == "istio" else "clusters.west.istio.values"
        assert [text for place, text in found.items() if place.startswith(f"{prefix}.{chart}.")], path


@pytest.mark.parametrize("chart", [str(chart) for chart in Chart])
def test_every_owned_value_is_refused_with_the_field_that_owns_it(chart: str) -> None:
    for owned in (KARMADA_VALUES if chart == Chart.KARMADA else VALUES).entries:
        path = tuple(step.replace("/*", "/any") for step in owned.path)
        config = TWO | {"istio": {"values": {chart: _nested(path)}}}
        found = faults_of(lambda config=config: load("x", config))
        assert owned.owner in found[f"istio.values.{chart}.{spelled(path)}"]


def test_what_the_fleet_says_again_is_refused_too() -> None:
    found = faults_of(lambda: fleet_with(istio={"values": {"istiod": {"global": {"network": "network-west"}}}}))
    assert found == {
        "istio.values.istiod.global.network": "is set by the fleet from clusters.<name>.network; change it there"
    }


def test_variables_that_an_istiod_process_needs_are_owned() -> None:
    for name in RESERVED_SETTINGS:
        assert any(fits(owned.path, ("env", name)) for owned in VALUES.entries), name


@pytest.mark.tools
def test_what_only_a_run_knows_cannot_be_changed() -> None:
    for name in NAMES:
        for plan in fleet_plan(fleet_called(name)).values():
            for document in plan:
                before = written(document.body)
                for path, value in leaves(before):
                    if not (isinstance(value, str) and value.startswith("<")):
                        continue
                    for after in (with_leaf(before, path, "other"), with_leaf(before, path, None)):
                        assert contradictions(document, before, after), (document.name, path)


def with_leaf(value: Any, path: Path, leaf: str | None) -> Any:
    """A copy in which the leaf at a path is another, or None for one that is gone."""
    changed = copy.deepcopy(value)
    inner = changed
    for step in path[:-1]:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    last: Any = int(path[-1]) if isinstance(inner, list) else path[-1]
    if leaf is None:
        del inner[last]
    else:
        inner[last] = leaf
    return changed


def test_the_configurations_of_the_sweeps_are_good() -> None:
    for config in (TWO, WHOLE, AMBIENT):
        assert addition_faults(load("x", config)) == []
    assert set(CONFIGURATIONS) & set(NAMES)
    assert ANY not in {step for owned in VALUES.entries for step in owned.path}
