"""Certificates in files that the stack file names, and what makes one unusable as an authority.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.errors import FileError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.files import read_text
from meshfleet.redaction.shown import shown
from meshfleet.workspace.project_folder import project_folder

if TYPE_CHECKING:
    from cryptography import x509

# More than any chain of authorities.
LIMIT: Final = 256 * 1024


def read_pem(place: str, path: str, *, private: bool = False) -> str:
    """The text of a file; a relative path begins at the project. Raises TopologyError with a fault at `place`.

    A private key is only read from a file that is its owner's alone, and none is taken where certificates belong.
    """
    try:
        text = read_text(project_folder().root / Path(path).expanduser(), limit=LIMIT, follow=True, private=private)
    except FileError as error:
        raise TopologyError([Fault(place, str(error))]) from None
    if text is None:
        raise TopologyError([Fault(place, f"there is no file {shown(path)}; give its path")])
    if not private and "PRIVATE KEY-----" in text:
        raise TopologyError([Fault(place, f"{shown(path)} contains a private key; give only certificates")])
    return text


def certificates_in(place: str, text: str, *, more: str = "") -> list[x509.Certificate]:
    """The certificates of a PEM text: one, or any number without `more`, which says where more of them belong.

    Raises TopologyError with a fault at `place`.
    """
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise TopologyError([Fault(place, "is not a certificate in PEM; give a file that contains one")]) from None
    if len(found) > 1 and more:
        raise TopologyError([Fault(place, f"holds {len(found)} certificates; give one{more}")])
    return found


def unusable_authority(certificate: x509.Certificate, now: datetime) -> str | None:
    """Why nothing could be signed below a certificate now; None where it can."""
    from meshfleet.plugins.meshfleet.certificate_reading import is_authority, name_of, not_after

    name = name_of(certificate)
    if now > certificate.not_valid_after_utc:
        return f"{name} expired on {not_after(certificate)}; issue it again and replace the file"
    if now < certificate.not_valid_before_utc:
        return f"{name} is not valid yet; correct the clock of this machine, or issue it again"
    if not is_authority(certificate):
        return f"{name} is no certificate authority (CA:TRUE, keyCertSign); issue it as one"
    return None


def unusable_root(certificate: x509.Certificate, now: datetime) -> str | None:
    """Why a certificate is no root to trust; None where it is one."""
    from meshfleet.plugins.meshfleet.certificate_reading import is_issued_by, name_of

    if fault := unusable_authority(certificate, now):
        return fault
    if not is_issued_by(certificate, certificate):
        return f"{name_of(certificate)} is not signed by itself; give the root, at the end of the chain"
    return None
