"""The other checks, of clusters whose istiod runs elsewhere: where each thing is read, and what may differ there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.verification import ClusterView, FleetView
from meshfleet.verification.checks import endpoint_shards, istioctl_analyze, istioctl_remote_clusters, trust
from meshfleet.verification.istiod import Shard

pytestmark = pytest.mark.proof("remote clusters are verified", step=0)

NAMESPACE = "istiod-config"
NOT_FOUND = {"kind": "Status", "status": "Failure", "message": "it is not there", "reason": "NotFound", "code": 404}


def rooted(fleet: FleetView, mesh: str, root: Any) -> FleetView:
    """The fleet with another root for a mesh."""
    meshes = tuple(replace(one, root_fingerprint=root.fingerprint) if one.name == mesh else one for one in fleet.meshes)
    return replace(fleet, meshes=meshes)


def cluster(fleet: FleetView, name: str) -> ClusterView:
    return next(found for found in fleet.clusters if found.name == name)


def trust_answers(authority: Any, namespace: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """A root, and what is read where istiod runs and where its workloads do."""
    root = authority("root", days=(-1, 100_000))
    signing = authority("config", root, days=(-1, 90_000))
    files = {"ca-cert.pem": signing.pem, "ca-key.pem": signing.key_pem, "root-cert.pem": root.pem}
    data = {name: base64.b64encode(content).decode() for name, content in files.items()}
    place = f"GET /api/v1/namespaces/{namespace}"
    home = {f"{place}/secrets/cacerts": (200, {"metadata": {"name": "cacerts"}, "data": data})}
    given = {"root-cert.pem": root.pem.decode()}
    return root, home, {f"{place}/configmaps/istio-ca-root-cert": (200, {"metadata": {}, "data": given})}


def places(fleet: FleetView, tmp_path: Path, **urls: str) -> FleetView:
    """The fleet with the API servers of these clusters at these URLs."""
    made = []
    for found in fleet.clusters:
        path = tmp_path / found.name
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": urls.get(found.name, "http://127.0.0.1:1")}}],
            "users": [{"name": "u", "user": {}}],
        }
        path.write_text(json.dumps(config))
        made.append(replace(found, kubeconfig=path))
    return replace(fleet, clusters=tuple(made))


def test_the_authority_of_an_external_istiod_is_read_where_it_runs_and_its_root_where_it_serves(
    served: FleetView, authority: Any, serve: Callable[..., Any], tmp_path: Path
) -> None:
    root, home, given = trust_answers(authority, NAMESPACE)
    fleet = places(rooted(served, "mesh2", root), tmp_path, west=serve(home).url, config=serve(given).url)
    answer = trust.Trust().run_on(fleet, cluster(fleet, "config"), 0.01)
    assert answer.ok, answer.detail
    fleet = places(fleet, tmp_path, west=serve(dict.fromkeys(home, (404, NOT_FOUND))).url, config=serve(given).url)
    answer = trust.Trust().run_on(fleet, cluster(fleet, "config"), 0.01)
    assert not answer.ok
    assert (
        "west has no Secret cacerts in istiod-config: the istiod of config signs with a self-signed root"
        in answer.detail
    )


def test_of_a_remote_only_the_root_of_its_workloads_is_read(
    served: FleetView, authority: Any, serve: Callable[..., Any], tmp_path: Path
) -> None:
    root, _, given = trust_answers(authority, NAMESPACE)
    server = serve(given)
    fleet = places(rooted(served, "mesh2", root), tmp_path, kiosk=server.url)
    answer = trust.Trust().run_on(fleet, cluster(fleet, "kiosk"), 0.01)
    assert answer.ok, answer.detail
    assert answer.detail == f"workloads of kiosk have root {root.fingerprint[:16]} of mesh2"
    assert [line.partition("?")[0].rpartition("/")[2] for line, _ in server.requests] == ["istio-ca-root-cert"]
    other = authority("other")
    answer = trust.Trust().run_on(rooted(fleet, "mesh2", other), cluster(fleet, "kiosk"), 0.01)
    assert not answer.ok


def script(fleet: FleetView, text: str) -> None:
    path = fleet.tools / "istioctl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)


def test_istioctl_looks_for_an_external_istiod_where_it_runs_and_for_its_configuration_where_that_is(
    served: FleetView,
) -> None:
    script(served, 'echo "$@" >&2; exit 1')
    config = cluster(served, "config")
    asked = istioctl_remote_clusters.IstioctlRemoteClusters().run_on(served, config, 0.01).detail
    assert "--kubeconfig=/nowhere/west/kubeconfig --istioNamespace=istiod-config remote-clusters" in asked
    assert "on west failed" in asked
    asked = istioctl_analyze.IstioctlAnalyze().run_on(served, config, 0.01).detail
    assert "on config failed" in asked


def shards(*names: str, **networks: str) -> dict[str, Shard]:
    return {name: Shard(name, 1, frozenset({networks.get(name, f"net-{name}")})) for name in names}


def test_endpoints_are_looked_for_behind_a_service_that_all_clusters_of_the_mesh_have(served: FleetView) -> None:
    suffix = "istio-system.svc.cluster.local"
    west, east, *_ = served.clusters
    gateway, istiod = f"istio-eastwestgateway.{suffix}", f"istiod.{suffix}"
    assert endpoint_shards.candidates(west, (west, east)) == (gateway, istiod)
    without = replace(east, gateway=None)
    assert endpoint_shards.candidates(west, (west, without)) == (istiod,)
    # The gateway in front of istiod is there in one of them only, and is not asked for.
    one_way = replace(served, clusters=(replace(west, gateway=None), without))
    services = {gateway: shards("west"), istiod: shards("west", "east")}
    assert endpoint_shards.judge(one_way, one_way.clusters[0], services).passed
    missing = endpoint_shards.judge(one_way, one_way.clusters[0], {gateway: shards("west"), istiod: shards("west")})
    assert not missing.passed
    assert "no endpoint of istiod.istio-system.svc.cluster.local in Kubernetes/east" in missing.detail


def test_endpoints_of_an_external_control_planes_mesh_are_in_its_own_namespace(served: FleetView) -> None:
    config = cluster(served, "config")
    host = f"istio-eastwestgateway.{NAMESPACE}.svc.cluster.local"
    assert endpoint_shards.judge(served, config, {host: shards("config", "kiosk", config="net-solo")}).passed
    lost = endpoint_shards.judge(served, config, {host: shards("config", "kiosk", config="net-solo", kiosk="")})
    assert not lost.passed
    assert "in kiosk are on no network, not net-kiosk" in lost.detail


@pytest.mark.parametrize(
    ("origin", "excepted"),
    [
        ("Service istio-system/istiod", True),
        ("Service istiod-config/istiod-canary", True),
        ("Service shop/cart", False),
        ("Service istio-system/istio-eastwestgateway", True),
        ("Service istio-system/istio-ingressgateway", False),
    ],
)
def test_only_the_ports_of_istiod_and_of_east_west_gateways_may_differ_between_clusters(
    served: FleetView, origin: str, excepted: bool
) -> None:
    found = [istioctl_analyze.Message("IST0170", "Warning", origin, "service ports are inconsistent", "")]
    assert istioctl_analyze.judge(served, cluster(served, "west"), found).passed is excepted


@pytest.mark.parametrize(
    ("declared", "clusters", "excepted"),
    [
        ({"west", "kiosk"}, '["kiosk" "default"]', True),
        ({"west"}, '["kiosk" "default"]', False),
        ({"kiosk"}, '["kiosk" "default"]', False),
        ({"west", "kiosk"}, '["kiosk" "default" "other"]', False),
        ({"west", "kiosk"}, "[]", False),
    ],
)
def test_the_ports_of_a_service_may_differ_where_it_is_of_an_ingress_gateway_in_each_cluster(
    served: FleetView, declared: set[str], clusters: str, excepted: bool
) -> None:
    text = (
        f'The service shop in namespace "ingress" is inconsistent across clusters {clusters}, which can lead to '
        "undefined behaviors. The inconsistent behaviors are: service ports are inconsistent."
    )
    found = [istioctl_analyze.Message("IST0170", "Warning", "Service ingress/shop", text, "")]
    views = [
        replace(one, ingress_services=frozenset({"ingress/shop"})) if one.name in declared else one
        for one in served.clusters
    ]
    fleet = replace(served, clusters=tuple(views))
    assert {"west", "kiosk"} <= {one.name for one in fleet.clusters}
    assert istioctl_analyze.judge(fleet, cluster(fleet, "west"), found).passed is excepted
