"""The API portal as its users reach it: each cluster below one URL, with a token of theirs.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshfleet.errors import UnreachableError
from meshfleet.kube.access import Access, read_access

if TYPE_CHECKING:
    from meshfleet.status.portal import Portal

_SECONDS: Final = 3.0
_OK: Final = 200


@dataclass(frozen=True)
class PortalPlace:
    """Where the portal is, and the certificate in PEM that its own is signed by."""

    url: str
    authority: str

    def cluster(self, name: str) -> dict[str, str]:
        """A cluster behind it, as kubeconfigs have clusters."""
        authority = base64.b64encode(self.authority.encode()).decode()
        return {"server": f"{self.url}/clusters/{name}", "certificate-authority-data": authority}


def portal_in(outputs: Mapping[str, Any]) -> PortalPlace | None:
    """The portal of a stack, from its outputs; None without one, or while it has no address."""
    found = outputs.get("portal")
    if not isinstance(found, Mapping):
        return None
    url, authority = found.get("url"), found.get("certificateAuthority")
    return PortalPlace(url, authority) if url and authority and isinstance(url, str) else None


def place_of(portal: Portal | None) -> PortalPlace | None:
    """The portal of a status; None without one, or while it has no address."""
    return PortalPlace(portal.url, portal.certificate_authority or "") if portal and portal.url else None


def access_through(portal: PortalPlace, cluster: str, token: str = "") -> Access:
    """A cluster through the portal, with a token or without credentials. Raises KubeconfigError."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "portal",
        "contexts": [{"name": "portal", "context": {"cluster": "portal", "user": "sender"}}],
        "clusters": [{"name": "portal", "cluster": portal.cluster(cluster)}],
        "users": [{"name": "sender", "user": {"token": token} if token else {}}],
    }
    return read_access(json.dumps(document))


def answers(portal: PortalPlace) -> bool:
    """Whether it responds now, asked once and within a bound."""
    import httpx2

    from meshfleet.kube.client import ClusterTransport

    transport = ClusterTransport(access_through(portal, ""), seconds=_SECONDS)
    try:
        found = transport.page(httpx2.Request("GET", f"{portal.url}/readyz"))
    except UnreachableError:
        return False
    finally:
        transport.close()
    return found.status_code == _OK
