"""Names in the system namespaces of clusters that programs beside the clusters need too, at no cost at their start."""

from __future__ import annotations

from typing import Final

ISTIO_SYSTEM: Final = "istio-system"
EAST_WEST_GATEWAY: Final = "istio-eastwestgateway"
PORT_MAP: Final = "meshfleet.dev/port-map"
"""On a gateway's Service: what a port map leads to it from where it is advertised."""

AUTHENTICATED: Final = "system:authenticated"
"""The group that API servers add to everybody who has proved a name."""
SERVICE_ACCOUNTS: Final = "system:serviceaccounts"
"""The group of all service accounts; those of a namespace have its name behind a colon as well."""


def account_user(namespace: str, name: str) -> str:
    """The user that a service account is to API servers."""
    return f"system:serviceaccount:{namespace}:{name}"


def external_namespace(cluster: str) -> str:
    """The namespace of the control plane that another cluster hosts for `cluster`, in both and in its remotes."""
    return f"istiod-{cluster}"
