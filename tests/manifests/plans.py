"""Ways to look at a plan: its objects, its releases, its clusters' shares of it."""

from __future__ import annotations

from typing import Any

from meshfleet.manifests import Document, Object, Release
from meshfleet.manifests.names import istiod_service
from meshfleet.topology import Fleet


def named(plan: list[Document], name: str) -> Document | None:
    """The document of that name; None when the cluster has none."""
    return next((document for document in plan if document.name == name), None)


def objects(plan: list[Document]) -> list[Object]:
    """The Kubernetes objects of a plan, in order."""
    return [document.body for document in plan if not isinstance(document.body, Release)]


def without_workloads(plan: list[Document]) -> list[Document]:
    """What a plan has for the mesh itself, and not for programs in it, nor for people."""
    others = ("workload-", "propagation-", "identity-", "portal-")
    return [document for document in plan if not document.name.startswith(others)]


def releases(plan: list[Document]) -> dict[str, Release]:
    """The releases of a plan by the name of their document."""
    return {document.name: document.body for document in plan if isinstance(document.body, Release)}


def istiods(fleet: Fleet, plan: list[Document]) -> dict[str, Release]:
    """The releases of the istiod chart that serve the cluster itself, by revision."""
    return {revision: releases(plan)[istiod_service(revision)] for revision in fleet.istio.installed}


def texts(value: Any) -> set[str]:
    """Every text in a value, keys included."""
    if isinstance(value, dict):
        return set().union(*(texts(part) for pair in value.items() for part in pair), set())
    if isinstance(value, list):
        return set().union(*(texts(part) for part in value), set())
    return {value} if isinstance(value, str) else set()


def values_of(document: Document) -> dict[str, Any]:
    """The values of a release, or the object itself."""
    return document.body.values if isinstance(document.body, Release) else document.body
