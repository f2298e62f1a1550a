"""The files that a portal's declaration names: keys of OIDC providers, and certificates of authorities.

What Envoy would reject is refused here, by its field: Envoy would go on with what it had before.
Sources: https://datatracker.ietf.org/doc/html/rfc7517#section-5 and
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from meshfleet.components.certificate_authorities import LIMIT, checked
from meshfleet.errors import FileError
from meshfleet.files import read_text
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.secret_text import kind_of_secret
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.portal import PortalOidc

# What a public key has, by its type (RFC 7518, RFC 8037).
_PUBLIC: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
# The private part of each of them, and a symmetric key.
_PRIVATE: Final = ("d", "k")


def provider_files(name: str, provider: PortalOidc) -> dict[str, str]:
    """The keys and the authority of a provider; empty where not declared.

    Raises TopologyError for a file that cannot be read, or holds something else.
    """
    field = f"portal.oidc.{name}"
    return {
        "jwks": key_set(f"{field}.jwks", provider.jwks),
        "authority": _authority(f"{field}.certificateAuthority", provider.certificate_authority),
    }


def client_authority(fleet: Fleet) -> str:
    """The certificates that sign client certificates; empty without. Raises TopologyError as `provider_files` does."""
    declared = fleet.portal.client_certificates if fleet.portal else None
    path = declared.certificate_authority if declared else None
    return _authority("portal.clientCertificates.certificateAuthority", path)


def portal_file_faults(fleet: Fleet) -> list[Fault]:
    """What is wrong with these files."""
    faults: list[Fault] = []
    for name, provider in fleet.portal.oidc.items() if fleet.portal else ():
        try:
            provider_files(name, provider)
        except TopologyError as error:
            faults += error.faults
    try:
        client_authority(fleet)
    except TopologyError as error:
        faults += error.faults
    return faults


def _authority(field: str, path: str | None) -> str:
    return "" if path is None else checked(field, path, _content(field, path))


def key_set(field: str, path: str | None) -> str:
    """The text of a JSON Web Key Set; empty without a path. Raises TopologyError as `provider_files` does."""
    if path is None:
        return ""
    text = _content(field, path)
    try:
        found = parse_json(text)
    except ValueError:
        found = None
    keys = found.get("keys") if isinstance(found, Mapping) else None
    known = [key for key in keys if isinstance(key, Mapping)] if isinstance(keys, list) else []
    if kind_of_secret(text) or any(part in key for key in known for part in _PRIVATE):
        raise TopologyError([Fault(field, f"{shown(path)} contains a secret key; give only the public keys")])
    if not any(map(_is_public, known)):
        raise TopologyError(
            [
                Fault(
                    field,
                    f"{shown(path)} is no JSON Web Key Set with a public key; give what the provider has at its "
                    "jwks_uri, or that address as jwksUri",
                )
            ]
        )
    return text


def _is_public(key: Mapping[str, Any]) -> bool:
    parts = _PUBLIC.get(str(key.get("kty")), ())
    return bool(parts) and all(isinstance(key.get(part), str) and key[part] for part in parts)


def _content(field: str, path: str) -> str:
    try:
        text = read_text(Path(path).expanduser(), limit=LIMIT, follow=True)
    except FileError as error:
        raise TopologyError([Fault(field, str(error))]) from None
    if text is None:
        raise TopologyError([Fault(field, f"there is no file {shown(path)}; give its path")])
    return text
