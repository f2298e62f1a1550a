"""Every field of a kubeconfig, and what becomes of it: the same for all readers, or a refusal that names it.

A kubeconfig that the user gives is read by the project's own client, by programs built on client-go (Helm, kubectl,
istioctl, istiod, the official Kubernetes plugin) and by the stand-in for that plugin. A field that one of them ignores
would make two identities or two ways to one cluster, so there is no such field.

Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ and, for what contradicts what, Validate and
validateAuthInfo in https://github.com/kubernetes/client-go/blob/master/tools/clientcmd/validation.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from meshfleet.errors.faults import unknown_key

Section = Literal["config", "cluster", "user", "context", "exec"]
Handling = Literal["honoured", "unused", "refused"]


@dataclass(frozen=True)
class Field:
    """`unused` has no meaning for a connection, to any reader; `refused` says in `why` what to do instead."""

    section: Section
    name: str
    handling: Handling
    kind: type = str
    why: str = ""


FIELDS: Final = (
    Field("config", "kind", "honoured"),
    Field("config", "apiVersion", "honoured"),
    Field("config", "clusters", "honoured", list),
    Field("config", "users", "honoured", list),
    Field("config", "contexts", "honoured", list),
    Field("config", "current-context", "unused", why="the stack file names the context"),
    Field("config", "preferences", "unused", dict, "settings of kubectl's output"),
    Field("config", "extensions", "unused", list, "notes of other programs"),
    Field("cluster", "server", "honoured"),
    Field("cluster", "tls-server-name", "honoured"),
    Field("cluster", "insecure-skip-tls-verify", "honoured", bool),
    Field("cluster", "certificate-authority", "honoured"),
    Field("cluster", "certificate-authority-data", "honoured"),
    Field("cluster", "proxy-url", "honoured"),
    Field("cluster", "disable-compression", "honoured", bool),
    Field("cluster", "extensions", "unused", list, "notes of other programs"),
    Field("user", "client-certificate", "honoured"),
    Field("user", "client-certificate-data", "honoured"),
    Field("user", "client-key", "honoured"),
    Field("user", "client-key-data", "honoured"),
    Field("user", "token", "honoured"),
    Field("user", "tokenFile", "honoured"),
    Field("user", "as", "honoured"),
    Field("user", "as-uid", "honoured"),
    Field("user", "as-groups", "honoured", list),
    Field("user", "as-user-extra", "honoured", dict),
    Field("user", "username", "honoured"),
    Field("user", "password", "honoured"),
    Field("user", "auth-provider", "refused", dict, "Kubernetes 1.26 removed it; use an exec plugin"),
    Field("user", "exec", "honoured", dict),
    Field("user", "extensions", "unused", list, "notes of other programs"),
    Field("context", "cluster", "honoured"),
    Field("context", "user", "honoured"),
    Field("context", "namespace", "unused", why="every object of a fleet names its namespace"),
    Field("context", "extensions", "unused", list, "notes of other programs"),
    Field("exec", "command", "honoured"),
    Field("exec", "args", "honoured", list),
    Field("exec", "env", "honoured", list),
    Field("exec", "apiVersion", "honoured"),
    Field("exec", "installHint", "honoured"),
    Field("exec", "provideClusterInfo", "honoured", bool),
    Field("exec", "interactiveMode", "honoured"),
)

EXEC_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXEC_EXTENSION: Final = "client.authentication.k8s.io/exec"
"""The one extension with a meaning for a connection: settings of an exec plugin."""
_PROXIES: Final = ("http://", "https://")
_KINDS: Final = {str: "text", bool: "true or false", list: "a list", dict: "a mapping"}


def used(section: Section, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an entry that mean something; those that are null or empty are as good as absent."""
    known = {field.name: field for field in FIELDS if field.section == section}
    return {
        name: value
        for name, value in entry.items()
        if name in known and known[name].handling == "honoured" and value not in (None, "", [], {}, False)
    }


