"""Istio's own charts for a cluster with its own control plane: base and istiod.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/ and, for the values,
the charts manifests/charts/base and manifests/charts/istio-control/istio-discovery of istio/istio.
"""

from __future__ import annotations

from dataclasses import dataclass

from manifests.mesh_settings import mesh_config
from manifests.objects import ISTIO_SYSTEM, Chart, Object, Release
from topology import Fleet


@dataclass(frozen=True)
class Webhooks:
    """Where the API server finds istiod's webhooks when istiod is no Service of the cluster. Whole URLs."""

    injection: object
    validation: object


def injection_path(fleet: Fleet, cluster: str) -> str:
    """The path of the injection webhook: it carries the cluster ID and the network into every injected proxy."""
    return f"/inject/cluster/{cluster}/net/{fleet.clusters[cluster].network}"


VALIDATION_PATH = "/validate"


def base(fleet: Fleet, webhooks: Webhooks | None) -> Release:
    """Istio's CRDs, the reader ServiceAccount and the default validator."""
    values: Object = {"defaultRevision": fleet.istio.revision}
    if webhooks:
        values["base"] = {"validationURL": webhooks.validation}
    return Release("istio-base", ISTIO_SYSTEM, Chart.BASE, values, wait=False)


def istiod(fleet: Fleet, cluster: str, webhooks: Webhooks | None) -> Release:
    """The control plane. With `webhooks` istiod itself is a process elsewhere and the chart's pods are simulated."""
    mesh = fleet.mesh_of(cluster)
    revision = fleet.istio.revision
    values: Object = {
        "global": {
            "meshID": mesh,
            "multiCluster": {"clusterName": cluster},
            "network": fleet.clusters[cluster].network,
        },
        "meshConfig": mesh_config(fleet, mesh),
    }
    if revision != "default":
        values["revision"] = revision
    if webhooks:
        values |= {
            # Nothing measures simulated pods, so nothing can scale by their load.
            "autoscaleEnabled": False,
            "base": {"validationURL": webhooks.validation},
            "istiodRemote": {"injectionURL": webhooks.injection},
        }
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    return Release(name, ISTIO_SYSTEM, Chart.ISTIOD, values, wait=webhooks is None)
