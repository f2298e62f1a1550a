"""Revisions of Istio that cannot stand side by side, and names that stand for none of them or for two things."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Config, Wrong

BLUE_GREEN: Config = {"blue": {}, "green": {}}


def istio(**fields: object) -> dict[str, object]:
    """Changes that declare the revisions `blue` and `green`, on the first of which everything is."""
    return {"istio": {"revisions": BLUE_GREEN, "revision": "blue", **fields}}


def on_clusters_with_pods(changes: dict[str, object]) -> dict[str, object]:
    """The same for one cluster that something else made, whose Istio need not be the one that is built here."""
    west = {"network": "network-west", "existing": {"kubeconfig": "k", "context": "c"}}
    return {**changes, "clusters": {"west": west}, "networks.network-east": ABSENT}


INSTALLED = [
    Wrong(
        "revisions without the one everything is on",
        {"istio": {"revisions": BLUE_GREEN}},
        {"istio.revision": "'default' is not one of istio.revisions (blue, green); add it there"},
    ),
    Wrong(
        "revision that is not among the revisions",
        istio(revision="red"),
        {"istio.revision": "'red' is not one of istio.revisions (blue, green)"},
    ),
    Wrong(
        "gateways on a revision that is not installed",
        istio(gatewayRevision="red"),
        {"istio.gatewayRevision": "'red' is not installed; installed are blue, green"},
    ),
    Wrong(
        "gateways on another revision than the only one",
        {"istio": {"gatewayRevision": "green"}},
        {"istio.gatewayRevision": "'green' is not installed; installed are default"},
    ),
    Wrong(
        "revision called as what belongs to istiod",
        {"istio": {"revision": "gateway"}},
        {"istio.revision": "istiod-gateway is the name of something else; taken are address, gateway, process"},
    ),
    Wrong(
        "revision called as the process of another one",
        istio(revisions={"blue": {}, "blue-process": {}}),
        {"istio.revisions.blue-process": "istiod-blue-process is the name of something else"},
    ),
    Wrong(
        "three revisions",
        istio(revisions=BLUE_GREEN | {"red": {}}),
        {"istio.revisions": "3 revisions (blue, green, red) side by side; 2 are enough"},
    ),
]

TAGS = [
    Wrong("tag that is a revision", istio(tags=["prod", "green"]), {"istio.tags[1]": "'green' is also a revision"}),
    Wrong(
        "tag that is the only revision",
        {"istio": {"revision": "blue", "tags": ["blue"]}},
        {"istio.tags[0]": "'blue' is also a revision"},
    ),
    Wrong(
        "tag that Istio gives itself",
        istio(tags=["default"]),
        {"istio.tags[0]": "'default' is the tag that Istio gives itself"},
    ),
    Wrong(
        "tag that is the default revision", {"istio": {"tags": ["default"]}}, {"istio.tags[0]": "is also a revision"}
    ),
    Wrong("tag given twice", istio(tags=["prod", "next", "prod"]), {"istio.tags[2]": "'prod' is given twice"}),
    Wrong("tag with a dot", istio(tags=["1.31"]), {"istio.tags[0]": "'1.31' is not a DNS label"}),
    Wrong("tag that is a number", istio(tags=[131]), {"istio.tags[0]": "must be a string, got 131; put it in quotes"}),
    Wrong("tags that are a text", istio(tags="prod"), {"istio.tags": "must be a list, got 'prod'"}),
    Wrong("tag too long for its webhook", istio(tags=["t" * 28]), {"istio.tags[0]": "at most 27 are allowed"}),
]

SHAPES = [
    Wrong(
        "revisions as a list",
        istio(revisions=["blue"]),
        {"istio.revisions": "must be a map of keys to values, got ['blue']"},
    ),
    Wrong(
        "revision that is its version",
        istio(revisions={"blue": "1.31"}),
        {"istio.revisions.blue": "must be a map of keys to values, got '1.31'"},
    ),
    Wrong(
        "unknown key of a revision",
        istio(revisions={"blue": {"versoin": "1.31"}}),
        {"istio.revisions.blue.versoin": "unknown key; did you mean version? known are version"},
    ),
    Wrong(
        "revision named by its release",
        istio(revisions=BLUE_GREEN | {"1.31": {}}),
        {"istio.revisions.1.31": "'1.31' is not a DNS label"},
    ),
    Wrong(
        "revision named by a number",
        istio(revisions=BLUE_GREEN | {"131": {}}),
        {"istio.revisions.131": "'131' is not a DNS label"},
    ),
    Wrong(
        "one of several revisions too long for its webhook",
        istio(revisions=BLUE_GREEN | {"r" * 28: {}}),
        {f"istio.revisions.{'r' * 28}": "has 28 characters; at most 27 are allowed"},
    ),
    Wrong(
        "gateways on a revision without a name",
        istio(gatewayRevision=""),
        {"istio.gatewayRevision": "'' is not a DNS label"},
    ),
]

VERSIONS = [
    Wrong(
        "version of a revision without quotes",
        istio(revisions={"blue": {"version": 1.31}}),
        {"istio.revisions.blue.version": "must be a string, got 1.31; put it in quotes"},
    ),
    Wrong(
        "version of a revision that is a word",
        istio(revisions={"blue": {"version": "newest"}}),
        {"istio.revisions.blue.version": "'newest' is not a version of Istio; write it as '1.31'"},
    ),
    Wrong(
        "version of more digits than there are releases",
        istio(revisions={"blue": {"version": f"1.{'9' * 5000}"}}),
        {"istio.revisions.blue.version": "is not a version of Istio"},
    ),
    Wrong(
        "revision of an unsupported Istio",
        on_clusters_with_pods(istio(revisions={"blue": {}, "green": {"version": "1.29"}})),
        {"istio.revisions.green.version": "Istio 1.29 is not supported; use 1.30 or 1.31"},
    ),
    Wrong(
        "revisions too far apart",
        on_clusters_with_pods(istio(revisions={"blue": {"version": "1.28"}, "green": {"version": "1.31.2"}})),
        {
            "istio.revisions": "the revisions are 3 minor releases apart; at most 2 are supported",
            "istio.revisions.blue.version": "Istio 1.28 is not supported",
        },
    ),
    Wrong(
        "Kubernetes that a revision does not support",
        on_clusters_with_pods(istio(revisions=BLUE_GREEN) | {"kubernetes": {"version": "v1.31.0"}}),
        {"kubernetes.version": "Istio 1.31 does not support Kubernetes v1.31.0; use v1.32 to v1.36"},
    ),
]

MANY = [
    Wrong(
        "several faults of revisions",
        istio(
            revisions=BLUE_GREEN | {"red": {"version": "1.29"}},
            revision="white",
            gatewayRevision="black",
            tags=["red", "red", "default"],
        ),
        {
            "istio.gatewayRevision": "'black' is not installed",
            "istio.revision": "'white' is not one of istio.revisions",
            "istio.revisions": "3 revisions",
            "istio.revisions.red.version": "Istio 1.29 is not supported; use 1.30 or 1.31",
            "istio.tags[0]": "'red' is also a revision",
            "istio.tags[1]": "'red' is also a revision",
            "istio.tags[2]": "'default' is the tag that Istio gives itself",
        },
    ),
]

REVISIONS = [*INSTALLED, *TAGS, *SHAPES, *VERSIONS, *MANY]
