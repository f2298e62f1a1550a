"""What documents hold: Kubernetes objects and Helm releases."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Object = dict[str, Any]

MANAGED_BY = {"app.kubernetes.io/managed-by": "meshfleet"}
# Read by Pulumi's Kubernetes provider alone.
# https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#pulumi-kubernetes-annotations
NOT_AWAITED = {"pulumi.com/skipAwait": "true"}


class Chart(StrEnum):
    """Charts by the name they are published under: Istio's, others that are installed, and ours of definitions."""

    BASE = "base"
    ISTIOD = "istiod"
    GATEWAY = "gateway"
    CNI = "cni"
    ZTUNNEL = "ztunnel"
    GATEWAY_API = "gateway-api"
    CERT_MANAGER = "cert-manager"
    ISTIO_CSR = "cert-manager-istio-csr"
    KARMADA = "karmada"


@dataclass(frozen=True)
class Release:
    """A Helm release. `wait` says whether its workloads and addresses are awaited by Helm itself.

    Its chart is of the version of `revision`; without one of the newest that is installed, which works with the others.
    """

    name: str
    namespace: str
    chart: Chart
    values: Object
    wait: bool
    revision: str = ""


def written(body: Object | Release) -> Object:
    """A document as `render` writes it: the object itself, or a release with its values."""
    if not isinstance(body, Release):
        return body
    return {
        "release": body.name,
        "namespace": body.namespace,
        "chart": str(body.chart),
        "wait": body.wait,
        "values": body.values,
    }


def metadata(
    name: str,
    namespace: str = "",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Object:
    """The metadata of an object of ours, always labelled as managed by meshfleet; labels and annotations sorted."""
    made: Object = {"name": name}
    if namespace:
        made["namespace"] = namespace
    made["labels"] = dict(sorted((MANAGED_BY | (labels or {})).items()))
    if annotations:
        made["annotations"] = dict(sorted(annotations.items()))
    return made


def with_spec(api_version: str, kind: str, name: str, namespace: str, spec: Object) -> Object:
    """An object of ours that has a `spec` and nothing else, such as a custom resource."""
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata(name, namespace), "spec": spec}


def encoded(text: str) -> str:
    """A text as the `data` of a Secret wants it: base64 of its UTF-8 bytes."""
    return base64.b64encode(text.encode()).decode()
