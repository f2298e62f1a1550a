"""What propagated workloads of a namespace ask for in all clusters together is held to its quota."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.federation.faults import propagation_faults
from meshfleet.topology import load
from tests.federation.test_propagation_faults import GOOD, config_map, deployment, of, to

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=0)

PATH = "namespaces.shop.federatedResourceQuota.overall"


def faults(propagations: dict[str, Any], **overall: Any) -> dict[str, str]:
    config = GOOD | {
        "namespaces": {"shop": {"federatedResourceQuota": {"overall": overall}}, "stage": {}},
        "propagations": propagations,
    }
    return {fault.path: fault.message for fault in propagation_faults(load("dev", config))}


def test_requests_times_replicas_are_summed_over_clusters_and_what_exceeds_them_is_named() -> None:
    web = {"web": of(deployment(2, "250m"))}
    assert faults(web, cpu="1", pods=4) == {}
    assert faults(web, cpu="999m", pods=3) == {
        f"{PATH}.cpu": "1 cpu are asked for over all clusters, 999m cpu are allowed: propagations.web: Deployment web "
        "(500m cpu in east, 500m cpu in west); ask for less, or raise the quota",
        f"{PATH}.pods": "4 pods are asked for over all clusters, 3 pods are allowed: propagations.web: Deployment web "
        "(2 pods in east, 2 pods in west); ask for less, or raise the quota",
    }


def test_every_propagation_of_the_namespace_counts_and_no_other() -> None:
    batch = deployment(3, "100m", namespace="stage")
    second = deployment(1) | {"metadata": {"name": "second", "namespace": "shop"}}
    both = {"web": of(deployment(1)), "more": of(second, config_map("read"), **to("east")), "other": of(batch)}
    assert faults(both, pods=3) == {}
    found = faults(both, pods=2)[f"{PATH}.pods"]
    assert "more: Deployment second (1 pod in east), propagations.web: Deployment web (1 pod in east, 1 pod in" in found


def test_what_an_override_makes_of_a_cluster_counts() -> None:
    more = {"overrides": [{"targetClusters": {"clusterNames": ["east"]}, "replicas": 5}]}
    web = {"web": of(deployment(1)) | more}
    assert faults(web, pods=6) == {}
    assert "(5 pods in east, 1 pod in west)" in faults(web, pods=5)[f"{PATH}.pods"]


def test_a_single_pod_counts_once_in_each_cluster() -> None:
    pod = config_map(kind="Pod", spec=deployment()["spec"]["template"]["spec"])
    assert faults({"web": of(pod)}, pods=2) == {}
    assert f"{PATH}.pods" in faults({"web": of(pod)}, pods=1)
