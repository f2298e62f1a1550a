"""What a proxy refused is told in its own words, with the objects that may have caused it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from topology.errors import VerificationError
from verification import FleetView
from verification.checks.proxies_accept import ProxiesAccept, judge, refused
from verification.istiod import ConnectedProxy, connected_proxies

pytestmark = pytest.mark.proof("a proxy that refuses its configuration is named with its reason", step=0)

REASON = (
    "Proto constraint validation failed (ClusterValidationError.RingHashLbConfig: embedded message failed validation "
    "| caused by RingHashLbConfigValidationError.MinimumRingSize: value must be less than or equal to 8388608)"
)
ORIGIN = (
    'key: "config"\nvalue {\n string_value: "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/cart"\n}'
)


def test_the_reason_is_found_behind_all_that_envoy_shows_of_a_resource(recorded: Callable[[str], Any]) -> None:
    proxies = connected_proxies(recorded("syncz.json"))
    assert [proxy.cluster for proxy in proxies] == ["west", "west"]
    (refusal,) = refused(proxies)
    assert refusal.proxy == "echo-v1-6d987dd457-dxs6j.sample"
    assert refusal.resource == "outbound|80||echo.sample.svc.cluster.local"
    assert refusal.reason == REASON


def test_it_is_told_with_the_filters_of_its_namespace_and_of_the_root_namespace(
    fleet: FleetView, recorded: Callable[[str], Any]
) -> None:
    west, proxies = fleet.clusters[0], connected_proxies(recorded("syncz.json"))
    filters = {"sample": ["broken"], "istio-system": ["everywhere"], "other": ["innocent"]}
    finding = judge(west, proxies, list(refused(proxies)), filters, "istio-system")
    assert not finding.holds
    assert REASON in finding.detail
    assert finding.detail.endswith("; look at EnvoyFilter istio-system/everywhere, EnvoyFilter sample/broken")


@pytest.mark.parametrize("begin", ["goo.gle/debugproto   \n", "goo.gle/debugonly  \n", "goo.gle/debugstr "])
def test_however_envoy_begins_to_show_a_resource(begin: str) -> None:
    text = f'{begin}name: "0.0.0.0_80"\nfilter_chains {{\n}}\n: no such filter: x'
    for shown in (text, " ".join(text.split())):
        (refusal,) = refused([ConnectedProxy("west", "pod.shop", {"Listener": shown})])
        assert (refusal.resource, refusal.reason) == ("0.0.0.0_80", "no such filter: x")


def test_an_object_that_istiod_notes_is_told_as_the_origin(fleet: FleetView) -> None:
    text = f'goo.gle/debugproto  \nname: "outbound|80||cart"\n{ORIGIN}\n: it cannot be'
    (refusal,) = refused([ConnectedProxy("west", "pod.shop", {"Cluster": text})])
    assert (refusal.resource, refusal.reason) == ("outbound|80||cart", "it cannot be")
    assert refusal.origins == ("destination-rule shop/cart",)


def test_plain_words_of_a_proxy_are_told_as_they_are() -> None:
    (refusal,) = refused([ConnectedProxy("west", "pod.shop", {"Listener": "Error adding\nlistener 0.0.0.0_80"})])
    assert (refusal.resource, refusal.reason) == ("Listener", "Error adding listener 0.0.0.0_80")


def test_proxies_that_took_everything_are_counted_and_missing_ones_are_a_fault(fleet: FleetView) -> None:
    west = fleet.clusters[0]
    assert judge(west, [ConnectedProxy("west", "pod.shop", {})], [], {}, "istio-system").holds
    assert not judge(west, [], [], {}, "istio-system").holds
    assert judge(replace(west, gateway=None), [], [], {}, "istio-system").holds


def test_clusters_without_running_pods_are_not_asked(fleet: FleetView) -> None:
    west, *others = fleet.clusters
    running = [replace(one, pods="processes") for one in others]
    without = replace(fleet, clusters=(replace(west, pods="simulated: it takes root"), *running))
    assert [one.name for one in ProxiesAccept().concerns(without)] == ["east", "solo"]
    assert ProxiesAccept().prevented(without) == {"west": "its pods are simulated, since it takes root"}


@pytest.mark.parametrize("answer", [{}, [{"resources": [1]}], [{"resources": {"a": 1}}]])
def test_an_answer_of_another_shape_is_no_proof(answer: Any) -> None:
    with pytest.raises(VerificationError):
        connected_proxies(answer)
