"""Labels that Istio gives a meaning are refused on machines, each with the field for it; others are selected by."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.manifests.virtual_machines import group, objects
from meshfleet.topology import Fleet, TopologyError, load
from meshfleet.topology.labels_of_machines import IN_FIELDS, PLAIN, RESERVED_DOMAINS, refused

pytestmark = pytest.mark.proof("what selects, names and places machines are three fields", step=0)


def fleet_with(**fields: Any) -> Fleet:
    config = {
        "host": "west",
        "networks": {"coast": {}, "inland": {}},
        "clusters": {
            "west": {"embedded": {}, "network": "coast", "region": "r1", "zone": "r1-a"},
            "east": {"embedded": {}, "network": "inland"},
        },
        "namespaces": {"orders": {}},
        "virtualMachines": {
            "billing": {"namespace": "orders", "cluster": "west", "ports": {"http": {"port": 8080}}} | fields
        },
    }
    return load("machines", config)


def faults(**fields: Any) -> dict[str, str]:
    with pytest.raises(TopologyError) as raised:
        fleet_with(**fields)
    return {fault.path: fault.message for fault in raised.value.faults}


@pytest.mark.parametrize("key", sorted(IN_FIELDS))
def test_each_label_with_a_meaning_is_refused_with_what_to_write_instead(key: str) -> None:
    (found,) = faults(labels={"app": "billing", key: "x"}).items()
    assert found == (f"virtualMachines.billing.labels.{key}", f"a machine cannot have this label: {IN_FIELDS[key]}")


@pytest.mark.parametrize("domain", RESERVED_DOMAINS)
def test_labels_of_reserved_domains_are_refused(domain: str) -> None:
    (message,) = faults(labels={"app": "billing", f"what.{domain}/ever": "x"}).values()
    assert f"labels of what.{domain} have a meaning" in message


@pytest.mark.parametrize("key", [*sorted(PLAIN), "app.kubernetes.io/name", "team", "shop.example/tier"])
def test_other_labels_are_known_and_selected_by(key: str) -> None:
    made = objects(fleet_with(labels={key: "x"}), "west")
    assert made["machine-group-billing"]["spec"]["metadata"]["labels"][key] == "x"
    assert made["machine-service-billing"]["spec"]["selector"] == {key: "x"}


@given(st.dictionaries(st.sampled_from(["app", "team", "version", *IN_FIELDS]), st.just("x"), min_size=1))
def test_what_a_service_selects_is_what_istiod_leaves_of_the_labels(labels: dict[str, str]) -> None:
    if any(map(refused, labels)):
        assert faults(labels=labels).keys() == {
            f"virtualMachines.billing.labels.{key}" for key in labels if refused(key)
        }
        return
    made = objects(fleet_with(labels=labels), "west")
    registered = dict(made["machine-group-billing"]["spec"]["metadata"]["labels"])
    registered.pop("istio-locality")
    assert made["machine-service-billing"]["spec"]["selector"].items() <= registered.items()


def test_a_selector_selects_by_some_of_the_labels() -> None:
    fleet = fleet_with(labels={"app": "billing", "version": "v2"}, selector={"app": "billing"})
    made = objects(fleet, "west")
    assert made["machine-service-billing"]["spec"]["selector"] == {"app": "billing"}
    assert made["machine-group-billing"]["spec"]["metadata"]["labels"]["version"] == "v2"


def test_a_selector_that_no_machine_has_is_refused() -> None:
    (found,) = faults(labels={"app": "billing"}, selector={"tier": "x"}).items()
    assert found[0] == "virtualMachines.billing.selector.tier"
    assert "nothing would be selected" in found[1]


def test_machines_are_where_they_say_or_where_their_cluster_is() -> None:
    own = fleet_with(region="r1", zone="r1-b", subzone="rack-7")
    labels = group(own, "billing")["spec"]["metadata"]["labels"]
    assert labels == {"app": "billing", "istio-locality": "r1.r1-b.rack-7"}
    assert group(fleet_with(), "billing")["spec"]["metadata"]["labels"]["istio-locality"] == "r1.r1-a"
    elsewhere = group(fleet_with(network="inland"), "billing")["spec"]
    assert "istio-locality" not in elsewhere["metadata"]["labels"]
    assert elsewhere["template"]["network"] == "inland"


def test_a_place_that_cannot_be_said_is_refused() -> None:
    assert "has a dot" in faults(region="r.1")["virtualMachines.billing.region"]
    assert "is longer than" in faults(region="r" * 40, zone="z" * 40)["virtualMachines.billing.region"]
    assert "no region" in faults(zone="z")["virtualMachines.billing"]
    assert "no zone" in faults(region="r", subzone="s")["virtualMachines.billing"]
    # Fixed addresses are written as they are.
    fleet_with(region="r.1", addresses=["10.77.0.7"])
