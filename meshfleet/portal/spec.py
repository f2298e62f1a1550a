"""What a portal is to be: the clusters behind it, who may come, and how they prove who they are."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Address:
    """Where an API server is, and the certificates in PEM that sign its own."""

    host: str
    port: int
    authority: str
    server_name: str = ""
    """The name in its certificate, where that is not the host."""

    @property
    def is_ip(self) -> bool:
        """Whether the host needs no resolution."""
        return _is_ip(self.host)

    @property
    def certified(self) -> str:
        """The name or address that the certificate must be for."""
        return self.server_name or self.host

    @property
    def certified_ip(self) -> bool:
        """Whether that is an address."""
        return _is_ip(self.certified)


@dataclass(frozen=True)
class Subjects:
    """Who may be impersonated in a cluster, by the names that its API server knows.

    `users` has the declared groups of each user, those of nested groups among them; `service_accounts` are namespaces
    and names.
    """

    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    service_accounts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Member:
    """A cluster behind the portal."""

    name: str
    address: Address
    subjects: Subjects


@dataclass(frozen=True)
class HostAccounts:
    """Service accounts of the host: `issuer` and `audiences` of their tokens, and the API server that has the keys."""

    issuer: str
    audiences: tuple[str, ...]
    address: Address


@dataclass(frozen=True)
class OidcProvider:
    """An OpenID Connect provider.

    The keys are `jwks`, the text of a JSON Web Key Set, or are read from `jwks_uri`, whose certificate is signed by
    `authority` (PEM; by a public authority when empty).
    """

    issuer: str
    audiences: tuple[str, ...]
    username_claim: str = "sub"
    username_prefix: str = ""
    groups_claim: str = ""
    groups_prefix: str = ""
    jwks: str = ""
    jwks_uri: str = ""
    authority: str = ""


@dataclass(frozen=True)
class PortalSpec:
    """One portal.

    `client_authority` holds the PEM certificates that sign client certificates, whose CN is the user and whose O are
    the groups; empty for none. `addresses` are IP addresses to listen at.
    """

    addresses: tuple[str, ...]
    port: int
    members: tuple[Member, ...]
    host_accounts: HostAccounts | None = None
    oidc: Mapping[str, OidcProvider] = field(default_factory=dict)
    client_authority: str = ""


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
