"""Reader tokens that have a successor and are not deleted yet, since the last `up` did not complete.

The engine deletes what it has replaced once everything else is done, and spares it where something that failed still
depends on it. It tells by URN, though, and so only in the run that replaced it: in the next one the old token would
go although a peer whose remote secrets cannot be written still holds it.
Source: performPostSteps in pulumi/pulumi, pkg/resource/deploy/deployment_executor.go, and TransitiveDependenciesOf in
pkg/resource/graph/dependency_graph.go
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPE = "kubernetes:core/v1:Secret"
_NAME = "/reader-token"


def superseded_tokens(deployment: Mapping[str, Any]) -> list[str]:
    """Their URNs, each once; those of their successors are the same. `deployment` is a stack's state as exported."""
    found = (
        str(resource.get("urn", ""))
        for resource in deployment.get("resources") or []
        if resource.get("delete") and resource.get("type") == _TYPE
    )
    return list(dict.fromkeys(urn for urn in found if urn.endswith(_NAME)))
