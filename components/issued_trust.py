"""What something else decides of the trust of meshes, read from files: intermediates and roots.

The key of such a root is not the stack's. Its intermediates are files as well, or cert-manager has an issuer of the
user's own sign them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from meshfleet.components.certificate_files import certificates_in, read_pem, unusable_root
from meshfleet.components.issued_authorities import IssuedAuthority, issued_authorities
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.topology import Fleet
from meshfleet.topology.names import issuer_root


@dataclass(frozen=True)
class ReadRoot:
    """A root by the name that it has in the stack, and its certificate in PEM."""

    name: str
    certificate: str


@dataclass(frozen=True)
class IssuedTrust:
    """The root of each mesh that has it in a file, and the intermediate of each cluster that has it in files."""

    roots: Mapping[str, ReadRoot] = field(default_factory=dict)
    intermediates: Mapping[str, IssuedAuthority] = field(default_factory=dict)


def read_issued_trust(topology: Fleet) -> IssuedTrust:
    """Read the files that the meshes name. Raises TopologyError with all faults at once, before anything changes."""
    roots: dict[str, ReadRoot] = {}
    intermediates: dict[str, IssuedAuthority] = {}
    faults: list[Fault] = []
    for mesh, declared in topology.meshes.items():
        if declared.trust.signs_elsewhere:
            try:
                roots[mesh] = _root(f"meshes.{mesh}.trust.certManager.root", declared.trust.cert_manager.root)
            except TopologyError as error:
                faults += error.faults
    try:
        intermediates = issued_authorities(topology)
    except TopologyError as error:
        faults += error.faults
    if faults:
        raise TopologyError(faults)
    for mesh, declared in topology.meshes.items():
        if first := next(iter(declared.trust.files), None):
            roots[mesh] = ReadRoot(intermediates[first].name, intermediates[first].root)
    return IssuedTrust(roots, intermediates)


def with_read_roots(topology: Fleet, issued: IssuedTrust) -> Fleet:
    """The fleet with the roots of the files under their names; roots that are there already stay, as in a stage."""
    meshes = dict(topology.meshes)
    for mesh, root in issued.roots.items():
        if not (declared := topology.meshes[mesh]).trust.bundle:
            trust = declared.trust.model_copy(update={"roots": (root.name,), "signing": root.name})
            meshes[mesh] = declared.model_copy(update={"trust": trust})
    return topology.model_copy(update={"meshes": meshes})


def _root(place: str, path: str) -> ReadRoot:
    from cryptography.hazmat.primitives.serialization import Encoding

    from meshfleet.plugins.meshfleet.certificate_reading import fingerprint

    (certificate,) = certificates_in(place, read_pem(place, path), more=", the root")
    if fault := unusable_root(certificate, datetime.now(UTC)):
        raise TopologyError([Fault(place, fault)])
    # Written again: what else a file holds, such as a text before the PEM, goes nowhere.
    return ReadRoot(issuer_root(fingerprint(certificate)), certificate.public_bytes(Encoding.PEM).decode())
