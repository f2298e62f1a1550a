"""Pairs of Istio and Kubernetes that are supported, and the one pair that is built for embedded clusters."""

from __future__ import annotations

from collections.abc import Iterator

from topology.draft import Draft
from topology.faults import Fault
from topology.istio import EMBEDDED_ISTIO, EMBEDDED_KUBERNETES, SUPPORTED


def versions(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for an unknown Istio, a Kubernetes it does not support, or a version not built here.

    Source: https://istio.io/latest/docs/releases/supported-releases/
    """
    istio, kubernetes = draft.istio, draft.kubernetes
    supported = SUPPORTED.get(istio.minor)
    if supported is None:
        yield Fault("istio.version", f"Istio {istio.version} is not supported; use {' or '.join(sorted(SUPPORTED))}")
    elif not kubernetes.version.startswith("v1.") or kubernetes.minor not in supported:
        yield Fault(
            "kubernetes.version",
            f"Istio {istio.version} does not support Kubernetes {kubernetes.version}; "
            f"use v1.{supported[0]} to v1.{supported[-1]}",
        )
    if any(cluster.embedded for cluster in draft.clusters.values()) and kubernetes.version != EMBEDDED_KUBERNETES:
        yield Fault(
            "kubernetes.version",
            f"embedded clusters run Kubernetes {EMBEDDED_KUBERNETES}, not {kubernetes.version}; "
            f"use {EMBEDDED_KUBERNETES} or leave it out",
        )
    if any(cluster.simulated for cluster in draft.clusters.values()) and istio.minor != EMBEDDED_ISTIO:
        yield Fault(
            "istio.version",
            f"istiods run as processes are of Istio {EMBEDDED_ISTIO}, not {istio.version}; use {EMBEDDED_ISTIO}",
        )
