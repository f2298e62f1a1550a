"""What a request carries to convince an API server: a bearer token, a password, impersonation; or a plugin's answer.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

import msgspec

from meshfleet.errors import ClusterError
from meshfleet.files import read_text
from meshfleet.kube.access import FILE_LIMIT, Access, KubeconfigError
from meshfleet.processes.child_environment import exec_environment
from meshfleet.redaction.shown import one_line

# https://kubernetes.io/docs/reference/config-api/client-authentication.v1/#client-authentication-k8s-io-v1-Cluster
_CLUSTER_INFO: Final = frozenset(
    (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority-data",
        "proxy-url",
        "disable-compression",
    )
)
_PLUGIN_SECONDS: Final = 60.0
# https://www.rfc-editor.org/rfc/rfc9110#name-tokens, without the percent sign: how client-go escapes the names.
_HEADER_NAME: Final = "!#$&'*+-.^_`|~"


class _Status(msgspec.Struct):
    token: str = ""
    certificate: str = msgspec.field(name="clientCertificateData", default="")
    key: str = msgspec.field(name="clientKeyData", default="")
    expires: datetime | None = msgspec.field(name="expirationTimestamp", default=None)


class _ExecCredential(msgspec.Struct):
    apiVersion: str  # noqa: N815 - Kubernetes' name
    status: _Status


@dataclass(frozen=True)
class Credentials:
    """Headers for a request, and a client certificate (PEM, and its key) where a plugin gave one."""

    headers: tuple[tuple[str, str], ...] = ()
    certificate: tuple[bytes, bytes] | None = None
    expires: datetime | None = None

    @property
    def fresh(self) -> bool:
        """Whether they can be used for another request."""
        return self.expires is None or self.expires > datetime.now(UTC) + timedelta(seconds=10)


def credentials(access: Access) -> Credentials:
    """Find out the credentials: read the token's file, or run the plugin. Raises ClusterError."""
    user = access.user
    headers = list(_impersonation(user))
    if "tokenFile" in user:
        token = (read_text(Path(user["tokenFile"]), limit=FILE_LIMIT, follow=True) or "").strip()
        if not token or not token.isascii() or not token.isprintable():
            raise KubeconfigError([f"its tokenFile {one_line(user['tokenFile'])} contains no token"])
        # As client-go, which reads the file again once a minute.
        expires = datetime.now(UTC) + timedelta(seconds=60)
        return Credentials((*headers, ("Authorization", f"Bearer {token}")), None, expires)
    if "token" in user:
        return Credentials((*headers, ("Authorization", f"Bearer {user['token']}")))
    if "username" in user:
        pair = base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode("ascii")
        return Credentials((*headers, ("Authorization", f"Basic {pair}")))
    if "exec" in user:
        status = _run(user["exec"], access)
        if status.token:
            headers.append(("Authorization", f"Bearer {status.token}"))
        certificate = (status.certificate.encode(), status.key.encode()) if status.certificate else None
        return Credentials(tuple(headers), certificate, status.expires)
    return Credentials(tuple(headers))


def _impersonation(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    # https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    if "as" in user:
        yield "Impersonate-User", user["as"]
    if "as-uid" in user:
        yield "Impersonate-Uid", user["as-uid"]
    for group in user.get("as-groups", []):
        yield "Impersonate-Group", group
    for name, values in user.get("as-user-extra", {}).items():
        for value in values:
            yield f"Impersonate-Extra-{quote(str(name), safe=_HEADER_NAME)}", value


def _run(plugin: Mapping[str, Any], access: Access) -> _Status:
    command = plugin["command"]
    spec: dict[str, Any] = {"interactive": False}
    if plugin["provideClusterInfo"]:
        spec["cluster"] = {name: value for name, value in access.cluster.items() if name in _CLUSTER_INFO}
    info = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
    chosen = {variable["name"]: variable["value"] for variable in plugin.get("env", [])}
    environment = exec_environment({**chosen, "KUBERNETES_EXEC_INFO": json.dumps(info)})
    output = _output([command, *plugin.get("args", [])], environment, plugin.get("installHint", ""))
    try:
        found = msgspec.json.decode(output, type=_ExecCredential)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _failed(command, "it printed no ExecCredential with a status") from None
    if found.apiVersion != plugin["apiVersion"]:
        raise _failed(command, f"it returns another apiVersion than {plugin['apiVersion']}")
    status = found.status
    if not (status.token or status.certificate) or bool(status.certificate) != bool(status.key):
        raise _failed(command, "its output has neither a token nor a certificate with its key")
    if not status.token.isascii() or not (status.token.isprintable() or not status.token):
        raise _failed(command, "its token has characters that no HTTP header may have")
    if status.expires is not None and status.expires.tzinfo is None:
        raise _failed(command, "its expirationTimestamp has no time zone")
    return status


def _output(command: list[str], environment: Mapping[str, str], hint: str) -> bytes:
    """What a program prints, bounded in time and size. Raises ClusterError with the end of what it complains."""
    try:
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise _failed(command[0], f"it cannot be run: {reason}{f' ({hint})' if hint else ''}") from None
    kept: dict[str, bytes] = {}

    def keep(name: str, stream: IO[bytes]) -> None:
        kept[name] = stream.read(FILE_LIMIT + 1)
        stream.close()

    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=keep, args=(name, stream), daemon=True)
        for name, stream in (("out", process.stdout), ("err", process.stderr))
    ]
    for reader in readers:
        reader.start()
    try:
        process.wait(_PLUGIN_SECONDS)
    except subprocess.TimeoutExpired:
        raise _failed(command[0], f"it did not exit within {_PLUGIN_SECONDS:.0f} s") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(_PLUGIN_SECONDS)
        for reader in readers:
            # A child that it left behind may hold the pipe open.
            reader.join(1.0)
    output = kept.get("out", b"")
    if process.returncode:
        complaint = " ".join(kept.get("err", b"").decode("utf-8", "replace").split())[-300:]
        raise _failed(command[0], f"it exited with {process.returncode}: {one_line(complaint) or 'no reason given'}")
    if len(output) > FILE_LIMIT:
        raise _failed(command[0], f"it printed more than {FILE_LIMIT} bytes")
    return output


def _failed(command: str, reason: str) -> ClusterError:
    return ClusterError(
        f"the credential plugin {one_line(command)} of the kubeconfig: {reason}; "
        "run it by hand, with the arguments of the kubeconfig, until it prints a credential"
    )
