"""Through the portal each cluster knows its sender as the host does, and forged and missing credentials do nothing.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from meshfleet.errors import RefusedError, UnreachableError
from meshfleet.files.json_text import parse_json
from meshfleet.identities.member import Token, member
from meshfleet.identities.portal_access import PortalPlace, access_through
from meshfleet.kube.access import Access
from meshfleet.kube.api_errors import api_errors, expected_form
from meshfleet.manifests.portal import subjects
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rbac.identities import USERS_NAMESPACE
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView

MASTERS: Final = "system:masters"
FORGED: Final = {"Impersonate-User": "kubernetes-admin", "Impersonate-Group": MASTERS, "X-Remote-User": "root"}
"""Headers that only the portal may write."""

_TOKEN_SECONDS: Final = 600
_SECONDS: Final = 10.0
_REVIEWS: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_UNAUTHORIZED: Final = 401
_UNAVAILABLE: Final = 503


@dataclass(frozen=True)
class Answer:
    """What a review came to: the user and groups that the cluster knows, or why there is none."""

    code: int
    user: str = ""
    groups: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Answers:
    """Of a service account at the host, through the portal, there with forged headers, and of these alone.

    The first three are None where no declared account is to be had, so that there is no token to send.
    """

    host: Answer | None
    own: Answer | None
    forged: Answer | None
    anonymous: Answer


class Portal(Check):
    """Asks each cluster through the portal who the sender is, with a token of the host and without credentials."""

    name = "portal"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        declared = fleet.declared
        if fleet.portal is None or declared is None or declared.portal is None:
            return ()
        return tuple(cluster for cluster in fleet.clusters if cluster.name in declared.clusters)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        declared, portal = fleet.declared, fleet.portal
        assert declared is not None  # without them there are no targets
        assert portal is not None
        seconds = min(timeout, _SECONDS)
        host = next(one for one in fleet.clusters if one.name == declared.host)
        with member(host.name, host.kubeconfig, host.context, seconds=seconds) as known:
            token = _token(known.token, accounts(declared, cluster.name))
            at_host = _asked(replace(known.access, user={"token": token.text}), {}, seconds) if token else None
        text = token.text if token else ""
        try:
            anonymous = _asked(access_through(portal, cluster.name), FORGED, seconds)
            with_token = access_through(portal, cluster.name, text) if token else None
            own = _asked(with_token, {}, seconds) if with_token else None
            forged = _asked(with_token, FORGED, seconds) if with_token else None
        except UnreachableError as error:
            return Finding(
                False, f"the portal at {portal.url}: {error}: run meshfleet up, which starts it", unreachable=True
            )
        return judge(cluster.name, portal, Answers(at_host, own, forged, anonymous))


def accounts(fleet: Fleet, cluster: str) -> list[tuple[str, str]]:
    """The declared service accounts whose tokens the portal takes for a cluster, those of users first. Pure.

    The host has an account of every user to whom something is bound; others it has where a user made them.
    """
    if fleet.portal is None or not fleet.portal.host_accounts:
        return []
    return sorted(subjects(fleet, cluster).service_accounts, key=lambda one: one[0] != USERS_NAMESPACE)


def judge(cluster: str, portal: PortalPlace, found: Answers) -> Finding:
    """Whether the cluster knows the sender as the host does, whatever headers say, and refuses all others. Pure."""
    if found.anonymous.code != _UNAUTHORIZED:
        return Finding(
            False,
            f"{cluster}: the portal at {portal.url} answers {found.anonymous.code} in place of 401 to a request "
            f"without credentials ({found.anonymous.message or found.anonymous.user}): run meshfleet up --refresh, and "
            "check that nothing else listens at this address",
        )
    refused = f"{cluster} refuses a request with forged Impersonate-* headers and no credentials (401)"
    host, own, forged = found.host, found.own, found.forged
    if host is None or own is None or forged is None:
        return Finding(True, f"{refused}; the portal has no account of the host to send a token of")
    if own.code == _UNAVAILABLE:
        return Finding(False, f"{own.message}: run meshfleet up, which starts {cluster} where it is on this machine")
    if not own.user:
        return Finding(
            False,
            f"{cluster} answers {own.code} through the portal to {host.user} ({own.message}): run meshfleet up "
            "--refresh, which gives the portal its keys and its rights again",
        )
    if own.user != host.user:
        return Finding(
            False, f"{cluster} knows {host.user} as {own.user} through the portal: run meshfleet up --refresh"
        )
    if forged.user != own.user or MASTERS in forged.groups:
        return Finding(
            False,
            f"{cluster}: forged Impersonate-* headers make {own.user} {forged.user or forged.code} with groups "
            f"{', '.join(forged.groups) or 'none'}: stop the portal, and run meshfleet up --refresh",
        )
    return Finding(
        True, f"{cluster} knows {own.user} as the host does, also with forged Impersonate-* headers; {refused}"
    )


def _token(create: Callable[[str, str, int], Token], known: list[tuple[str, str]]) -> Token | None:
    for namespace, name in known:
        try:
            return create(namespace, name, _TOKEN_SECONDS)
        except RefusedError as error:
            if not error.not_found:
                raise
    return None


def _asked(access: Access, headers: Mapping[str, str], seconds: float) -> Answer:
    from meshfleet.kube.client import http_client

    with http_client(access, seconds=seconds) as client, api_errors("a SelfSubjectReview"):
        response = client.post(_REVIEWS, json=_REVIEW, headers=headers)
    try:
        answer = parse_json(response.content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return Answer(response.status_code, message="a response that is not an object")
    if not response.is_success:
        return Answer(response.status_code, message=str(answer.get("message", "")))
    with expected_form("a SelfSubjectReview"):
        info = answer["status"]["userInfo"]
        return Answer(response.status_code, str(info["username"]), tuple(map(str, info.get("groups", ()))))
