"""The intermediates that something else has issued, as the files that the stack file names. Knows nothing of Pulumi.

What istiod would refuse, or would sign with in vain, is refused here before anything changes: a certificate that is no
authority, a key of another certificate, a chain that does not lead to the root, what has expired, roots that differ.
Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from meshfleet.components.certificate_files import certificates_in, read_pem, unusable_authority, unusable_root
from meshfleet.errors import CertificateError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.topology import Fleet
from meshfleet.topology.names import file_root

if TYPE_CHECKING:
    from cryptography import x509

    from meshfleet.topology.mesh import IssuedFiles


@dataclass(frozen=True)
class IssuedAuthority:
    """An intermediate, each part PEM; `chain` is all from it to the root, `name` the name of the root."""

    certificate: str
    key: str = field(repr=False)
    chain: str
    root: str
    name: str


def issued_authorities(topology: Fleet) -> dict[str, IssuedAuthority]:
    """The intermediate of each cluster whose mesh has them in files. Raises TopologyError with all faults at once."""
    found: dict[str, IssuedAuthority] = {}
    faults: list[Fault] = []
    for mesh, declared in topology.meshes.items():
        of_mesh: dict[str, IssuedAuthority] = {}
        for cluster, files in declared.trust.files.items():
            try:
                of_mesh[cluster] = _authority(f"meshes.{mesh}.trust.files.{cluster}", files)
            except TopologyError as error:
                faults += error.faults
        faults += _other_roots(mesh, of_mesh)
        found |= of_mesh
    if faults:
        raise TopologyError(faults)
    return found


def _other_roots(mesh: str, issued: Mapping[str, IssuedAuthority]) -> list[Fault]:
    first = next(iter(issued), "")
    return [
        Fault(
            f"meshes.{mesh}.trust.files.{cluster}.root",
            f"is another certificate than the root of {first}; the clusters of a mesh have one root",
        )
        for cluster, authority in issued.items()
        if authority.name != issued[first].name
    ]


def _authority(field_name: str, files: IssuedFiles) -> IssuedAuthority:
    from cryptography.hazmat.primitives.serialization import Encoding

    from meshfleet.plugins.meshfleet.certificate_reading import fingerprint, load_private_key, require_matching_key

    texts, faults = _texts(field_name, files)
    certificates: dict[str, list[x509.Certificate]] = {}
    for name in ("certificate", "chain", "root"):
        if name in texts:
            more = "" if name == "chain" else ", and those between it and the root as chain"
            try:
                certificates[name] = certificates_in(f"{field_name}.{name}", texts[name], more=more)
            except TopologyError as error:
                faults += error.faults
    if "key" in texts:
        try:
            key = load_private_key(texts["key"], "key")
            if "certificate" in certificates:
                require_matching_key(certificates["certificate"][0], key, "key")
        except CertificateError as error:
            faults.append(Fault(f"{field_name}.key", _without_field(error)))
    if faults:
        raise TopologyError(faults)
    (certificate,), (root,) = certificates["certificate"], certificates["root"]
    between = [one for one in certificates.get("chain", []) if one not in (certificate, root)]
    if fault := _unusable(certificate, between, root):
        raise TopologyError([Fault(f"{field_name}.{fault[0]}", fault[1])])
    pem = [one.public_bytes(Encoding.PEM).decode() for one in (certificate, *between, root)]
    # Written again: what else a file holds, such as a text before the PEM, goes nowhere.
    return IssuedAuthority(pem[0], texts["key"], "".join(pem), pem[-1], file_root(fingerprint(root)))


def _texts(field_name: str, files: IssuedFiles) -> tuple[dict[str, str], list[Fault]]:
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for name in ("certificate", "key", "chain", "root"):
        path: str = getattr(files, name)
        if not path:
            continue
        try:
            texts[name] = read_pem(f"{field_name}.{name}", path, private=name == "key")
        except TopologyError as error:
            faults += error.faults
    return texts, faults


def _unusable(
    certificate: x509.Certificate, between: list[x509.Certificate], root: x509.Certificate
) -> tuple[str, str] | None:
    """The field at fault and what is wrong with it, where istiod could not sign with these for this root."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from meshfleet.plugins.meshfleet.certificate_reading import is_issued_by, name_of, verify_chain

    now = datetime.now(UTC)
    if fault := unusable_root(root, now):
        return "root", fault
    for name, one in (("certificate", certificate), *(("chain", each) for each in between)):
        if fault := unusable_authority(one, now):
            return name, fault
    if certificate == root:
        return "certificate", "is the root itself; give an intermediate that the root has signed"
    # Each is signed by the next one, as proxies send them.
    path = [certificate, *between, root]
    for lower, upper in pairwise(path):
        if not is_issued_by(lower, upper):
            name = "chain" if between else "certificate"
            return name, f"{name_of(lower)} is not signed by {name_of(upper)}; give each certificate up to the root"
    try:
        pem = [one.public_bytes(Encoding.PEM).decode() for one in path]
        verify_chain("".join(pem[:-1]), pem[-1], now)
    except CertificateError as error:
        return "chain" if between else "certificate", _without_field(error)
    return None


def _without_field(error: CertificateError) -> str:
    return str(error).partition(": ")[2]
