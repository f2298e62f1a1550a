"""The section `portal` of a stack file: the API portal on the host, and how people prove to it who they are.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.addresses import is_ip
from meshfleet.topology.json_schema import exactly_one
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label
from meshfleet.topology.network import Port
from meshfleet.topology.rbac.subjects import reserved
from meshfleet.topology.service_scope import SOME
from meshfleet.topology.text import FilePath, Line
from meshfleet.topology.urls import checked_url

LONGEST_NAME: Final = 1024
"""Characters of a user or group that the portal passes on (identity.lua)."""
_BROADCAST: Final = "255.255.255.255"


def _checked_listening(value: str) -> str:
    if not is_ip(value):
        raise ValueError(f"{shown(value)} is not an IP address; write it as 127.0.0.1, or 0.0.0.0 for all of IPv4")
    address = ip_address(value)
    if address.is_multicast or str(address) == _BROADCAST:
        raise ValueError(f"{shown(value)} is an address of many machines; give one of this machine, or 0.0.0.0")
    return str(address)


def _checked_issuer(value: str) -> str:
    return checked_url(value, ("https",), "https://login.example.com")


def _checked_word(value: str) -> str:
    if not value.strip() or value != value.strip():
        raise ValueError(
            f"{shown(value)} is empty, or begins or ends with a space, which no token has; give it as it is"
        )
    return value


def _checked_claim(value: str) -> str:
    return _checked_word(value) if value else value


def _checked_subject(value: str) -> str:
    if value == "*":
        raise ValueError("'*' names no user and no group: the portal passes on names alone; give each of them")
    if len(value) > LONGEST_NAME:
        raise ValueError(f"has {len(value)} characters; at most {LONGEST_NAME} are passed on")
    if not value.strip() or value != value.strip():
        raise ValueError(f"{shown(value)} is empty, or begins or ends with a space; give the name")
    if found := reserved(value):
        raise ValueError(
            f"{shown(value)} begins with {found}, as names of Kubernetes itself do, which the portal refuses; give "
            "a name of your own, or the service account under serviceAccounts"
        )
    if not value.isascii():
        raise ValueError(f"{shown(value)} has characters that a header cannot have; give a name of ASCII characters")
    return value


def _checked_prefix(value: str) -> str:
    return _checked_subject(value) if value else value


ListeningAddress = Annotated[str, AfterValidator(_checked_listening)]
SecureUrl = Annotated[str, AfterValidator(_checked_issuer)]
SubjectName = Annotated[Line, AfterValidator(_checked_subject)]
Prefix = Annotated[Line, AfterValidator(_checked_prefix)]
Word = Annotated[Line, AfterValidator(_checked_word)]
Claim = Annotated[Line, AfterValidator(_checked_claim)]


class PortalOidc(Model):
    """An OpenID Connect provider, whose tokens the portal takes. Exactly one of `jwksUri` and `jwks`.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("jwksUri", "jwks"))

    issuer: SecureUrl
    """The `iss` of its tokens."""
    audiences: Annotated[tuple[Word, ...], Field(strict=False, json_schema_extra=SOME)]
    """The clients for which it issues tokens, one of which a token must be for."""
    username_claim: Word = "sub"
    """The claim with the name of the user."""
    username_prefix: Prefix = ""
    """What is put before it, such as `oidc:`."""
    groups_claim: Claim = ""
    """The claim with the groups; none when left out."""
    groups_prefix: Prefix = ""
    """What is put before each group."""
    jwks_uri: SecureUrl | None = None
    """Where its keys are read from."""
    jwks: FilePath | None = None
    """A file with its keys, a JSON Web Key Set."""
    certificate_authority: FilePath | None = None
    """A PEM file with what signs the certificate of `jwksUri`; by default the authorities of the machine."""

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> PortalOidc:
        if not self.audiences:
            raise ValueError("has no audiences, so that no token is taken; give those that a token may be for")
        if (self.jwks_uri is None) == (self.jwks is None):
            found = "sets neither jwksUri nor jwks" if self.jwks is None else "sets both jwksUri and jwks"
            raise ValueError(f"{found}; give exactly one of them")
        return self


class ClientCertificates(Model):
    """Client certificates: their CN is the user, their O are the groups.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
    """

    certificate_authority: FilePath
    """A PEM file with the certificates that sign them."""


class PortalAccount(Model):
    """A service account of the host, which is one of the same name in each cluster."""

    namespace: Label
    """Its namespace, one of `namespaces`, or one that is there."""
    name: Label
    """Its name."""


class Portal(Model):
    """The API portal on the host: `/clusters/NAME/` leads to the API server of each cluster, as the same person.

    The host authenticates, each cluster authorizes.
    """

    addresses: Annotated[tuple[ListeningAddress, ...], Field(strict=False, json_schema_extra=SOME)] = ("127.0.0.1",)
    """The IP addresses that it listens at."""
    port: Port | None = None
    """Its port; one that is free when left out."""
    host_accounts: bool = True
    """Whether tokens of service accounts of the host are taken."""
    oidc: dict[Label, PortalOidc] = Field(default_factory=dict)
    """OpenID Connect providers by name."""
    client_certificates: ClientCertificates | None = None
    """The client certificates that are taken."""
    users: Annotated[tuple[SubjectName, ...], Field(strict=False)] = ()
    """The users who may come, by the names that clusters know."""
    groups: Annotated[tuple[SubjectName, ...], Field(strict=False)] = ()
    """The groups that are passed on, by the names that clusters know."""
    service_accounts: Annotated[tuple[PortalAccount, ...], Field(strict=False)] = ()
    """The service accounts of the host that may come."""

    @model_validator(mode="after")
    def _some_source(self) -> Portal:
        if not self.addresses:
            raise ValueError("listens nowhere; give addresses, or leave them out for 127.0.0.1")
        if not (self.host_accounts or self.oidc or self.client_certificates):
            raise ValueError("takes no proof of an identity; give hostAccounts: true, oidc or clientCertificates")
        return self

    @model_validator(mode="after")
    def _one_place_each(self) -> Portal:
        """Two listeners of one address and port cannot be."""
        for position, address in enumerate(self.addresses):
            if address in self.addresses[:position]:
                raise ValueError(f"{address} is in addresses twice; give each once")
            everywhere = "::" if ":" in address else "0.0.0.0"  # noqa: S104  (what a user may have declared)
            if address != everywhere and everywhere in self.addresses:
                raise ValueError(f"{address} is part of {everywhere}, which is in addresses too; give one of them")
        return self

    @model_validator(mode="after")
    def _names_of_one_source(self) -> Portal:
        """Two that name users without a prefix could name the same one."""
        plain = [f"oidc.{name}" for name, provider in self.oidc.items() if not provider.username_prefix]
        plain += ["clientCertificates"] if self.client_certificates else []
        if len(plain) > 1:
            raise ValueError(
                f"{' and '.join(plain)} may each name the same user; give usernamePrefix to all providers but one, "
                "or to all beside clientCertificates"
            )
        issuers = [provider.issuer for provider in self.oidc.values()]
        if double := next((issuer for issuer in issuers if issuers.count(issuer) > 1), ""):
            raise ValueError(f"{shown(double)} is the issuer of two providers; give each issuer once")
        return self
