"""Istio's names for deployment models, those included that no stack file may ask for yet."""

from __future__ import annotations

import pytest

from topology import Cluster, Fleet, Mesh, Network

pytestmark = pytest.mark.proof("the deployment model follows from the clusters", step=0)


def _fleet(**clusters: tuple[str, object]) -> Fleet:
    return Fleet.model_construct(
        name="dev",
        host="a",
        meshes={"mesh1": Mesh()},
        networks={network: Network() for network, _ in clusters.values()},
        clusters={
            name: Cluster.model_validate({"network": network, "controlPlane": plane, "embedded": {}})
            for name, (network, plane) in clusters.items()
        },
        namespaces={},
    )


@pytest.mark.parametrize(
    ("clusters", "model"),
    [
        ({"a": ("n", "own")}, "single cluster"),
        ({"a": ("n", "own"), "b": ("n", "own")}, "multi-primary, one network"),
        ({"a": ("n", "own"), "b": ("m", "own")}, "multi-primary, several networks"),
        ({"a": ("n", "own"), "b": ("n", {"remote": "a"})}, "primary-remote, one network"),
        ({"a": ("n", "own"), "b": ("m", {"remote": "a"})}, "primary-remote, several networks"),
        ({"a": ("n", "own"), "b": ("n", {"external": "a"})}, "external control plane, one network"),
        (
            {"a": ("n", "own"), "b": ("n", "own"), "c": ("m", {"remote": "b"})},
            "primary-remote, several networks",
        ),
    ],
)
def test_the_model_of_a_mesh_has_istios_name(clusters: dict[str, tuple[str, object]], model: str) -> None:
    assert _fleet(**clusters).model_of("mesh1") == model


def test_the_primary_of_a_cluster_is_the_one_that_serves_it() -> None:
    fleet = _fleet(a=("n", "own"), b=("n", {"remote": "a"}))
    assert (fleet.primary_of("a"), fleet.primary_of("b")) == ("a", "a")
