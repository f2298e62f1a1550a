"""Istio's own charts for a cluster with its own control plane: base and istiod.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/ and, for the values,
the charts manifests/charts/base and manifests/charts/istio-control/istio-discovery of istio/istio.
"""

from __future__ import annotations

from dataclasses import dataclass

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

# On an istiod whose pods run: another bundle of roots makes new pods, one after another, and Helm waits for them.
ROOTS_ANNOTATION = "meshfleet/roots"


def istiod_settings() -> dict[str, str]:
    """Environment variables of every istiod, in a pod or not.

    Without ISTIO_MULTIROOT_MESH an istiod refuses another bundle of roots while it runs. It is there before a second
    root is and stays after the first one went: it is read at the start only, and an istiod without it would not tell
    the proxies that a root was dropped. Source: pilot/pkg/bootstrap/istio_ca.go and pilot/pkg/xds/pcds.go
    """
    return {"ISTIO_MULTIROOT_MESH": "true"}


def proxy_settings() -> dict[str, str]:
    """Environment variables of every proxy, which get into it when it is injected.

    With PROXY_CONFIG_XDS_AGENT its agent hears of another bundle of roots at once, trusts it, and has its own
    certificate renewed. Without it that takes until the certificate is due, twelve hours as a rule.
    Source: pkg/istio-agent/xds_proxy.go and security/pkg/nodeagent/cache/secretcache.go
    """
    return {"PROXY_CONFIG_XDS_AGENT": "true"}


def base(fleet: Fleet, webhooks: Webhooks | None) -> Release:
    """Istio's CRDs, the reader ServiceAccount and the default validator."""
    values: Object = {"defaultRevision": fleet.istio.revision}
    if webhooks:
        values["base"] = {"validationURL": webhooks.validation}
    return Release("istio-base", ISTIO_SYSTEM, Chart.BASE, values, wait=False)


def istiod(fleet: Fleet, cluster: str, webhooks: Webhooks | None, roots: object) -> Release:
    """The control plane. With `webhooks` istiod itself is a process elsewhere and the chart's pods are simulated.

    `roots` tells the roots it trusts from any others, the one that signs first.
    """
    mesh = fleet.mesh_of(cluster)
    revision = fleet.istio.revision
    values: Object = {
        "global": {
            "meshID": mesh,
            "multiCluster": {"clusterName": cluster},
            "network": fleet.clusters[cluster].network,
        },
        "meshConfig": {
            "trustDomain": fleet.meshes[mesh].trust_domain,
            "defaultConfig": {"proxyMetadata": proxy_settings()},
        },
        "env": istiod_settings(),
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
    else:
        # It reads a changed `cacerts` by itself as well, but each pod when its node gets to it, and some of it only
        # at its start: whose certificates it accepts from proxies outside of a pod.
        values["podAnnotations"] = {ROOTS_ANNOTATION: roots}
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    return Release(name, ISTIO_SYSTEM, Chart.ISTIOD, values, wait=webhooks is None)
