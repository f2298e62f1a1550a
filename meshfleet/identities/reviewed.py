"""Who may do something, by the members' own answers, and where these differ from the stack file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.errors import ClusterError
from meshfleet.federation.identities.authorizer import allowed
from meshfleet.federation.identities.policy import Request
from meshfleet.federation.identities.questions import Asked, everybody
from meshfleet.identities.member import Member, deployed, in_each
from meshfleet.status import Status
from meshfleet.topology.fleet import Fleet


@dataclass(frozen=True)
class Reviewed:
    """The answers of one member: who may, and who may there and not by the stack file, or the other way round."""

    may: tuple[Asked, ...]
    more: tuple[Asked, ...]
    less: tuple[Asked, ...]

    @property
    def users(self) -> tuple[str, ...]:
        """The users who may."""
        return tuple(one.name for one in self.may if one.kind == "user")

    @property
    def service_accounts(self) -> tuple[str, ...]:
        """The declared service accounts that may."""
        return tuple(one.name for one in self.may if one.kind == "program")

    def as_json(self) -> dict[str, Any]:
        """The same as `--json` prints it."""
        differing = [(one, True) for one in self.more] + [(one, False) for one in self.less]
        return {
            "users": list(self.users),
            "serviceAccounts": list(self.service_accounts),
            "differences": [
                {"name": one.name, "as": one.identity.username, "cluster": there, "declared": not there}
                for one, there in differing
            ],
        }


def review(fleet: Fleet, status: Status, request: Request, clusters: Iterable[str]) -> Mapping[str, Reviewed | str]:
    """The answers of each of these clusters about everybody, or why it gives none.

    Raises EngineError for a cluster that is not deployed.
    """
    everyone = everybody(fleet)

    def reviewed(member: Member) -> Reviewed:
        answers = {one: member.allows(one.identity, request) for one in everyone}
        declared = {one: allowed(fleet, one.identity, request, member.name) for one in everyone}
        return Reviewed(
            may=tuple(one for one in everyone if answers[one]),
            more=tuple(one for one in everyone if answers[one] and not declared[one]),
            less=tuple(one for one in everyone if declared[one] and not answers[one]),
        )

    found = in_each(deployed(status, clusters), reviewed)
    return {name: str(answer) if isinstance(answer, ClusterError) else answer for name, answer in found.items()}
