"""What is added to the settings of injection rolls out the pods that are injected with it, and no others."""

from __future__ import annotations

import copy
import json

import pytest

from meshfleet.manifests import cluster_plan
from meshfleet.manifests.added_values import process_settings
from meshfleet.manifests.injected import ANNOTATION, described
from meshfleet.manifests.objects import written
from meshfleet.topology import Fleet, load
from tests.manifests.added import WHOLE, Config, fleet_with, patched
from tests.manifests.plans import named, releases

pytestmark = pytest.mark.proof("what the fleet cannot express, its user adds", step=0)


def templates(fleet: Fleet, cluster: str) -> dict[str, str]:
    plan = cluster_plan(fleet, cluster)
    deployment = named(plan, "workload-deployment-web-v1")
    assert deployment is not None
    return {
        "workload": written(deployment.body)["spec"]["template"]["metadata"]["annotations"][ANNOTATION],
        "gateway": releases(plan)["east-west-gateway"].values["podAnnotations"][ANNOTATION],
    }


@pytest.mark.parametrize(
    ("chart", "values", "rolls"),
    [
        ("istiod", {"global": {"proxy": {"logLevel": "info"}}}, True),
        ("istiod", {"sidecarInjectorWebhook": {"templates": {"custom": "spec: {}"}}}, True),
        ("istiod", {"meshConfig": {"defaultConfig": {"holdApplicationUntilProxyStarts": True}}}, True),
        ("istiod", {"meshConfig": {"enablePrometheusMerge": False}}, True),
        ("istiod", {"env": {"ENABLE_NATIVE_SIDECARS": "false"}}, True),
        ("istiod", {"cni": {"enabled": True}}, True),
        # What running proxies take up, or never see.
        ("istiod", {"meshConfig": {"enableTracing": True}}, False),
        ("istiod", {"resources": {"requests": {"cpu": "1"}}}, False),
        ("base", {"enableCRDTemplates": True}, False),
    ],
)
def test_added_values_roll_out_exactly_the_pods_that_are_injected_with_them(
    chart: str, values: Config, rolls: bool
) -> None:
    for cluster in ("west", "east"):
        before = templates(fleet_with(), cluster)
        by_value = templates(fleet_with(istio={"values": {chart: values}}), cluster)
        by_patch = templates(patched({"base": "istio-base"}.get(chart, chart), values=values), cluster)
        assert {kind for kind in before if before[kind] != by_value[kind]} == (set(before) if rolls else set())
        assert by_patch == by_value


def test_a_remote_cluster_is_injected_with_what_its_primary_adds() -> None:
    values = {"istiod": {"global": {"proxy": {"logLevel": "info"}}}}
    config = copy.deepcopy(WHOLE)
    config["clusters"]["west"]["istio"] = {"values": values}
    facts = {name: described(load("x", config), name)["workloads"].get("added") for name in config["clusters"]}
    assert facts == {
        "west": facts["east"],
        "east": {"values": {"global": {"proxy": {"logLevel": "info"}}}},
        "far": None,
    }


def test_a_long_template_is_in_the_annotation_as_its_digest() -> None:
    texts = ("spec: {}" * 1000, "spec: { }" * 1000)
    one, other = (
        templates(
            fleet_with(istio={"values": {"istiod": {"sidecarInjectorWebhook": {"templates": {"mine": text}}}}}), "west"
        )["workload"]
        for text in texts
    )
    assert one != other
    assert len(one) < 1000


def test_a_whole_number_is_the_same_however_it_is_written() -> None:
    one, other = (fleet_with(istio={"values": {"istiod": {"a": [number]}}}) for number in (1, 1.0))
    assert json.dumps(one.istio.values) == json.dumps(other.istio.values)


def test_proxy_metadata_is_among_what_every_pod_is_compared_with() -> None:
    metadata = {"istiod": {"meshConfig": {"defaultConfig": {"proxyMetadata": {"ISTIO_META_X": "y"}}}}}
    facts = json.loads(templates(fleet_with(istio={"values": metadata}), "west")["workload"])
    assert facts["proxyMetadata"] == {"PROXY_CONFIG_XDS_AGENT": "true", "ISTIO_META_X": "y"}


def test_an_istiod_process_has_the_added_environment() -> None:
    added = {"values": {"istiod": {"env": {"PILOT_DEBOUNCE_AFTER": "200ms"}}}}
    fleet = fleet_with(istio=added)
    assert process_settings(fleet, "west", "default")["PILOT_DEBOUNCE_AFTER"] == "200ms"
    assert process_settings(fleet, "west", "default")["ISTIO_MULTIROOT_MESH"] == "true"
    # An external one has that of its release, in the cluster that it runs in.
    config = copy.deepcopy(WHOLE)
    config["clusters"]["west"]["istio"] = added
    assert process_settings(load("x", config), "far", "blue")["PILOT_DEBOUNCE_AFTER"] == "200ms"
    config["clusters"]["far"]["istio"] = config["clusters"]["west"].pop("istio")
    assert "PILOT_DEBOUNCE_AFTER" not in process_settings(load("x", config), "far", "blue")
