"""Patterns of URNs by which the engine leaves resources out, or takes only those. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def pattern_of(cluster: str, document: str) -> str:
    """The pattern of a document in a cluster, in whatever component it is."""
    return f"**::{cluster}/{document}"


def patterns_of(documents: Mapping[str, Collection[str]]) -> list[str]:
    """Those of documents by cluster; of each cluster in the order of their names."""
    return [pattern_of(cluster, name) for cluster, names in documents.items() for name in sorted(names)]
