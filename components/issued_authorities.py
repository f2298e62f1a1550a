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
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.errors import CertificateError, FileError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.files import read_text
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fleet
from meshfleet.workspace.project_folder import project_folder

if TYPE_CHECKING:
    from cryptography import x509

    from meshfleet.topology.mesh import IssuedFiles

# More than any chain of authorities.
LIMIT: Final = 256 * 1024


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


def with_issued_roots(topology: Fleet, issued: Mapping[str, IssuedAuthority]) -> Fleet:
    """The fleet with the roots of the files under their names; roots that are there already stay, as in a stage."""
    meshes = dict(topology.meshes)
    for mesh, declared in topology.meshes.items():
        if not declared.trust.bundle and declared.trust.files:
            name = issued[next(iter(declared.trust.files))].name
            trust = declared.trust.model_copy(update={"roots": (name,), "signing": name})
            meshes[mesh] = declared.model_copy(update={"trust": trust})
    return topology.model_copy(update={"meshes": meshes})


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
            try:
                certificates[name] = _certificates(texts[name], f"{field_name}.{name}", several=name == "chain")
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
    return IssuedAuthority(pem[0], texts["key"], "".join(pem), pem[-1], f"file-{fingerprint(root)[:16]}")


def _texts(field_name: str, files: IssuedFiles) -> tuple[dict[str, str], list[Fault]]:
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for name in ("certificate", "key", "chain", "root"):
        path: str = getattr(files, name)
        if not path:
            continue
        place = project_folder().root / Path(path).expanduser()
        try:
            text = read_text(place, limit=LIMIT, follow=True, private=name == "key")
        except FileError as error:
            faults.append(Fault(f"{field_name}.{name}", str(error)))
            continue
        if text is None:
            faults.append(Fault(f"{field_name}.{name}", f"there is no file {shown(path)}; give its path"))
        elif name != "key" and "PRIVATE KEY-----" in text:
            faults.append(Fault(f"{field_name}.{name}", f"{shown(path)} holds a private key; give certificates alone"))
        else:
            texts[name] = text
    return texts, faults


def _certificates(text: str, place: str, *, several: bool) -> list[x509.Certificate]:
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise TopologyError([Fault(place, "is no certificate in PEM; give a file that holds one")]) from None
    if len(found) > 1 and not several:
        message = f"holds {len(found)} certificates; give one, and those between it and the root as chain"
        raise TopologyError([Fault(place, message)])
    return found


def _unusable(
    certificate: x509.Certificate, between: list[x509.Certificate], root: x509.Certificate
) -> tuple[str, str] | None:
    """The field at fault and what is wrong with it, where istiod could not sign with these for this root."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from meshfleet.plugins.meshfleet.certificate_reading import is_issued_by, name_of, not_after, verify_chain

    now = datetime.now(UTC)
    for name, one in (("root", root), ("certificate", certificate), *(("chain", each) for each in between)):
        if now > one.not_valid_after_utc:
            return name, f"{name_of(one)} expired on {not_after(one)}; issue it again and replace the file"
        if now < one.not_valid_before_utc:
            return name, f"{name_of(one)} is not valid yet; correct the clock of this machine, or issue it again"
        if not _is_authority(one):
            return name, f"{name_of(one)} is no certificate authority (CA:TRUE, keyCertSign); issue it as one"
    if not is_issued_by(root, root):
        return "root", f"{name_of(root)} is not signed by itself; give the root, and what is below it as chain"
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


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        return False
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _without_field(error: CertificateError) -> str:
    return str(error).partition(": ")[2]
