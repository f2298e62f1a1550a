"""A rejection is reported with the error of the proxy and the objects that may have caused it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from meshfleet.errors import VerificationError
from meshfleet.verification import FleetView, istiod
from meshfleet.verification.checks import proxies_synced
from meshfleet.verification.checks.pods_on_revision import INJECTED, REVISION
from meshfleet.verification.checks.proxies_synced import ProxiesSynced, expected, judge, refused
from meshfleet.verification.istiod import ConnectedProxy, connected_proxies

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


def test_it_is_reported_with_the_filters_of_its_namespace_and_of_the_root_namespace(
    fleet: FleetView, recorded: Callable[[str], Any]
) -> None:
    west, proxies = fleet.clusters[0], connected_proxies(recorded("syncz.json"))
    filters = {"sample": ["broken"], "istio-system": ["everywhere"], "other": ["innocent"]}
    finding = judge(west, proxies, list(refused(proxies)), filters, "istio-system")
    assert not finding.passed
    assert REASON in finding.detail
    assert finding.detail.endswith("; check EnvoyFilter istio-system/everywhere, EnvoyFilter sample/broken")


@pytest.mark.parametrize("begin", ["goo.gle/debugproto   \n", "goo.gle/debugonly  \n", "goo.gle/debugstr "])
def test_however_envoy_begins_to_show_a_resource(begin: str) -> None:
    text = f'{begin}name: "0.0.0.0_80"\nfilter_chains {{\n}}\n: no such filter: x'
    for shown in (text, " ".join(text.split())):
        (refusal,) = refused([ConnectedProxy("west", "pod.shop", {"Listener": shown})])
        assert (refusal.resource, refusal.reason) == ("0.0.0.0_80", "no such filter: x")


def test_an_object_that_istiod_notes_is_reported_as_the_origin(fleet: FleetView) -> None:
    text = f'goo.gle/debugproto  \nname: "outbound|80||cart"\n{ORIGIN}\n: it cannot be'
    (refusal,) = refused([ConnectedProxy("west", "pod.shop", {"Cluster": text})])
    assert (refusal.resource, refusal.reason) == ("outbound|80||cart", "it cannot be")
    assert refusal.origins == ("destination-rule shop/cart",)


def test_plain_words_of_a_proxy_are_reported_as_they_are() -> None:
    (refusal,) = refused([ConnectedProxy("west", "pod.shop", {"Listener": "Error adding\nlistener 0.0.0.0_80"})])
    assert (refusal.resource, refusal.reason) == ("Listener", "Error adding listener 0.0.0.0_80")


def test_proxies_that_took_everything_are_counted_and_missing_ones_are_a_fault(fleet: FleetView) -> None:
    west = fleet.clusters[0]
    assert judge(west, [ConnectedProxy("west", "pod.shop", {})], [], {}, "istio-system").passed
    assert not judge(west, [], [], {}, "istio-system").passed
    assert judge(replace(west, gateway=None), [], [], {}, "istio-system").passed


def _pod(
    name: str, *, revision: str = "default", ready: str = "True", injected: bool = True, leaving: bool = False
) -> Pod:
    annotations = {INJECTED: "{}", REVISION: revision} if injected else {}
    made = Pod.from_dict(
        {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "annotations": annotations,
                **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}),
            },
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        }
    )
    assert isinstance(made, Pod)
    return made


def test_a_ready_pod_whose_proxy_is_not_connected_is_named(
    fleet: FleetView, monkeypatch: pytest.MonkeyPatch, recorded: Callable[[str], Any]
) -> None:
    west = fleet.clusters[0]
    revision = west.control_plane.revision
    pods = [_pod("lost", revision=revision), _pod("new", revision=revision, ready="False")]
    monkeypatch.setattr(istiod, "query", lambda *_: [])
    monkeypatch.setattr(proxies_synced, "reach", lambda *_: nullcontext(SimpleNamespace(list=lambda *_, **__: pods)))
    finding = ProxiesSynced().evaluate(fleet, west, 1.0)
    assert not finding.passed
    assert "1 of 1 proxies of west are not connected to istiod" in finding.detail
    assert "lost.shop" in finding.detail


def test_only_ready_pods_with_a_proxy_of_these_revisions_must_be_connected() -> None:
    pods = [
        _pod("counts"),
        _pod("starting", ready="False"),
        _pod("without", injected=False),
        _pod("other-mesh", revision="theirs"),
        _pod("leaving", leaving=True),
    ]
    assert expected(pods, {"default"}) == ["counts.shop"]


def test_clusters_without_running_pods_are_not_checked(fleet: FleetView) -> None:
    west, *others = fleet.clusters
    running = [replace(one, pods="processes") for one in others]
    without = replace(fleet, clusters=(replace(west, pods="simulated: it takes root"), *running))
    assert [one.name for one in ProxiesSynced().targets(without)] == ["east", "solo"]
    assert ProxiesSynced().skipped(without) == {"west": "its pods are simulated, since it takes root"}


@pytest.mark.parametrize("answer", [{}, [{"resources": [1]}], [{"resources": {"a": 1}}]])
def test_an_answer_of_another_shape_is_no_proof(answer: Any) -> None:
    with pytest.raises(VerificationError):
        connected_proxies(answer)
