"""What follows other objects, or keeps away from them, is where the direct engine has it with Karmada as well."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import TopologyError, load
from tests.federation.karmada_declarations import FLEET, only, propagation, settings, workload
from tests.federation.test_karmada_engine import assert_alike, assert_taken, bodies, direct

pytestmark = pytest.mark.proof("a control plane of Karmada gets what the direct engine would do", step=0)

TOLERATES: dict[str, Any] = {"clusterTolerations": [{"key": "trial", "operator": "Exists"}]}


def reading(name: str, *config_maps: str) -> dict[str, Any]:
    """A Deployment whose pods read these."""
    made = copy.deepcopy(workload(name, 2))
    entries = [{"configMapRef": {"name": one}} for one in config_maps]
    made["spec"]["template"]["spec"]["containers"][0]["envFrom"] = entries
    return made


def fleet(scheduling: str = "declared", **propagations: Any) -> dict[str, Any]:
    federation = copy.deepcopy(FLEET["federation"])
    federation["karmada"]["scheduling"] = scheduling
    return FLEET | {"federation": federation, "propagations": propagations}


def grouped(name: str, **placement: Any) -> dict[str, Any]:
    made = copy.deepcopy(workload(name, 2))
    made["metadata"]["labels"]["shop.example/group"] = "basket"
    return propagation(made, placement=placement)


def test_what_follows_goes_where_it_is_referred_to_whatever_is_tainted_and_nothing_else_does() -> None:
    declared = fleet(
        web=propagation(reading("web", "texts"), followDependencies=True, placement=only("east", "north") | TOLERATES),
        texts=propagation(settings("texts"), settings("unread"), onlyAsDependencies=True),
    )
    made = checked(load("shop", declared))
    found = {cluster: {name for *_, name in objects} for cluster, objects in direct(made).items()}
    assert found == {"west": set(), "east": {"web", "texts"}, "north": {"web", "texts"}}
    assert_alike(made)
    assert_taken(bodies(made))
    assert not any(body["metadata"]["name"] == "unread" for body in bodies(made))


def test_workloads_keep_to_each_other_or_apart() -> None:
    key = {"groupByLabelKey": "shop.example/group"}
    for kind, clusters in (("affinity", {"east"}), ("antiAffinity", {"west"})):
        affinity = {"workloadAffinity": {kind: key}}
        made = checked(
            load("shop", fleet(one=grouped("one", **only("east"), **affinity), two=grouped("two", **affinity)))
        )
        found = direct(made)
        assert {cluster for cluster in found if any(name == "two" for *_, name in found[cluster])} == clusters
        assert_alike(made)
        assert_taken(bodies(made))


def test_with_live_scheduling_both_are_refused_with_what_to_write() -> None:
    affinity = {"workloadAffinity": {"antiAffinity": {"groupByLabelKey": "shop.example/group"}}}
    declared = {
        "web": propagation(reading("web", "texts"), followDependencies=True),
        "two": grouped("two", **affinity),
    }
    with pytest.raises(TopologyError) as refused:
        checked(load("shop", fleet("live", **declared)))
    assert {fault.path: "scheduling: declared" in fault.message for fault in refused.value.faults} == {
        "propagations.web.followDependencies": True,
        "propagations.two.placement.workloadAffinity": True,
    }
    assert_alike(checked(load("shop", fleet("declared", **declared))))
