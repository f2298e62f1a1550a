"""Settings of a mesh: what is left out is not there, what is given has its defaults."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.topology import MeshSettings, load
from meshfleet.topology.mesh_settings import AccessLog, Locality, OutlierDetection
from tests.topology.wrong_stacks.wrong import Wrong

pytestmark = pytest.mark.proof("settings of a mesh, declared once and equal in every primary", step=0)


def settings(**given: Any) -> MeshSettings:
    regions = {"clusters.west.region": "west", "clusters.east.region": "east"}
    changes: dict[str, object] = {"meshes.mesh1.settings": given, **regions}
    return load("dev", Wrong("good", changes, {}).config).meshes["mesh1"].settings


def test_nothing_is_set_by_itself() -> None:
    assert settings() == MeshSettings()
    assert set(MeshSettings().model_dump().values()) == {None, ()}


def test_an_empty_mapping_switches_a_setting_on_with_its_defaults() -> None:
    made = settings(locality={}, accessLog={})
    assert made.locality == Locality()
    assert made.locality.outlier_detection == OutlierDetection()
    assert made.access_log == AccessLog(enabled=True, encoding="text", format="")


def test_the_order_of_failovers_is_kept() -> None:
    made = settings(locality={"failover": [{"from": "east", "to": "west"}, {"from": "west", "to": "east"}]})
    assert made.locality is not None
    assert [(way.origin, way.to) for way in made.locality.failover] == [("east", "west"), ("west", "east")]


@pytest.mark.parametrize(
    "host",
    ["cart.shop.svc.cluster.local", "*.shop.svc.cluster.local", "*.svc.cluster.local", "a-1.b-2.svc.cluster.local"],
)
def test_cluster_local_hosts_are_a_service_those_of_a_namespace_or_all(host: str) -> None:
    assert settings(clusterLocal=[host]).cluster_local == (host,)


@pytest.mark.parametrize("sampling", [0, 0.01, 100, 12.5])
def test_sampling_is_any_number_of_a_hundred(sampling: float) -> None:
    made = settings(tracing={"samplingPercentage": sampling, "zipkin": {"service": "z.tools", "port": 9411}})
    assert made.tracing is not None
    assert made.tracing.sampling_percentage == sampling


@pytest.mark.parametrize("service", ["otel.tools", "otel.tools.svc.cluster.local", "tools/otel.example.com"])
def test_a_collector_is_named_as_istiods_registry_has_it(service: str) -> None:
    made = settings(tracing={"opentelemetry": {"service": service, "port": 4317}})
    assert made.tracing is not None
    assert made.tracing.opentelemetry is not None
    assert made.tracing.opentelemetry.service == service
