"""The portal: a host that cannot have one, names of Kubernetes itself, and sources that could name the same user."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong

PROVIDER = {"issuer": "https://login.example", "audiences": ["portal"], "jwksUri": "https://login.example/keys"}
EXISTING = {"kubeconfig": "west.yaml", "context": "west"}

PORTALS = [
    Wrong(
        "a service account of the portal whose name is none",
        {"portal": {"serviceAccounts": [{"namespace": "default", "name": "a b"}]}},
        {"portal.serviceAccounts[0].name": "'a b' is not a DNS label"},
    ),
    Wrong(
        "a portal on a host with real pods",
        {
            "portal": {"users": ["carol"]},
            "clusters.west.embedded": ABSENT,
            "clusters.west.existing": EXISTING,
            "clusters.east.embedded": ABSENT,
            "clusters.east.existing": EXISTING | {"context": "east"},
        },
        {"portal": "runs only as a process beside an embedded host"},
    ),
    Wrong(
        "a user of the portal who is one of Kubernetes itself",
        {"portal": {"users": ["system:admin"]}},
        {"portal.users[0]": "begins with system:, as names of Kubernetes itself do"},
    ),
    Wrong(
        "a group of the portal that may do everything",
        {"portal": {"groups": ["system:masters"]}},
        {"portal.groups[0]": "begins with system:, as names of Kubernetes itself do"},
    ),
    Wrong(
        "an account of the portal in an unknown namespace",
        {"portal": {"serviceAccounts": [{"namespace": "shp", "name": "deployer"}]}},
        {"portal.serviceAccounts[0].namespace": "no namespace is named 'shp'; known are shop, and default"},
    ),
    Wrong(
        "the portal's own account behind it",
        {"portal": {"serviceAccounts": [{"namespace": "meshfleet-portal", "name": "portal"}]}},
        {"portal.serviceAccounts[0].namespace": "is the portal's own, which is never impersonated"},
    ),
    Wrong(
        "a portal that is switched off by a word",
        {"portal": False},
        {"portal": "must be a map of keys to values, got false"},
    ),
    Wrong("a portal that is a list", {"portal": []}, {"portal": "must be a map of keys to values, got []"}),
    Wrong(
        "a portal that listens at an address twice",
        {"portal": {"addresses": ["::1", "0:0::1"]}},
        {"portal": "::1 is in addresses twice; give each once"},
    ),
    Wrong(
        "a portal that listens at all addresses and at one of them",
        {"portal": {"addresses": ["127.0.0.1", "0.0.0.0"]}},
        {"portal": "127.0.0.1 is part of 0.0.0.0, which is in addresses too"},
    ),
    Wrong(
        "a portal that listens at an address of many machines",
        {"portal": {"addresses": ["224.0.0.1", "255.255.255.255"]}},
        {
            "portal.addresses[0]": "'224.0.0.1' is an address of many machines",
            "portal.addresses[1]": "'255.255.255.255' is an address of many machines",
        },
    ),
    Wrong(
        "a user and a group of the portal that are to be all",
        {"portal": {"users": ["*"], "groups": ["*"]}},
        {"portal.users[0]": "names no user and no group", "portal.groups[0]": "the portal passes on names alone"},
    ),
    Wrong(
        "a user of the portal whose name is too long to be passed on",
        {"portal": {"users": ["a" * 1025]}},
        {"portal.users[0]": "has 1025 characters; at most 1024 are passed on"},
    ),
    Wrong(
        "an audience and claims that no token has",
        {"portal": {"oidc": {"one": PROVIDER | {"audiences": [""], "usernameClaim": " sub", "groupsClaim": " "}}}},
        {
            "portal.oidc.one.audiences[0]": "is empty, or begins or ends with a space, which no token has",
            "portal.oidc.one.usernameClaim": "which no token has; give it as it is",
            "portal.oidc.one.groupsClaim": "which no token has; give it as it is",
        },
    ),
    Wrong(
        "a portal that takes no proof",
        {"portal": {"hostAccounts": False, "users": ["carol"]}},
        {"portal": "takes no proof of an identity; give hostAccounts: true, oidc or clientCertificates"},
    ),
    Wrong(
        "two providers of names without a prefix",
        {"portal": {"oidc": {"one": PROVIDER, "two": PROVIDER | {"issuer": "https://two.example"}}}},
        {"portal": "oidc.one and oidc.two may each name the same user"},
    ),
    Wrong(
        "a provider without keys",
        {"portal": {"oidc": {"one": {"issuer": "https://login.example", "audiences": ["portal"]}}}},
        {"portal.oidc.one": "sets neither jwksUri nor jwks; give exactly one of them"},
    ),
    Wrong(
        "a provider without TLS",
        {"portal": {"oidc": {"one": PROVIDER | {"issuer": "http://login.example"}}}},
        {"portal.oidc.one.issuer": "is not an https:// URL"},
    ),
    Wrong(
        "a portal that listens at a name",
        {"portal": {"addresses": ["localhost"], "users": ["carol"]}},
        {"portal.addresses[0]": "'localhost' is not an IP address; write it as 127.0.0.1"},
    ),
]
