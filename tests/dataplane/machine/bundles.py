"""A bundle of the example's machines `billing`, as `meshfleet vm bundle` makes it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from meshfleet.dataplane.machine.bundle_folder import Bundle, bundle_of
from meshfleet.manifests.bundle import Found, bundle
from meshfleet.topology import Fleet, load
from tests.manifests.machines import CONFIG, STACK

ENDS = datetime(2020, 11, 23, 12, 0, tzinfo=UTC)
"""Long ago."""


def token() -> str:
    """A token that ends then, of nobody."""
    claims = json.dumps({"exp": ENDS.timestamp()}).encode()
    return f"x.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.y"


def fleet() -> Fleet:
    """The fleet that the bundle is of."""
    return load(STACK, CONFIG)


def files(name: str = "billing", revision: str = "default", address: str = "") -> dict[str, str]:
    """The five files."""
    found = Found("trustDomain: t.example\ndefaultConfig:\n  meshId: m\n", "ROOT", ("198.18.0.9",), token())
    return bundle(fleet(), name, revision, found, address)


def made(name: str = "billing", revision: str = "default", address: str = "") -> Bundle:
    """The bundle of these files."""
    return bundle_of(files(name, revision, address))
