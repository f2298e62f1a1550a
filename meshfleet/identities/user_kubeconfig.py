"""The kubeconfig of a user: a context for each member where something is bound to the user, with a short-lived token.

Where the fleet has a portal, each of these members has a second context that leads through it.

Its tokens are of the user's ServiceAccounts, so they work in any cluster, whatever authenticates people there. None of
the administrator's credentials goes into it.
Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from meshfleet.errors import ClusterError, DocumentError, FileError, RefusedError
from meshfleet.federation.identities.grants import grants
from meshfleet.files import NotTextError, read_text
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.identities.member import Member, Token, deployed, in_each
from meshfleet.identities.portal_access import PortalPlace
from meshfleet.kube.access import Access
from meshfleet.manifests.yaml_text import yaml_text
from meshfleet.redaction.shown import shown
from meshfleet.status import Status
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.rbac.identities import USERS_NAMESPACE
from meshfleet.topology.virtual_machine import lifetime_seconds

SHORTEST: Final = 600
"""The shortest lifetime that an API server accepts for a token, in seconds."""
LONGEST: Final = 24 * 3600
_NOT_FOUND: Final = 404
# Where and how to reach a server; everything else of a kubeconfig is the administrator's.
_REACHING: Final = ("certificate-authority-data", "insecure-skip-tls-verify", "proxy-url", "server", "tls-server-name")


THROUGH_PORTAL: Final = "portal"
"""What the contexts and users through the portal begin with, as in `portal/west`: no name of a cluster has a slash."""


@dataclass(frozen=True)
class UserKubeconfig:
    """The text, secret as a whole; when each token ends by cluster; why there is none, by cluster."""

    text: str = field(repr=False)
    expires: Mapping[str, str]
    failed: Mapping[str, str]


def seconds_of(duration: str) -> int:
    """The lifetime of tokens. Raises TopologyError for what is no duration from 10 minutes to 24 hours."""
    seconds = lifetime_seconds(duration)
    if seconds is None or not SHORTEST <= seconds <= LONGEST:
        raise TopologyError(
            [Fault("--duration", f"{shown(duration)} is not a duration from 10m to 24h; write it as in 90m or 8h")]
        )
    return seconds


def clusters_for(fleet: Fleet, user: str) -> tuple[str, ...]:
    """The clusters in which something is bound to a user. Raises TopologyError for one without, or not declared."""
    if user not in fleet.identities.users:
        known = ", ".join(fleet.identities.users) or "none"
        raise TopologyError([Fault("USER", f"no user is named {shown(user)}; known are {known}")])
    clusters = grants(fleet).clusters_of(user)
    if not clusters:
        raise TopologyError([Fault("USER", f"nothing is bound to {user}, directly or through a group; add a binding")])
    return clusters


def require_own(path: Path, user: str) -> None:
    """Raise FileError where something is at `path` that this user's file must not replace.

    That is another kubeconfig, whose credentials would be lost, and what is no regular file.
    """
    try:
        found = load_yaml(read_text(path) or "", what=str(path))
    except (DocumentError, NotTextError):
        return
    users = found.get("users") if isinstance(found, Mapping) and found.get("kind") == "Config" else None
    names = [one.get("name") for one in users if isinstance(one, Mapping)] if isinstance(users, list) else []
    if others := [name for name in names if not _is_of(user, name)]:
        raise FileError(
            f"{path} is a kubeconfig with another user, {shown(str(others[0]))}, which would be lost; give another "
            "file by --output, and name both in KUBECONFIG"
        )


def _is_of(user: str, name: object) -> bool:
    return isinstance(name, str) and (name == f"{THROUGH_PORTAL}/{user}" or name.startswith(f"{user}@"))


def user_kubeconfig(
    fleet: Fleet, status: Status, user: str, seconds: int, portal: PortalPlace | None = None
) -> UserKubeconfig:
    """The kubeconfig of a user; members that do not respond are left out, and named with the reason.

    Through the portal the token of the host's account is used, so that there is no such context without the host, or
    where the portal takes no tokens of accounts.

    Raises TopologyError as `clusters_for` does, EngineError for a cluster that is not deployed.
    """
    clusters = clusters_for(fleet, user)
    if fleet.portal is None or not fleet.portal.host_accounts:
        portal = None

    def granted(member: Member) -> tuple[Access, Token]:
        try:
            return member.access, member.token(USERS_NAMESPACE, user, seconds)
        except RefusedError as error:
            if error.code != _NOT_FOUND:
                raise
            raise ClusterError(f"{member.name}: there is no account of {user} there yet; run meshfleet up") from error

    asked = clusters if portal is None or fleet.host in clusters else (*clusters, fleet.host)
    answers = in_each(deployed(status, asked), granted)
    failed = {name: str(answer) for name, answer in answers.items() if isinstance(answer, ClusterError)}
    found = {name: answer for name, answer in answers.items() if not isinstance(answer, ClusterError)}
    direct = {name: found[name] for name in clusters if name in found}
    expires = {name: token.expires for name, (_, token) in direct.items()}
    through = _through(fleet, user, portal, clusters, found[fleet.host][1]) if portal and fleet.host in found else {}
    expires |= {str(one["name"]): found[fleet.host][1].expires for one in through.get("contexts", ())}
    return UserKubeconfig(_text(fleet, user, direct, through) if expires else "", expires, failed)


def _through(
    fleet: Fleet, user: str, portal: PortalPlace, clusters: tuple[str, ...], token: Token
) -> dict[str, list[dict[str, Any]]]:
    """The contexts, clusters and users that lead through the portal."""
    who = f"{THROUGH_PORTAL}/{user}"
    names = {name: f"{THROUGH_PORTAL}/{name}" for name in clusters}
    return {
        "contexts": [
            {"name": names[one], "context": _context(fleet, user, one) | {"cluster": names[one], "user": who}}
            for one in clusters
        ],
        "clusters": [{"name": names[one], "cluster": portal.cluster(one)} for one in clusters],
        "users": [{"name": who, "user": {"token": token.text}}],
    }


def _text(
    fleet: Fleet,
    user: str,
    found: Mapping[str, tuple[Access, Token]],
    through: Mapping[str, list[dict[str, Any]]],
) -> str:
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(found)) if found else through["contexts"][0]["name"],
        "contexts": [{"name": name, "context": _context(fleet, user, name)} for name in found],
        "clusters": [{"name": name, "cluster": _reached(access)} for name, (access, _) in found.items()],
        "users": [{"name": f"{user}@{name}", "user": {"token": token.text}} for name, (_, token) in found.items()],
    }
    for section, more in through.items():
        document[section] += more
    return yaml_text(document)


def _reached(access: Access) -> dict[str, Any]:
    """How to reach a server, without the credentials that the administrator has for a proxy."""
    found = {key: access.cluster[key] for key in _REACHING if key in access.cluster}
    if "proxy-url" in found:
        parts = urlsplit(found["proxy-url"])
        found["proxy-url"] = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return found


def _context(fleet: Fleet, user: str, cluster: str) -> dict[str, str]:
    """The context of a cluster, in a namespace where the user may do something."""
    bound = [grant for grant in grants(fleet).of(cluster) if user in grant.users]
    namespaces = [namespace for grant in bound for namespace in grant.namespaces]
    context = {"cluster": cluster, "user": f"{user}@{cluster}"}
    return context | ({"namespace": namespaces[0]} if namespaces and all(one.namespaces for one in bound) else {})
