"""Where published files come from: their publishers, or a mirror that the user configures. Pure but for one file.

    {"publishers": {"kubernetes": "https://mirror.example/k8s"}, "certificateAuthority": "/etc/ssl/mirror.pem"}

is what the file has whose path is in MESHFLEET_PUBLISHERS: the base of a publisher's paths, by the names of
docs/toolchain.md. `*` in place of a name is for all that are not named, `{name}` in its URL stands for the name.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from meshfleet.errors import FileError, ToolchainError
from meshfleet.files import read_text
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import one_line
from meshfleet.toolchain.published.table import Table

VARIABLE: Final = "MESHFLEET_PUBLISHERS"
OFF: Final = "off"
_SHOWN: Final = 60


@dataclass(frozen=True)
class Addresses:
    """The base URL of each publisher without a slash at its end; which are mirrors; the mirrors' authority."""

    bases: Mapping[str, str]
    mirrored: frozenset[str] = field(default_factory=frozenset)
    authority: Path | None = None

    def url(self, publisher: str, path: str) -> str:
        """The URL of a publisher's path."""
        return f"{self.bases[publisher]}/{path.removeprefix('/')}"

    def context(self) -> ssl.SSLContext:
        """TLS with the system's authorities, or those of SSL_CERT_FILE, and the mirror's. Raises ToolchainError."""
        context = ssl.create_default_context()
        if self.authority:
            try:
                context.load_verify_locations(cafile=self.authority)
            except (OSError, ssl.SSLError) as error:
                raise ToolchainError(
                    f"{VARIABLE}: certificateAuthority: {self.authority} cannot be used ({error}); name a file with "
                    f"certificates in PEM"
                ) from error
        return context


def addresses_for(table: Table, setting: str) -> Addresses | None:
    """Where files come from with the variable's value `setting`; None when nothing is to be downloaded.

    Raises ToolchainError for a wrong file, with all that is wrong.
    """
    standard = {name: publisher.url for name, publisher in table.publishers.items()}
    if setting == OFF:
        return None
    if not setting:
        return Addresses(standard)
    path = Path(setting).expanduser().absolute()
    try:
        text = read_text(path, follow=True)
    except FileError as error:
        raise ToolchainError(f"{VARIABLE}: {error}") from error
    if text is None:
        raise ToolchainError(
            f"{VARIABLE}: {path} does not exist; name a file of mirrors, or `{OFF}` to build everything"
        )
    return parse_mirrors(text, standard, path)


def parse_mirrors(text: str, standard: Mapping[str, str], path: Path) -> Addresses:
    """The addresses that the text of a mirror file makes of the `standard` ones. Raises ToolchainError."""
    try:
        found = parse_json(text)
    except ValueError as error:
        raise ToolchainError(f'{path}: is not JSON ({error}); write {{"publishers": {{NAME: URL}}}}') from None
    if not isinstance(found, dict) or not isinstance(found.get("publishers", {}), dict):
        raise ToolchainError(f"{path}: must be a JSON object with `publishers`, an object of names and URLs")
    wrong = [f"{_named(key)}: unknown; use publishers, certificateAuthority" for key in found.keys() - _KEYS]
    bases, mirrored = dict(standard), set()
    named = found.get("publishers", {})
    unknown = named.keys() - standard.keys() - {"*"}
    wrong += [f"publishers.{_named(name)}: unknown; use {', '.join(sorted(standard))} or *" for name in unknown]
    for name in standard:
        url = named.get(name, named.get("*"))
        if url is None:
            continue
        if fault := _fault(url):
            wrong.append(f"publishers.{name if name in named else '*'}: {fault}")
            continue
        bases[name] = url.replace("{name}", name).rstrip("/")
        mirrored.add(name)
    authority = found.get("certificateAuthority")
    if authority is not None and not isinstance(authority, str):
        wrong.append("certificateAuthority: must be the path of a file with certificates in PEM")
    if wrong:
        raise ToolchainError(f"{path}: " + "; ".join(sorted(set(wrong))))
    place = path.parent / Path(authority).expanduser() if authority else None
    return Addresses(bases, frozenset(mirrored), place)


def is_safe(url: str) -> bool:
    """Whether a digest from there can be trusted: https, or this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def is_loopback(host: str) -> bool:
    """Whether a host of a URL is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_KEYS: Final = frozenset({"publishers", "certificateAuthority"})


def _named(key: str) -> str:
    return one_line(key)[:_SHOWN]


def _fault(url: object) -> str:
    if not isinstance(url, str) or not is_safe(url.replace("{name}", "name")):
        return "must be an https:// URL (http:// only on this machine)"
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.username or parts.password or not url.isprintable() or " " in url:
        return "must have no user, query or fragment"
    return ""