def faults_of(section: Section, entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with an entry by itself, field by field; no message repeats a value."""
    known = {field.name: field for field in FIELDS if field.section == section}
    found = []
    for name, value in entry.items():
        field = known.get(name)
        if field is None:
            found.append(f"its {section} has the field {str(name)[:60]}: {unknown_key(str(name), known)}")
        elif value is None:
            continue
        elif field.handling == "refused":
            found.append(f"its {section} has {name}, which is not supported: {field.why}")
        elif section == "cluster" and name == "extensions" and EXEC_EXTENSION in str(value):
            found.append(f"its cluster has the extension {EXEC_EXTENSION}, which is not supported; use args or env")
        elif not isinstance(value, field.kind):
            found.append(f"the field {name} of its {section} is not {_KINDS[field.kind]}")
    return found or [fault for judge in _CONTRADICTIONS.get(section, ()) for fault in judge(used(section, entry))]


def _in_cluster(entry: Mapping[str, Any]) -> list[str]:
    found = _both(entry, "certificate-authority", "certificate-authority-data")
    if entry.get("insecure-skip-tls-verify") and any(name.startswith("certificate-authority") for name in entry):
        found.append("its cluster has certificate-authority and insecure-skip-tls-verify; keep one of them")
    if not str(entry.get("proxy-url", "http://")).startswith(_PROXIES):
        found.append("its cluster has a proxy-url of a kind that not every client supports; use http:// or https://")
    return found


def _in_user(entry: Mapping[str, Any]) -> list[str]:
    found = [fault for name in ("client-certificate", "client-key") for fault in _both(entry, name, f"{name}-data")]
    if _has(entry, "client-certificate") != _has(entry, "client-key"):
        found.append("its user has one of client-certificate and client-key; give both")
    if ("username" in entry) != ("password" in entry):
        found.append("its user has one of username and password; give both")
    ways = [name for name in ("token", "tokenFile", "username", "exec") if name in entry]
    if len(ways) > 1:
        found.append(f"its user has {' and '.join(ways)}; clients differ in which they use, keep one")
    if "exec" in entry and _has(entry, "client-certificate"):
        found.append("its user has exec and a client certificate; clients differ in which they use, keep one")
    if "as" not in entry and any(name.startswith("as-") for name in entry):
        found.append("its user impersonates groups, a uid or extra fields, but no user; give `as` too")
    extra = entry.get("as-user-extra", {})
    if not _texts(entry.get("as-groups", [])):
        found.append("the field as-groups of its user is not a list of texts for HTTP headers")
    if not _texts(extra) or not all(isinstance(values, list) and _texts(values) for values in extra.values()):
        found.append("the field as-user-extra of its user is not a mapping of names to lists of texts for HTTP headers")
    found += [
        f"the field {name} of its user has characters that no HTTP header may have"
        for name in ("token", "username", "as", "as-uid")
        if not _fits_a_header(entry.get(name, ""))
    ]
    return found + (faults_of("exec", entry["exec"]) if "exec" in entry else [])


def _in_exec(entry: Mapping[str, Any]) -> list[str]:
    found = []
    version = entry.get("apiVersion")
    if version not in EXEC_VERSIONS:
        found.append(f"the apiVersion of its exec plugin is none of {', '.join(EXEC_VERSIONS)}")
    if "command" not in entry:
        found.append("its exec plugin has no command")
    mode = entry.get("interactiveMode")
    if mode == "Always":
        found.append("its exec plugin has interactiveMode Always, and commands run without a terminal; use IfAvailable")
    elif mode not in ("Never", "IfAvailable") and not (mode is None and version == EXEC_VERSIONS[1]):
        found.append("the interactiveMode of its exec plugin is neither Never nor IfAvailable")
    if not all(isinstance(argument, str) and "\0" not in argument for argument in entry.get("args", [])):
        found.append("the args of its exec plugin are not a list of texts")
    for variable in entry.get("env", []):
        pair = variable if isinstance(variable, Mapping) and set(variable) == {"name", "value"} else {}
        name, value = pair.get("name"), pair.get("value")
        texts = isinstance(name, str) and isinstance(value, str) and "\0" not in name + value
        if not texts or not name or "=" in name:
            found.append("an entry of env of its exec plugin is not a name and a value")
            break
    return found


_CONTRADICTIONS: Final[Mapping[Section, tuple[Callable[[Mapping[str, Any]], list[str]], ...]]] = {
    "cluster": (_in_cluster,),
    "user": (_in_user,),
    "exec": (_in_exec,),
}


def _both(entry: Mapping[str, Any], one: str, other: str) -> list[str]:
    where = "cluster" if one.startswith("certificate") else "user"
    return [f"its {where} has {one} and {other}; keep one of them"] if one in entry and other in entry else []


def _has(entry: Mapping[str, Any], name: str) -> bool:
    return name in entry or f"{name}-data" in entry


def _texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) and _fits_a_header(value) for value in values)


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()
