"""The scripts of the portal: the two that come with it, and before the second what is declared for a cluster.

Envoy reads a script once and keeps its tables, so that a request costs the same whatever number of users there are.
Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

from meshfleet.portal.bounds import OPEN_BY_USER, THREADS
from meshfleet.portal.spec import PortalSpec, Subjects
from meshfleet.topology.system_names import account_user

HOST: Final = "host"
"""The name of the source of the host's service accounts; a provider's begins with `oidc-`."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9 _.:/@+-]")

Value = str | bool | Sequence[str] | Mapping[str, "Value"]


def refusals(version: str) -> str:
    """The script that every request meets first; `/readyz` has the `version` of the listener."""
    return "\n".join([f"local VERSION = {lua(version)}", _read("closed.lua"), _read("requests.lua")])


def identity(spec: PortalSpec, cluster: str = "", subjects: Subjects | None = None) -> str:
    """The script that identifies the sender; without a cluster it passes nothing on."""
    known = subjects or Subjects()
    accounts = {account_user(namespace, name): True for namespace, name in known.service_accounts}
    tables: dict[str, Value] = {
        "SOURCES": sources(spec),
        "USERS": {user: tuple(groups) for user, groups in sorted(known.users.items())},
        "GROUPS": dict.fromkeys(sorted(known.groups), True),
        "ACCOUNTS": dict(sorted(accounts.items())),
    }
    lines = [f"local {name} = {lua(value)}" for name, value in tables.items()]
    lines.append(f"local CLUSTER = {lua(cluster) if cluster else 'nil'}")
    lines.append(f"local OPEN = {OPEN_BY_USER // THREADS}")
    return "\n".join([*lines, _read("closed.lua"), _read("identity.lua")])


def sources(spec: PortalSpec) -> dict[str, Value]:
    """The claims of each source of tokens, by the name under which Envoy leaves its verified payload."""
    found: dict[str, Value] = {HOST: {"accounts": True}} if spec.host_accounts else {}
    for name, provider in spec.oidc.items():
        found[provider_name(name)] = {
            "username_claim": provider.username_claim,
            "username_prefix": provider.username_prefix,
            "groups_claim": provider.groups_claim,
            "groups_prefix": provider.groups_prefix,
        }
    return found


def provider_name(name: str) -> str:
    """The source of an OIDC provider."""
    return f"oidc-{name}"


def lua(value: Value) -> str:
    """A value as Lua has it; no text can end its quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_character(each) for each in value) + '"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{lua(key)}] = {lua(each)}" for key, each in value.items()) + "}"
    return "{" + ", ".join(map(lua, value)) + "}"


def _character(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return character
    return "".join(f"\\{byte:03d}" for byte in character.encode())


def _read(name: str) -> str:
    return files("meshfleet.portal").joinpath(name).read_text(encoding="utf-8")
