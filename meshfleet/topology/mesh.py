"""A mesh: one trust domain, one set of roots, one or more control planes.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from meshfleet.topology.cert_manager import CertManager
from meshfleet.topology.istio_csr import ISTIO_CSR, IstioCsr
from meshfleet.topology.mesh_settings import MeshSettings
from meshfleet.topology.model import Model
from meshfleet.topology.names import DEFAULT_ROOT, Label, TrustDomain
from meshfleet.topology.text import FilePath, checked_line

Days = Annotated[int, Field(ge=1, le=36500)]
SubjectPart = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(checked_line)]


class Validity(Model):
    """The validity of a certificate and when the next `up` renews it, in days."""

    validity_days: Days
    """Days from the issue of the certificate to its expiry."""
    renew_before_days: Days
    """Days before its expiry from which the next `up` renews it, or cert-manager where that is the issuer."""

    @model_validator(mode="after")
    def _renewed_within_its_life(self) -> Validity:
        if self.renew_before_days >= self.validity_days:
            raise ValueError(
                f"renewBeforeDays {self.renew_before_days} is not below validityDays {self.validity_days}; "
                "the certificate would be renewed by every run"
            )
        return self


class IssuedFiles(Model):
    """The intermediate of one cluster as something else has issued it: files in PEM on the machine that runs `up`.

    They are read at every `preview` and `up`; other files there are a renewal, and another root a rotation. A relative
    path begins at the project.
    """

    certificate: FilePath
    """The certificate of the intermediate, a certificate authority."""
    key: FilePath
    """Its private key without a password, in a file that only its owner can read."""
    chain: FilePath = ""
    """The certificates between it and the root, where there are any."""
    root: FilePath
    """The root, one certificate, the same for all clusters of the mesh."""


class Trust(Model):
    """The roots of a mesh and the intermediate of each of its clusters.

    A mesh has at most 2 roots (current and next): the second one during a rotation, which goes in stages, see
    [rotation](rotation.md). A root keeps the key and the subject that it was created with.
    """

    issuer: Literal["builtin", "cert-manager", "files"] = "builtin"
    """The issuer of the intermediates: the stack, cert-manager, or `files`."""
    cert_manager: CertManager = Field(default_factory=CertManager)
    """Where cert-manager is, and its chart; with the issuer `cert-manager` or the signer `istio-csr`."""
    signer: Literal["istiod", "istio-csr"] = "istiod"
    """What signs the certificates of workloads with the intermediate of their cluster."""
    istio_csr: IstioCsr = Field(default_factory=IstioCsr)
    """How istio-csr is installed; with that signer alone."""
    files: dict[str, IssuedFiles] = Field(default_factory=dict)
    """The files of each cluster that has a control plane, by cluster; with the issuer `files` alone."""
    roots: Annotated[tuple[Label, ...], Field(strict=False)] = (DEFAULT_ROOT,)
    """The names of the roots that every workload trusts, one or two; a new name is a new root."""
    signing: str = ""
    """The root that signs the intermediates, by its name in `roots`; the last one when left out."""
    algorithm: Literal["ecdsa-p256", "rsa-4096"] = "ecdsa-p256"
    """The key algorithm of the intermediates, and of a root when it is created."""
    organization: SubjectPart = "Istio"
    """The organization (O) in the subject of the intermediates, and of a root when it is created."""
    root: Validity = Validity.model_validate({"validityDays": 3650, "renewBeforeDays": 365})
    """The validity of a root."""
    intermediate: Validity = Validity.model_validate({"validityDays": 730, "renewBeforeDays": 90})
    """The validity of the intermediate of each cluster; at most that of the root."""

    @model_validator(mode="before")
    @classmethod
    def _roots_from_files(cls, value: Any) -> Any:
        # Which root it is, the files say when they are read.
        if isinstance(value, dict) and _reads_root(value):
            return {"roots": ()} | value
        return value

    @model_validator(mode="after")
    def _intermediate_within_root(self) -> Trust:
        if not self.reads_root and self.intermediate.validity_days > self.root.validity_days:
            raise ValueError(
                f"intermediate.validityDays {self.intermediate.validity_days} is above root.validityDays "
                f"{self.root.validity_days}; no certificate outlives its issuer"
            )
        return self

    @property
    def by_istio_csr(self) -> bool:
        """Whether istio-csr signs the certificates of workloads, so that no istiod gets an intermediate."""
        return self.signer == ISTIO_CSR

    @property
    def reads_root(self) -> bool:
        """Whether the root is in a file, and its key with something else: `files`, or an issuer of cert-manager."""
        return self.issuer == "files" or self.signs_elsewhere

    @property
    def signs_elsewhere(self) -> bool:
        """Whether cert-manager has an issuer of the user's own sign."""
        return self.issuer == "cert-manager" and self.cert_manager.issuer_ref is not None

    @property
    def bundle(self) -> tuple[str, ...]:
        """The names of the roots in the order of `root-cert.pem`: the one that signs, then the others.

        Empty where the roots are in files that were not read yet. It differs in every stage of a rotation, which
        is how one hears from an istiod that it has it.
        """
        if not self.roots:
            return ()
        signing = self.signing or self.roots[-1]
        return (signing, *(root for root in self.roots if root != signing))


def _reads_root(written: dict[Any, Any]) -> bool:
    """`Trust.reads_root` of what is not checked yet."""
    chosen = written.get("certManager")
    refers = isinstance(chosen, dict) and chosen.get("issuerRef") is not None
    return written.get("issuer") == "files" or (written.get("issuer") == "cert-manager" and refers)


class Mesh(Model):
    """One mesh by its name, which is also its mesh ID."""

    trust_domain: TrustDomain = "cluster.local"
    """The SPIFFE trust domain, the first part of every workload's identity."""
    trust: Trust = Field(default_factory=Trust)
    """The certificate authorities of the mesh."""
    settings: MeshSettings = Field(default_factory=MeshSettings)
    """Mesh-wide settings, the same in every control plane."""
