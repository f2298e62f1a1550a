"""Pairs of Istio and Kubernetes that are supported, and the releases that istiods run as processes can be of."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.topology.draft import Draft
from meshfleet.versions import BUILT_ISTIO, SUPPORTED, minor_of, one_of


def versions(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for an unknown Istio, a Kubernetes it does not support, or an Istio not built here.

    Source: https://istio.io/latest/docs/releases/supported-releases/
    """
    istio, kubernetes = draft.istio, draft.kubernetes
    named = {revision: declared.version for revision, declared in istio.revisions.items() if declared.version}
    paths = {"istio.version": istio.version} | {f"istio.revisions.{name}.version": text for name, text in named.items()}
    for path, version in paths.items():
        supported = SUPPORTED.get(minor_of(version))
        if supported is None:
            yield Fault(path, f"Istio {version} is not supported; use {' or '.join(sorted(SUPPORTED))}")
        elif not kubernetes.version.startswith("v1.") or kubernetes.minor not in supported:
            yield Fault(
                "kubernetes.version",
                f"Istio {version} does not support Kubernetes {kubernetes.version}; "
                f"use v1.{supported[0]} to v1.{supported[-1]}",
            )
    if any(cluster.capabilities.istiod_runtime == "process" for cluster in draft.clusters.values()):
        for path, version in paths.items():
            if minor_of(version) in SUPPORTED and minor_of(version) not in BUILT_ISTIO:
                built = one_of(BUILT_ISTIO)
                yield Fault(path, f"istiods run as processes are of Istio {built}, not {version}; use {built}")
