"""A cluster is selected by what it declares, and the reason says what it lacks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.affinity import mismatch, untolerated
from meshfleet.federation.candidates import Candidate, candidates
from meshfleet.topology import load
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.placement import Taint, Toleration
from tests.examples import up_to

pytestmark = pytest.mark.proof(
    "objects go to the clusters that their placement selects, with reasons for others", step=0
)

WEST = Candidate("west", "eks", "us-west", "a", {"tier": "gold", "bare": ""})
BARE = Candidate("bare")


def affinity(**fields: Any) -> ClusterAffinity:
    return ClusterAffinity.model_validate(fields)


def label(key: str, operator: str, *values: str) -> ClusterAffinity:
    return affinity(matchExpressions=[{"key": key, "operator": operator, "values": list(values)}])


@pytest.mark.parametrize(
    "selection, cluster, why",
    [
        (affinity(), BARE, ""),
        (affinity(clusterNames=["west"], regions=["us-west"], zones=["a"], providers=["eks"]), WEST, ""),
        (affinity(clusterNames=["east"]), WEST, "name west is none of east"),
        (affinity(clusterNames=["west"], excludeClusters=["west"]), WEST, "excluded by name"),
        (affinity(regions=["us-east", "eu"]), WEST, "region us-west is none of us-east, eu"),
        (affinity(regions=["us-east"]), BARE, "no region, none of us-east"),
        (affinity(regions=[""]), BARE, "no region, none of empty"),
        (affinity(zones=["b"]), WEST, "zone a is none of b"),
        (affinity(providers=["kind"]), WEST, "provider eks is none of kind"),
        (affinity(matchLabels={"tier": "gold"}), WEST, ""),
        (affinity(matchLabels={"tier": "silver"}), WEST, "label tier is gold, not silver"),
        (affinity(matchLabels={"tier": "silver"}), BARE, "no label tier"),
        (affinity(matchLabels={"bare": "x"}), WEST, "label bare is empty, not x"),
        (label("tier", "In", "gold", "silver"), WEST, ""),
        (label("tier", "In", "silver"), WEST, "label tier is gold, none of silver"),
        (label("tier", "In", "silver"), BARE, "no label tier"),
        (label("tier", "NotIn", "gold"), WEST, "label tier is gold"),
        (label("tier", "NotIn", "gold"), BARE, ""),
        (label("tier", "Exists"), BARE, "no label tier"),
        (label("bare", "Exists"), WEST, ""),
        (label("tier", "DoesNotExist"), WEST, "label tier is there"),
        (label("tier", "DoesNotExist"), BARE, ""),
    ],
)
def test_a_reason_names_the_requirement_that_is_not_met(
    selection: ClusterAffinity, cluster: Candidate, why: str
) -> None:
    assert mismatch(selection, cluster) == why


def test_a_long_list_of_names_is_cut_in_a_reason() -> None:
    names = [f"c{number}" for number in range(100)]
    assert mismatch(affinity(clusterNames=names), WEST) == "name west is none of c0, c1, c2, c3, c4 and 95 more"


def _tolerations(*fields: dict[str, str]) -> tuple[Toleration, ...]:
    return tuple(Toleration.model_validate(each) for each in fields)


@pytest.mark.parametrize(
    "toleration, tolerated",
    [
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "yes", "effect": "NoExecute"}, False),
        ({"key": "gpu"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_toleration_covers_taints_as_in_kubernetes(toleration: dict[str, str], tolerated: bool) -> None:
    cluster = Candidate("a", taints=(Taint(key="gpu", value="yes", effect="NoSchedule"),))
    why = "" if tolerated else "taint gpu=yes:NoSchedule is not tolerated"
    assert untolerated(_tolerations(toleration), cluster) == why


@given(st.sampled_from(["NoSchedule", "NoExecute"]), st.sampled_from(["NoSchedule", "NoExecute"]))
@up_to(4)
def test_every_taint_has_to_be_tolerated(first: Any, second: Any) -> None:
    cluster = Candidate("a", taints=(Taint(key="a", effect=first), Taint(key="b", effect=second)))
    assert untolerated(_tolerations({"key": "a"}), cluster) == f"taint b:{second} is not tolerated"
    assert untolerated(_tolerations({"key": "a"}, {"key": "b"}), cluster) == ""


def test_candidates_are_the_clusters_of_the_stack_file_in_order() -> None:
    clusters: dict[str, Any] = {
        "west": {"embedded": {}, "network": "one", "region": "us", "zone": "b", "labels": {"tier": "gold"}},
        "east": {
            "embedded": {},
            "network": "one",
            "taints": [{"key": "gpu", "effect": "NoSchedule"}],
            "capacity": {"cpu": "4"},
        },
    }
    west, east = candidates(load("order", {"host": "west", "networks": {"one": {}}, "clusters": clusters}))
    assert west == Candidate("west", "embedded", "us", "b", {"tier": "gold"})
    assert (east.name, east.taints[0].key, east.capacity and east.capacity.cpu) == ("east", "gpu", "4")
