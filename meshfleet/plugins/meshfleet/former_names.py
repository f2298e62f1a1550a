"""Resource types and properties under the names that the state of an earlier release may still hold.

The SDK declares the former type as an alias, so `up` keeps the resource. The provider accepts both: a refresh or a
destroy before the next `up` sends what the state holds.
Source: https://www.pulumi.com/docs/iac/concepts/resources/options/aliases/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Former type token → current one.
TYPES: Final[Mapping[str, str]] = {
    "meshfleet:index:EastWestGatewayAddress": "meshfleet:index:GatewayAddress",
    "meshfleet:index:IstiodConfigMaps": "meshfleet:index:IstiodConfigMapCleanup",
    "meshfleet:index:ReleaseParts": "meshfleet:index:ReleaseObjects",
    "meshfleet:index:ServedCluster": "meshfleet:index:RemoteClusterReadiness",
}
# Current type token → former property name → current one.
PROPERTIES: Final[Mapping[str, Mapping[str, str]]] = {
    "meshfleet:index:ReleaseObjects": {"differing": "drift"},
    "meshfleet:index:RemoteClusters": {"addressed": "explicitServers", "here": "localIstiod"},
}


def current_type(token: str) -> str:
    """The type token in use now."""
    return TYPES.get(token, token)


def former_types(token: str) -> list[str]:
    """The tokens that a state may hold in place of this current one."""
    return [former for former, current in TYPES.items() if current == token]


def current_properties(token: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a recorded resource under their current names; `token` may be a former one."""
    names = PROPERTIES.get(current_type(token), {})
    return {names.get(name, name): value for name, value in properties.items()}


def with_former_types(tokens: frozenset[str]) -> frozenset[str]:
    """These current tokens and every former one, for a search in a recorded state."""
    return tokens | {former for token in tokens for former in former_types(token)}
