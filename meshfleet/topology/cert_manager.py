"""Where cert-manager is, which issues the intermediates of a mesh, and how it comes there.

Source: https://cert-manager.io/docs/installation/helm/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Values
from meshfleet.topology.istio import Charts, checked_repository
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.names import SUBDOMAIN, SUBDOMAIN_LENGTH
from meshfleet.topology.text import FilePath

CERT_MANAGER_CHARTS = "oci://quay.io/jetstack/charts"
CERT_MANAGER_RELEASE = "1.21.2"
"""The release that is installed, and whose programs are built where images are not published."""
CERT_MANAGER_GROUP = "cert-manager.io"
RELEASE = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")


def checked_release(program: str, example: str) -> Callable[[str], str]:
    """What checks a release of a program, written as `example`; it raises ValueError for what is none."""

    def checked(value: str) -> str:
        if not RELEASE.fullmatch(value):
            raise ValueError(f"{shown(value)} is not a version of {program}; write it as '{example}'")
        return value

    return checked


_checked_version = checked_release("cert-manager", CERT_MANAGER_RELEASE)


def _checked_subdomain(value: str) -> str:
    if len(value) > SUBDOMAIN_LENGTH or not SUBDOMAIN.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a DNS subdomain: use lower-case letters, digits, '-' and '.', "
            f"at most {SUBDOMAIN_LENGTH} characters"
        )
    return value


def _checked_kind(value: str) -> str:
    if not _KIND.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a kind; write it as 'Issuer' or 'ClusterIssuer'")
    return value


Subdomain = Annotated[str, AfterValidator(_checked_subdomain), text(SUBDOMAIN, SUBDOMAIN_LENGTH)]


class IssuerRef(Model):
    """An issuer that is there already, or that you create: of Vault, of ACM Private CA, or any other.

    Source: https://cert-manager.io/docs/configuration/issuers/
    """

    name: Subdomain
    """Its name."""
    kind: Annotated[str, AfterValidator(_checked_kind), text(_KIND)] = "ClusterIssuer"
    """Its kind; an `Issuer` is one of the namespace `meshfleet-trust`."""
    group: Subdomain = CERT_MANAGER_GROUP
    """The API group of its kind, such as `awspca.cert-manager.io`."""


class CertManagerCharts(Charts):
    """Where its chart comes from: `published`, `{repository: URL}` or `{folder: PATH}` in a stack file."""

    repository: Annotated[str, AfterValidator(checked_repository)] = CERT_MANAGER_CHARTS
    """The repository, as an https:// or oci:// URL; not used when a folder is given."""


class CertManager(Model):
    """Where cert-manager is, and what it issues the intermediates from: the root of the stack that signs, or an issuer.

    With the signer `istio-csr` it is also in each cluster of the mesh, installed from `charts` as said here.

    The key of that root, and those of the intermediates, are in Secrets there, so that no other control plane may read
    the cluster: leave all of them out of its `discovery.readBy`, or take a cluster in a mesh of its own. The fleet
    installs its chart; beside embedded clusters it runs as a process. See [rotation](rotation.md).
    """

    cluster: str = ""
    """The cluster with the root's key and the certificates; the host when left out."""
    issuer_ref: IssuerRef | None = None
    """An issuer of your own, which signs in place of the root of the stack."""
    root: FilePath = ""
    """The root below which that issuer signs, a file with one certificate in PEM."""
    install: bool = True
    """Whether the fleet installs it, by its chart or as a process; `false` for one that is there."""
    charts: CertManagerCharts = Field(default_factory=CertManagerCharts)
    """The source of its chart, where one is installed that is not built here: as `istio.charts`."""
    version: Annotated[str, AfterValidator(_checked_version), text(RELEASE)] = CERT_MANAGER_RELEASE
    """The version of its chart, in quotes; where one is installed, and is not built here."""
    values: Values = Field(default_factory=dict)
    """Helm values of its chart, merged last; where one is installed."""

    @model_validator(mode="after")
    def _root_of_the_issuer(self) -> CertManager:
        if self.issuer_ref and not self.root:
            raise ValueError("issuerRef needs the root below which it signs; write root: PATH, a certificate in PEM")
        if self.root and not self.issuer_ref:
            raise ValueError("root belongs to issuerRef; name the issuer that signs below it, or leave it out")
        return self
