"""`meshfleet:index:Portal`: the API portal as a process beside the host of a fleet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from meshfleet.embedded.portal import Portal
from meshfleet.errors import ClusterError
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Fault, Properties
from meshfleet.plugins.meshfleet.input_checks import check_count, check_known, check_names, check_texts
from meshfleet.plugins.meshfleet.process_handler import RUNNING, ProcessHandler
from meshfleet.portal.spec import Address, HostAccounts, Member, OidcProvider, PortalSpec, Subjects
from meshfleet.portal.upstreams import KEY_READER
from meshfleet.workspace.home import Workspace

_MAPS: Final = ("members", "subjects", "oidc")
_ISSUER: Final = "/.well-known/openid-configuration"


class PortalHandler(ProcessHandler):
    """Life cycle of the portal; see `ResourceHandler`."""

    outputs = frozenset({"url", "certificateAuthority", "state"})
    secret_inputs = frozenset({"kubeconfig", "members"})

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """Port 0 is one that is reserved; host accounts are taken unless `hostAccounts` is false."""
        filled = {"port": 0, "hostAccounts": True, "oidc": {}, "clientAuthority": "", **inputs}
        known = (*self.identity, *_MAPS, "addresses", "port", "hostAccounts", "clientAuthority", "kubeconfig")
        faults = [
            *check_known(filled, known),
            *check_names(filled, self.identity),
            *check_texts(filled, ("kubeconfig",)),
            *check_count(filled, "port", 0, 65535),
        ]
        faults += [
            Fault(name, f"must be a map of names, got {type(filled.get(name)).__name__}")
            for name in _MAPS
            if filled.get(name) is not UNKNOWN and not isinstance(filled.get(name), dict)
        ]
        if filled.get("addresses") is not UNKNOWN and not filled.get("addresses"):
            faults.append(Fault("addresses", "is missing or empty; give the IP addresses to listen at"))
        return filled, faults

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """A reserved port and the authority stay what they are."""
        before: Properties = old_outputs or {}
        kept: Properties = {name: before[name] for name in ("url", "certificateAuthority") if name in before}
        if new_inputs.get("port") is not UNKNOWN and new_inputs.get("port"):
            kept.pop("url", None)
        return {"state": RUNNING, **kept}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Ends it and removes its files, keys and audit lines."""
        self.process(inputs).delete()

    def process(self, inputs: Properties) -> Portal:
        """The portal of a host."""
        return Portal(Workspace.of(str(inputs["fleet"])), str(inputs["cluster"]))

    def start(self, inputs: Properties, timeout: float) -> Properties:
        """Streams that are open go on unless it listens elsewhere."""
        spec, tokens = _spec(inputs)
        port, authority = self.process(inputs).start(spec, tokens, timeout)
        host_name = "localhost" if inputs["addresses"][0] in ("0.0.0.0", "::") else inputs["addresses"][0]  # noqa: S104
        shown = f"[{host_name}]" if ":" in host_name else host_name
        return {"url": f"https://{shown}:{port}", "certificateAuthority": authority, "state": RUNNING}


def _spec(inputs: Properties) -> tuple[PortalSpec, dict[str, str]]:
    """What the portal is told, and the tokens of its accounts by cluster."""
    members = inputs["members"]
    tokens = {name: str(member["token"]) for name, member in members.items()}
    accounts = None
    if inputs["hostAccounts"]:
        host = members[inputs["cluster"]]
        issuer = _issuer(inputs)
        accounts = HostAccounts(issuer, (issuer,), _address(host))
        tokens[KEY_READER] = str(host["token"])
    spec = PortalSpec(
        addresses=tuple(inputs["addresses"]),
        port=int(inputs["port"]),
        members=tuple(
            Member(name, _address(member), _subjects(inputs["subjects"].get(name, {})))
            for name, member in sorted(members.items())
        ),
        host_accounts=accounts,
        oidc={name: _provider(provider) for name, provider in inputs["oidc"].items()},
        client_authority=inputs["clientAuthority"],
    )
    return spec, tokens


def _issuer(inputs: Properties) -> str:
    """The issuer of the host's service accounts, as its API server has it."""
    with connected(inputs["kubeconfig"]) as server:
        found = server.get(_ISSUER, "the issuer of service accounts") or {}
    issuer = found.get("issuer")
    if not isinstance(issuer, str) or not issuer:
        raise ClusterError(
            f"{inputs['cluster']}: its API server names no issuer of service accounts at {_ISSUER}; "
            "write portal.hostAccounts: false"
        )
    return issuer


def _address(member: Mapping[str, Any]) -> Address:
    at = urlsplit(str(member["server"]))
    return Address(at.hostname or "", at.port or 443, str(member["authority"]), str(member.get("serverName") or ""))


def _subjects(declared: Mapping[str, Any]) -> Subjects:
    return Subjects(
        {user: tuple(groups) for user, groups in declared.get("users", {}).items()},
        tuple(declared.get("groups", ())),
        tuple((one["namespace"], one["name"]) for one in declared.get("serviceAccounts", ())),
    )


def _provider(declared: Mapping[str, Any]) -> OidcProvider:
    return OidcProvider(
        issuer=declared["issuer"],
        audiences=tuple(declared["audiences"]),
        username_claim=declared["usernameClaim"],
        username_prefix=declared["usernamePrefix"],
        groups_claim=declared["groupsClaim"],
        groups_prefix=declared["groupsPrefix"],
        jwks=declared["jwks"],
        jwks_uri=declared["jwksUri"],
        authority=declared["authority"],
    )
