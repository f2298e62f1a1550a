"""Keys, tokens and kubeconfigs in plain text, where a path or a name was meant. None of them is real."""

from __future__ import annotations

import base64

from tests.topology.wrong_stacks.wrong import Wrong

BODY = "bm90LWEtcmVhbC1rZXkK"
# Put together here, so that no search for secrets finds this file.
PEM = f"-----BEGIN EC {'PRIVATE'} KEY-----\n{BODY}\n-----END EC {'PRIVATE'} KEY-----\n"
ENCODED = base64.b64encode(PEM.encode()).decode()
TOKEN = ".".join(["ey" + "JhbGciOiJSUzI1NiJ9", "ey" + "JzdWIiOiJub2JvZHkifQ", BODY])
KUBECONFIG = f"apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    client-key-data: {ENCODED}\n"

UNSAID = (BODY, TOKEN, ENCODED, ENCODED[40:60])
KEY = "holds a private key in plain text; keep it in a file of yours and name that file here"
EXISTING = {"network": "network-west"}


def reached_by(kubeconfig: object) -> dict[str, object]:
    """Changes that make `west` a cluster reached through a kubeconfig."""
    return {"clusters.west": {**EXISTING, "existing": {"kubeconfig": kubeconfig, "context": "a", "pods": "simulated"}}}


SECRETS = [
    Wrong("private key for a kubeconfig", reached_by(PEM), {"clusters.west.existing.kubeconfig": KEY}, UNSAID),
    Wrong("private key in base64", reached_by(ENCODED), {"clusters.west.existing.kubeconfig": KEY}, UNSAID),
    Wrong(
        "token for a kubeconfig",
        reached_by(TOKEN),
        {"clusters.west.existing.kubeconfig": "holds a token in plain text"},
        UNSAID,
    ),
    Wrong(
        "kubeconfig as a text",
        reached_by(KUBECONFIG),
        {"clusters.west.existing.kubeconfig": "holds a kubeconfig in plain text"},
        UNSAID,
    ),
    Wrong(
        "kubeconfig as JSON",
        reached_by('{"users": [{"user": {"token": "0123456789abcdef"}}]}'),
        {"clusters.west.existing.kubeconfig": "holds a kubeconfig with credentials"},
        ("0123456789abcdef",),
    ),
    Wrong(
        "kubeconfig as a mapping",
        reached_by({"users": [{"user": {"token": "0123456789"}}]}),
        {
            "clusters.west.existing.kubeconfig": "must be a string, got {users: [...]}",
            "clusters.west.existing.kubeconfig.users[0].user.token": "holds a credential",
        },
        ("0123456789",),
    ),
    Wrong(
        "user as a mapping",
        reached_by({"token": "0123456789"}),
        {
            "clusters.west.existing.kubeconfig": "must be a string, got {token: (a secret)}",
            "clusters.west.existing.kubeconfig.token": "holds a credential",
        },
        ("0123456789",),
    ),
    Wrong(
        "token for a number",
        {"clusters.west.embedded.nodes": TOKEN},
        {"clusters.west.embedded.nodes": ("holds a token in plain text", "must be an integer, got (a secret)")},
        UNSAID,
    ),
    Wrong(
        "token for a network",
        {"clusters.west.network": TOKEN},
        {"clusters.west.network": ("holds a token", "no network is named (a secret)")},
        UNSAID,
    ),
    Wrong(
        "key in a description",
        {"networks.network-west": {"description": f"the key is {PEM}"}},
        {"networks.network-west.description": KEY},
        UNSAID,
    ),
    Wrong(
        "token in an annotation",
        {"clusters.west.eastWestGateway": {"serviceAnnotations": {"a/b": f"Bearer {TOKEN}"}}},
        {"clusters.west.eastWestGateway.serviceAnnotations.a/b": "holds a token"},
        UNSAID,
    ),
    Wrong("key in an unknown section", {"keys": [PEM]}, {"keys": "unknown key", "keys[0]": KEY}, UNSAID),
    Wrong(
        "token for a name",
        {f"networks.{PEM}": {}},
        {
            "networks.(a secret)": (
                "(a secret) is not a DNS label",
                "holds a private key",
                "no cluster is on it",
            )
        },
        UNSAID,
    ),
]
