"""Identities and a portal that fit a configuration which is valid already; `strategies.py` adds them to its fleets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.topology.name_strategies import optional, some

Config = dict[str, Any]

# As people and identity providers have them; in a portal's headers not all of them can be.
_CALLED = ("ada@shop.example", "https://login.example/users/7#ada", "CN=Ada, O=shop", "a: b", "..", "x" * 300)
_BEYOND_ASCII = ("Ädä", "名前")
_OIDC = st.sampled_from([{}, {"usernamePrefix": "oidc:", "groupsPrefix": "oidc:"}, {"groupsPrefix": "p/"}])
_RULES = (
    {"apiGroups": ["", "apps"], "resources": ["pods", "deployments/scale"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a:b"], "verbs": ["get", "update"]},
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
)
_PATHS = {"nonResourceURLs": ["/metrics", "/apis/*"], "verbs": ["get"]}
_ALLOWED = {"allowWildcards": True, "allowEscalation": True}
_AGGREGATED = optional(aggregateTo=st.just(["view"]))
_NOT_CREATED = optional(create=st.just(False))
_MORE = optional(oidc=_OIDC, aggregateIstio=st.booleans())
_BUILT_IN = ("view", "edit", "admin", "cluster-admin")


def identities(draw: st.DrawFn, config: Config, *, portal: bool) -> Config:
    """Two users, a group within a group, an account, and a binding or two; with a `portal` of ASCII names alone."""
    called = draw(st.permutations(_CALLED if portal else (*_CALLED, *_BEYOND_ASCII)))
    users = {"ada": {"name": called[0]}, "s" * 63: {}}
    groups = {
        "inner": {"users": draw(st.sampled_from([[], ["ada"], list(users)]))},
        "staff": {"groups": ["inner"], "name": called[1]},
    }
    roles: Config = {}
    bindings: Config = {}
    account = "own-robot"
    accounts: Config = {}
    for number in range(draw(st.integers(1, 2))):
        places = draw(some(tuple(config["clusters"])))
        namespaces = [*_everywhere(config, places), "default"]
        everywhere = draw(st.booleans())
        role = draw(st.sampled_from([f"role-{number}", *_BUILT_IN]))
        if role not in _BUILT_IN:
            rules = [draw(st.sampled_from(_RULES)), *([_PATHS] if everywhere else [])]
            roles[role] = {"rules": rules} | _ALLOWED | draw(_AGGREGATED)
        subjects = draw(st.sampled_from([{"users": ["ada"]}, {"groups": ["staff"]}, {"users": list(users)}]))
        if not accounts and draw(st.booleans()):
            accounts[account] = {"namespace": namespaces[0]} | draw(_NOT_CREATED)
            subjects = subjects | {"serviceAccounts": [account]}
        where = {"allNamespaces": True} if everywhere else {"namespaces": draw(_two(tuple(namespaces)))}
        selected = {"clusterAffinity": {"clusterNames": places}}
        bindings[f"binding-{number}"] = {"role": role, "subjects": subjects, "allowEscalation": True} | where | selected
        if "users" in subjects and draw(st.booleans()):
            # What Ada has by this one, she may grant.
            again = bindings[f"binding-{number}"] | {"subjects": {"groups": ["staff"]}, "author": "ada"}
            bindings[f"granted-{number}"] = again
    found = {"users": users, "groups": groups, "roles": roles, "serviceAccounts": accounts, "bindings": bindings}
    return found | draw(_MORE)


def portals(draw: st.DrawFn, config: Config) -> Config | None:
    """A portal, where the host is a cluster of this machine; None where it is not."""
    host = config.get("host", next(iter(config["clusters"])))
    if "embedded" not in config["clusters"][host]:
        return None
    return draw(_portals())


@cache
def _portals() -> st.SearchStrategy[Config | None]:
    accounts = [{"namespace": "default", "name": "robot"}]
    oidc = {"own": {"issuer": "https://login.example", "audiences": ["fleet"], "jwksUri": "https://login.example/keys"}}
    return st.none() | optional(
        users=st.just(["eve"]), groups=st.just(["staff"]), serviceAccounts=st.just(accounts), oidc=st.just(oidc)
    )


def _everywhere(config: Config, places: list[str]) -> Iterable[str]:
    """Namespaces that all of these clusters have, of the fleet's and of propagations."""
    for name, declared in config.get("namespaces", {}).items():
        if set(places) <= set((declared or {}).get("clusters") or config["clusters"]):
            yield name
    for propagation in config.get("propagations", {}).values():
        placement = propagation.get("placement", {})
        there = placement.get("clusterAffinity", {}).get("clusterNames", ())
        # An affinity to another may leave clusters out.
        if set(places) <= set(there) and "workloadAffinity" not in placement:
            bodies = (each["object"] for each in propagation["resources"])
            yield from (body["metadata"]["name"] for body in bodies if body["kind"] == "Namespace")


@cache
def _two(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)
