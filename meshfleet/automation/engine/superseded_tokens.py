"""Replaced reader tokens that are not deleted yet, since the last `up` did not complete.

The engine deletes replaced resources last, and keeps those that a failed resource depends on. It tracks this by URN and
only in the run of the replacement: the next run would delete the old token although a peer whose remote secrets could
not be updated still uses it.
Source: performPostSteps in pulumi/pulumi, pkg/resource/deploy/deployment_executor.go, and TransitiveDependenciesOf in
pkg/resource/graph/dependency_graph.go
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPE = "kubernetes:core/v1:Secret"
_NAME = "/reader-token"


def superseded_tokens(deployment: Mapping[str, Any]) -> list[str]:
    """Their distinct URNs, which equal those of their replacements. `deployment` is an exported state."""
    found = (
        str(resource.get("urn", ""))
        for resource in deployment.get("resources") or []
        if resource.get("delete") and resource.get("type") == _TYPE
    )
    return list(dict.fromkeys(urn for urn in found if urn.endswith(_NAME)))
