"""Which other clusters of a mesh read this one's API server, under which address and name, and with which token.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#multiple-clusters and, for what a kubeconfig
may say, https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#Cluster
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import NotNull, text
from meshfleet.topology.model import Model
from meshfleet.topology.urls import checked_url, split

SERVER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
SERVER_NAME_LENGTH = 253
CERTIFICATES = re.compile(r"(\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+")


def is_loopback(url: str) -> bool:
    """Whether only the machine itself reaches a URL: 127.0.0.0/8, ::1, localhost and the names below it.

    Source: RFC 6890, section 2.2; RFC 6761, section 6.3.
    """
    parts = split(url)
    host = ((parts.hostname if parts else None) or "").removesuffix(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def discovers(reader: str, cluster: str, read_by: Collection[str] | None) -> bool:
    """Whether the control plane of `reader` discovers `cluster`, another one of its mesh or itself.

    `read_by` is what `clusters.<cluster>.discovery.readBy` lists; None for every control plane of the mesh. Every rule,
    document and check about who discovers whom follows from this function.
    """
    return reader == cluster or read_by is None or reader in read_by


def _checked_server(value: str) -> str:
    return checked_url(value, ("https",), "https://api.west.example:6443")


def _checked_server_name(value: str) -> str:
    if len(value) > SERVER_NAME_LENGTH or not SERVER_NAME.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a DNS name; write a name of the API server's certificate, such as "
            "kubernetes.default.svc"
        )
    return value


def is_certificate_text(value: str) -> bool:
    """Whether a text is meant as PEM, and not as the path of a file."""
    return "-----BEGIN" in value


def _checked_authority(value: str) -> str:
    # Of a text that may hold a key nothing is repeated.
    if is_certificate_text(value):
        if not CERTIFICATES.fullmatch(value):
            raise ValueError("is more or less than certificates in PEM; give the authority's certificate alone")
    elif not value.strip() or not value.isprintable():
        raise ValueError(f"{shown(value)} is neither a path nor PEM; use the path of a file, or its content")
    return value


def _generation(value: object) -> object:
    # The token itself may be here by mistake; it is not repeated then.
    if not isinstance(value, str):
        return value
    raise ValueError("is a text; give the number of the token, 1 or higher: the token itself is made by the cluster")


def _some_list(value: Any) -> Any:
    # `readBy:` with nothing behind it reads as no reader, and would mean all of them.
    if value is None:
        raise ValueError("is empty; write [] for no other control plane, or leave it out for all of the mesh")
    return value


ServerUrl = Annotated[str, AfterValidator(_checked_server), text("https://.+")]
ServerName = Annotated[str, AfterValidator(_checked_server_name), text(SERVER_NAME, SERVER_NAME_LENGTH)]
CertificateAuthority = Annotated[str, AfterValidator(_checked_authority)]
Generation = Annotated[int, BeforeValidator(_generation), Field(ge=1, le=2_000_000_000)]


Readers = Annotated[Annotated[tuple[str, ...], Field(strict=False)] | None, BeforeValidator(_some_list), NotNull()]


class Discovery(Model):
    """How peers discover the cluster: which of them do, and how they reach and read its API server.

    Discovery has a direction: a control plane that reads a cluster need not be read by that one. It decides which
    endpoints proxies know, not who may call whom. A remote cluster is always read by its primary.

    Peers trust the certificate authority of the cluster itself, whatever the address, unless another one is set.
    """

    server: ServerUrl | None = None
    """The https URL at which peers reach the API server; the URL in the kubeconfig when left out."""
    tls_server_name: ServerName | None = None
    """The name that peers verify in the API server's certificate; the host of the URL when left out."""
    certificate_authority: CertificateAuthority | None = None
    """The certificate authority that peers trust: PEM or a path; the cluster's own when left out."""
    token: Generation = 1
    """The generation of the reader token; a higher number creates a new token and revokes the old one."""
    read_by: Readers = None
    """The control planes that discover it, by cluster; all of its mesh when left out, no other when empty."""
