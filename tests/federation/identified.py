"""Fleets of two clusters with identities, and what is asked of them in tests."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from meshfleet.federation.identities.policy import Request
from meshfleet.topology import Fleet, load

Config = dict[str, Any]
CLUSTERS, NAMESPACES, USERS = ("west", "east"), ("shop", "tools"), ("ada", "bruno", "carla")
GROUPS = ("staff", "operators", "guests")
VERBS, API_GROUPS = ("get", "delete"), ("", "apps")
RESOURCES = ("pods", "pods/log", "pods/scale", "deployments/scale")
OBJECTS = ("", "a", "b")
URLS = ("/metrics", "/metrics/slis", "/version")
REQUESTS = [
    *(Request(*each) for each in itertools.product(VERBS, RESOURCES, API_GROUPS, ("", *NAMESPACES), OBJECTS)),
    *(Request(verb, path=url) for verb, url in itertools.product(VERBS, URLS)),
]


def fleet_with(identities: Config) -> Fleet:
    """Two embedded clusters with these identities, by the rules of a stack file."""
    return load("x", config_with(identities))


def config_with(identities: Config) -> Config:
    """The configuration of these."""
    return {
        "host": "west",
        "networks": {name: {} for name in CLUSTERS},
        "clusters": {
            "west": {"embedded": {}, "network": "west", "region": "us"},
            "east": {"embedded": {}, "network": "east", "region": "eu"},
        },
        "namespaces": {name: {} for name in NAMESPACES},
        "identities": identities,
    }


def _some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


def rules(*, urls: bool = True) -> st.SearchStrategy[Config]:
    """Rules over the few verbs, groups and resources of the questions, with wildcards."""
    of_resources = st.fixed_dictionaries(
        {
            "verbs": _some((*VERBS, "*")),
            "apiGroups": _some((*API_GROUPS, "*")),
            "resources": _some((*RESOURCES, "*", "*/scale")),
            "resourceNames": st.lists(st.sampled_from(OBJECTS[1:]), max_size=1),
        }
    )
    of_urls = st.fixed_dictionaries({"verbs": _some(VERBS), "nonResourceURLs": _some((*URLS, "/metrics/*", "*"))})
    return of_resources | of_urls if urls else of_resources


@st.composite
def identities(draw: st.DrawFn, *, authors: bool = False) -> Config:
    """Users in groups within groups, and roles bound to them; with `authors` some bindings have one."""
    groups: Config = {}
    for position, name in enumerate(GROUPS):
        inner = st.lists(st.sampled_from(GROUPS[:position]), unique=True) if position else st.just([])
        groups[name] = {"users": draw(st.lists(st.sampled_from(USERS), max_size=2, unique=True)), "groups": draw(inner)}
    bindings: Config = {}
    roles: Config = {}
    for number in range(draw(st.integers(1, 4))):
        everywhere = draw(st.booleans())
        roles[f"role-{number}"] = {
            "rules": draw(st.lists(rules(urls=everywhere), min_size=1, max_size=2)),
            "allowWildcards": True,
            "allowEscalation": True,
        }
        bindings[f"binding-{number}"] = {
            "role": f"role-{number}",
            "subjects": {
                "users": draw(st.lists(st.sampled_from(USERS), max_size=1)),
                "groups": draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True)),
            },
            "clusterAffinity": draw(st.sampled_from([{}, {"clusterNames": ["west"]}, {"regions": ["eu"]}])),
            **({"allNamespaces": True} if everywhere else {"namespaces": draw(_some(NAMESPACES))}),
            **({"author": draw(st.sampled_from(USERS))} if authors and draw(st.booleans()) else {}),
        }
    return {"users": {name: {} for name in USERS}, "groups": groups, "roles": roles, "bindings": bindings}
