"""The certificate authorities that peers are given for API servers behind something else.

Source: `certificate-authority-data` in https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#Cluster
"""

from __future__ import annotations

import ssl
from pathlib import Path

from meshfleet.errors import FileError
from meshfleet.files import read_text
from meshfleet.redaction.secret_text import kind_of_secret
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.discovery import Discovery, is_certificate_text

# More than all authorities of the web together.
LIMIT = 1024 * 1024


def authority_of(cluster: str, discovery: Discovery) -> str | None:
    """The PEM text that peers check a cluster's API server with; None for the cluster's own authority.

    Raises TopologyError when the file cannot be read, or there is no certificate in it.
    """
    given = discovery.certificate_authority
    if given is None:
        return None
    field = f"clusters.{cluster}.discovery.certificateAuthority"
    return checked(field, given, given if is_certificate_text(given) else _content(field, given))


def checked(field: str, given: str, text: str) -> str:
    """The PEM text of certificates, as `given` has it. Raises TopologyError for a secret, and for what is none."""
    if kind_of_secret(text):
        raise TopologyError([Fault(field, f"{shown(given)} contains a secret; give only certificates")])
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise TopologyError([Fault(field, "is not a certificate in PEM; give the authority's certificate")]) from None
    return text


def authority_faults(topology: Fleet) -> list[Fault]:
    """What is wrong with the certificate authorities of a fleet."""
    faults: list[Fault] = []
    for name, cluster in topology.clusters.items():
        try:
            authority_of(name, cluster.discovery)
        except TopologyError as error:
            faults += error.faults
    return faults


def _content(field: str, path: str) -> str:
    try:
        text = read_text(Path(path).expanduser(), limit=LIMIT, follow=True)
    except FileError as error:
        raise TopologyError([Fault(field, str(error))]) from None
    if text is None:
        raise TopologyError([Fault(field, f"there is no file {shown(path)}; give its path, or the PEM text itself")])
    return text
