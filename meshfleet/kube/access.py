"""One context of a kubeconfig: checked, made self-contained for programs, and as what a client needs.

Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

from __future__ import annotations

import base64
import binascii
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.parse import urlsplit

from meshfleet.errors import ClusterError, DocumentError, FileError
from meshfleet.files import read_bytes
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.kube.fields import Section, faults_of, used
from meshfleet.redaction.shown import one_line, shown

FILE_LIMIT: Final = 1024 * 1024
"""Bytes of a file that a kubeconfig names."""

_DATA: Final = ("certificate-authority", "client-certificate", "client-key")


class KubeconfigError(ClusterError):
    """A kubeconfig cannot be used as it is; `faults` are all reasons; `context_missing`: no such context."""

    def __init__(self, faults: list[str], *, context_missing: bool = False) -> None:
        super().__init__(f"kubeconfig: {'; '.join(faults)}")
        self.faults = tuple(faults)
        self.context_missing = context_missing


@dataclass(frozen=True)
class Access:
    """How to reach and convince an API server. `document` is a kubeconfig with nothing else in it."""

    server: str
    document: Mapping[str, Any] = field(repr=False)
    cluster: Mapping[str, Any] = field(repr=False)
    user: Mapping[str, Any] = field(repr=False)

    @property
    def text(self) -> str:
        """The self-contained kubeconfig (secret); the same bytes for the same fields."""
        return json.dumps(self.document, sort_keys=True)

    def tls(self, certificate: tuple[bytes, bytes] | None = None) -> ssl.SSLContext:
        """The TLS settings, with the user's client certificate or another one (PEM, and its key).

        Raises KubeconfigError when the authority or the certificate is no PEM, or the key does not fit.
        """
        authority = self._pem(self.cluster, "certificate-authority-data")
        try:
            context = ssl.create_default_context(cadata=authority.decode("ascii") if authority else None)
        except (ssl.SSLError, ValueError):
            raise KubeconfigError(["its certificate authority is not a PEM certificate"]) from None
        # As Go programs: Python 3.13 asks more of an authority, and OpenSSL by itself takes no intermediate for one.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self.cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate = certificate or self._client_certificate()
        if certificate:
            _load(context, *certificate)
        return context

    def _client_certificate(self) -> tuple[bytes, bytes] | None:
        certificate = self._pem(self.user, "client-certificate-data")
        key = self._pem(self.user, "client-key-data")
        return (certificate, key) if certificate and key else None

    @staticmethod
    def _pem(entry: Mapping[str, Any], name: str) -> bytes | None:
        if name not in entry:
            return None
        try:
            return base64.b64decode("".join(entry[name].split()), validate=True)
        except (binascii.Error, ValueError):
            raise KubeconfigError([f"its {name} is not base64"]) from None


def read_access(text: str, context: str | None = None, folder: Path | None = None) -> Access:
    """The access that one context of a kubeconfig text gives; the current one for None.

    `folder` is the kubeconfig's, to which its paths are relative. Files of certificates become data; a token's file
    and a plugin stay paths, absolute ones, since their content changes. Raises KubeconfigError with all faults.
    """
    content = _mapping(text)
    faults: list[str] = []
    contexts, clusters, users = (_named(content, name, faults) for name in ("contexts", "clusters", "users"))
    context = context or str(content.get("current-context") or "")
    if not context:
        raise KubeconfigError(["no current context; name one of its contexts"], context_missing=True)
    if context not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        raise KubeconfigError([f"no context {context!r}; it has {known}"], context_missing=True)
    entry = contexts[context]
    if faults := faults + faults_of("config", content) + faults_of("context", entry):
        raise KubeconfigError(faults)
    cluster_name, user_name = str(entry.get("cluster") or ""), str(entry.get("user") or "")
    cluster = _entry("cluster", clusters, cluster_name, folder, faults)
    user = _entry("user", users, user_name, folder, faults) if user_name else {}
    server = str(cluster.get("server", ""))
    if cluster:
        faults += _faults_of_url("server", server) + _faults_of_url("proxy-url", cluster.get("proxy-url", server))
    if faults:
        raise KubeconfigError(list(dict.fromkeys(faults)))
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": used("context", entry)}],
        "clusters": [{"name": cluster_name, "cluster": cluster}],
        "users": [{"name": user_name, "user": user}] if user_name else [],
    }
    access = Access(server, document, cluster, user)
    if server.startswith("https://"):
        access.tls()
    return access


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        content = load_yaml(text, what="kubeconfig")
    except DocumentError as error:
        raise KubeconfigError([str(error).removeprefix("kubeconfig: ")]) from None
    if not isinstance(content, Mapping):
        raise KubeconfigError(["not a mapping; give the content of a kubeconfig file"])
    return content


def _named(content: Mapping[str, Any], section: str, faults: list[str]) -> dict[str, Mapping[str, Any]]:
    """The entries of a section by name. An entry of another shape is left out, and then missed by name."""
    entries = content.get(section)
    found: dict[str, Mapping[str, Any]] = {}
    for item in entries if isinstance(entries, list) else []:
        if not isinstance(item, Mapping) or not isinstance(item.get(section[:-1]), Mapping):
            continue
        name = str(item.get("name", ""))
        if name in found:
            faults.append(f"its {section} have the name {shown(name)} twice")
        found[name] = item[section[:-1]]
    return found


def _entry(
    section: Section, known: Mapping[str, Mapping[str, Any]], name: str, folder: Path | None, faults: list[str]
) -> dict[str, Any]:
    if name not in known:
        faults.append(f"the context names the {section} {shown(name)}, which is not there")
        return {}
    if found := faults_of(section, known[name]):
        faults += found
        return {}
    entry = used(section, known[name])
    for key in _DATA:
        if key in entry:
            entry[f"{key}-data"] = _content(key, entry.pop(key), folder, faults)
    if "tokenFile" in entry:
        entry["tokenFile"] = str(_absolute(entry["tokenFile"], folder))
        _content("tokenFile", entry["tokenFile"], folder, faults)
    if "exec" in entry:
        entry["exec"] = _plugin(used("exec", entry["exec"]), folder)
    return entry


def _plugin(plugin: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    # A name without a slash is looked up on PATH, anything else is relative to the kubeconfig.
    if "/" in plugin["command"]:
        plugin["command"] = str(_absolute(plugin["command"], folder))
    return {"interactiveMode": "IfAvailable", "provideClusterInfo": False, **plugin}


def _content(key: str, path: str, folder: Path | None, faults: list[str]) -> str:
    if folder is None and not Path(path).is_absolute():
        faults.append(f"its {key} is a relative path, but where the kubeconfig lies is not known")
        return ""
    try:
        content = read_bytes(_absolute(path, folder), limit=FILE_LIMIT, follow=True)
    except FileError as error:
        faults.append(f"its {key} cannot be read: {error}")
        return ""
    if content is None:
        faults.append(f"its {key} {one_line(path)} cannot be read: No such file or directory")
    return base64.b64encode(content or b"").decode("ascii")


def _absolute(path: str, folder: Path | None) -> Path:
    return (folder / path).absolute() if folder else Path(path)


def _faults_of_url(name: str, value: Any) -> list[str]:
    try:
        parts = urlsplit(value)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
    except (ValueError, UnicodeError):
        return [f"its {name} is not a URL"]
    if parts.scheme not in ("http", "https") or not host or not value.isprintable() or " " in value:
        return [f"its {name} is not a URL of http or https"]
    wrong = parts.query or parts.fragment or (name == "server" and "@" in parts.netloc)
    return [f"its {name} has more in it than a host, a port and a path"] if wrong else []


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    def no_password() -> bytes:
        # Without this OpenSSL would ask for one on the terminal.
        return b""

    try:
        with NamedTemporaryFile() as one, NamedTemporaryFile() as other:
            one.write(certificate)
            other.write(key)
            one.flush()
            other.flush()
            context.load_cert_chain(one.name, other.name, no_password)
    except (ssl.SSLError, ValueError):
        raise KubeconfigError(["its client certificate and key are no pair of PEM, or the key is encrypted"]) from None
    except OSError as error:
        raise KubeconfigError([f"its client certificate cannot be used: {error.strerror}"]) from None
