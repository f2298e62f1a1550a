"""Unknown keys, missing keys and values of the wrong type."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong

KNOWN_SECTIONS = (
    "known are additions, clusters, dnsEndpoints, federation, host, identities, istio, kubernetes, meshes, "
    "multiClusterServices, namespaces, networks, portal, propagations, virtualMachines"
)

UNKNOWN_KEYS = [
    Wrong("unknown section", {"policies": {}}, {"policies": f"unknown key; {KNOWN_SECTIONS}"}),
    Wrong("misspelt section", {"namespace": {}}, {"namespace": "did you mean namespaces?"}),
    Wrong(
        "unknown key of a cluster",
        {"clusters.west.color": "red"},
        {"clusters.west.color": "known are additions, aks, "},
    ),
    Wrong(
        "snake_case key",
        {"clusters.west.pod_cidr": "10.0.0.0/16"},
        {"clusters.west.pod_cidr": "mean podCidr?"},
    ),
    Wrong(
        "unknown key of embedded",
        {"clusters.west.embedded.cpus": 2},
        {"clusters.west.embedded.cpus": "known are nodes"},
    ),
    Wrong(
        "unknown key of existing",
        {
            "clusters.west": {
                "network": "network-west",
                "existing": {"kubeconfig": "k", "context": "c", "user": "u"},
            }
        },
        {"clusters.west.existing.user": "known are context, kubeconfig, pods"},
    ),
    Wrong(
        "unknown key of a gateway",
        {"clusters.west.eastWestGateway": {"annotations": {}}},
        {"clusters.west.eastWestGateway.annotations": "known are advertised, hostname, loadBalancerIp, "},
    ),
    Wrong(
        "unknown key of a network",
        {"networks.network-west": {"cidr": "10.0.0.0/8"}},
        {"networks.network-west.cidr": "description"},
    ),
    Wrong(
        "unknown key of a mesh",
        {"meshes.mesh1.trustdomain": "a"},
        {"meshes.mesh1.trustdomain": "did you mean trustDomain?"},
    ),
    Wrong(
        "unknown key of trust",
        {"meshes.mesh1.trust.bits": 4096},
        {"meshes.mesh1.trust.bits": "known are algorithm, "},
    ),
    Wrong(
        "unknown key of a validity",
        {"meshes.mesh1.trust.root": {"validityDays": 9, "renewBeforeDays": 1, "hours": 3}},
        {"meshes.mesh1.trust.root.hours": "known are renewBeforeDays, validityDays"},
    ),
    Wrong(
        "unknown key of a namespace",
        {"namespaces.shop.inject": True},
        {"namespaces.shop.inject": "did you mean injection?"},
    ),
    Wrong(
        "unknown key of istio",
        {"istio": {"tag": "1.31"}},
        {"istio.tag": "known are charts, gatewayRevision, revision, revisions, tags, values, version"},
    ),
    Wrong("unknown key of kubernetes", {"kubernetes": {"minor": 35}}, {"kubernetes.minor": "known are version"}),
]

MISSING = [
    Wrong(
        "cluster without a network",
        {"clusters.west.network": ABSENT},
        {"clusters.west.network": "missing; required"},
    ),
    Wrong(
        "existing without a context",
        {"clusters.west": {"network": "network-west", "existing": {"kubeconfig": "kubeconfig.yaml"}}},
        {"clusters.west.existing.context": "missing; required"},
    ),
    Wrong(
        "validity without a renewal",
        {"meshes.mesh1.trust": {"root": {"validityDays": 100}}},
        {"meshes.mesh1.trust.root.renewBeforeDays": "missing; required"},
    ),
    Wrong(
        "empty context",
        {"clusters.west": {"network": "network-west", "existing": {"kubeconfig": "k", "context": ""}}},
        {"clusters.west.existing.context": "must be a string of at least 1 character, got ''"},
    ),
]

WRONG_TYPES = [
    Wrong(
        "section that is a list",
        {"clusters": ["west"]},
        {
            "clusters": ("must be a map of names to settings, got ['west']", "the fleet is empty"),
            "host": "no cluster is named 'west'; known are none",
        },
    ),
    Wrong(
        "section that is a text",
        {"namespaces": "shop"},
        {"namespaces": "must be a map of names to settings, got 'shop'"},
    ),
    Wrong(
        "cluster that is a text",
        {"clusters.west": "embedded"},
        {"clusters.west": "must be a map of keys to values, got 'embedded'"},
    ),
    Wrong(
        "provider that is a text",
        {"clusters.west.embedded": "yes"},
        {"clusters.west.embedded": "must be a map of keys to values, got 'yes'"},
    ),
    Wrong(
        "number written as a text",
        {"clusters.west.embedded.nodes": "3"},
        {"clusters.west.embedded.nodes": "must be an integer, got '3'; remove the quotes"},
    ),
    Wrong(
        "text written as a number",
        {"clusters.west.region": 3},
        {"clusters.west.region": "must be a string, got 3; put it in quotes"},
    ),
    Wrong(
        "version written as a number",
        {"istio": {"version": 1.31}},
        {"istio.version": "must be a string, got 1.31; put it in quotes"},
    ),
    Wrong(
        "fraction of a node",
        {"clusters.west.embedded.nodes": 1.5},
        {"clusters.west.embedded.nodes": "must be an integer, got 1.5"},
    ),
    Wrong(
        "truth for a number",
        {"clusters.west.embedded.nodes": True},
        {"clusters.west.embedded.nodes": "must be an integer, got true"},
    ),
    Wrong(
        "text for a truth",
        {"namespaces.shop.injection": "true"},
        {"namespaces.shop.injection": "must be true or false, got 'true'"},
    ),
    Wrong(
        "nothing for a network",
        {"clusters.west.network": None},
        {"clusters.west.network": "must be a string, got null"},
    ),
    Wrong(
        "text for a list",
        {"namespaces.shop.clusters": "west"},
        {"namespaces.shop.clusters": "must be a list, got 'west'"},
    ),
    Wrong(
        "number in a list of names",
        {"namespaces.shop.clusters": ["west", 3]},
        {"namespaces.shop.clusters[1]": "must be a string, got 3; put it in quotes"},
    ),
    Wrong(
        "list for a text",
        {"clusters.west.network": ["a", ["b"]]},
        {"clusters.west.network": "must be a string, got ['a', [...]]"},
    ),
    Wrong(
        "number for a label",
        {"namespaces.shop.labels": {"team": 7}},
        {"namespaces.shop.labels.team": "must be a string, got 7; put it in quotes"},
    ),
    Wrong("number for the host", {"host": 3}, {"host": "must be the name of a cluster, got 3"}),
    Wrong(
        "control plane that is a list",
        {"clusters.west.controlPlane": ["own"]},
        {"clusters.west.controlPlane": "['own'] is not a control plane; use own, {remote"},
    ),
    Wrong(
        "control plane of two kinds",
        {"clusters.west.controlPlane": {"remote": "east", "external": "east"}},
        {"clusters.west.controlPlane": "{remote: 'east', external: 'east'} is not a control plane"},
    ),
    Wrong(
        "unknown control plane",
        {"clusters.west.controlPlane": "shared"},
        {"clusters.west.controlPlane": "'shared' is not a control plane; use own"},
    ),
]

WRONG_VALUES = [
    Wrong(
        "unknown data plane",
        {"clusters.west.dataPlane": "mixed"},
        {"clusters.west.dataPlane": "must be 'sidecar' or 'ambient', got 'mixed'"},
    ),
    Wrong(
        "unknown algorithm",
        {"meshes.mesh1.trust.algorithm": "rsa"},
        {"meshes.mesh1.trust.algorithm": "must be 'ecdsa-p256' or 'rsa-4096'"},
    ),
    Wrong(
        "no nodes",
        {"clusters.west.embedded.nodes": 0},
        {"clusters.west.embedded.nodes": "0: input should be greater than or equal to 1"},
    ),
    Wrong(
        "too many nodes",
        {"clusters.west.embedded.nodes": 101},
        {"clusters.west.embedded.nodes": "101: input should be less than or equal to 100"},
    ),
    Wrong(
        "port out of range",
        {"clusters.west.eastWestGateway": {"port": 65536}},
        {"clusters.west.eastWestGateway.port": "65536: input should be less"},
    ),
    Wrong(
        "port of the gateway itself",
        {"clusters.west.eastWestGateway": {"port": 15021}},
        {"clusters.west.eastWestGateway": "the port 15021 is the gateway's own (15012, 15017, 15021 are)"},
    ),
    Wrong(
        "region that is no label",
        {"clusters.west.region": "eu west"},
        {"clusters.west.region": "'eu west' is not the value of a label"},
    ),
    Wrong(
        "zone without a region",
        {"clusters.west.zone": "a"},
        {"clusters.west": "has the zone 'a' and no region; name the region"},
    ),
    Wrong(
        "annotation that is none",
        {"clusters.west.eastWestGateway.serviceAnnotations": {"-a": "b"}},
        {"clusters.west.eastWestGateway.serviceAnnotations.-a": "'-a' is not the key of a label"},
    ),
    Wrong(
        "label with a bad prefix",
        {"namespaces.shop.labels": {"a_b/c": "d"}},
        {"namespaces.shop.labels.a_b/c": "'a_b/c' is not the key of a label"},
    ),
    Wrong(
        "label with a bad value",
        {"namespaces.shop.labels": {"team": "a/b"}},
        {"namespaces.shop.labels.team": "'a/b' is not the value of a label"},
    ),
    Wrong(
        "label that the fleet sets",
        {"namespaces.shop.labels": {"istio-injection": "disabled"}},
        {"namespaces.shop.labels.istio-injection": "is set by the fleet; remove it, and use `injection`"},
    ),
    Wrong(
        "no day of validity",
        {"meshes.mesh1.trust.root": {"validityDays": 0, "renewBeforeDays": 1}},
        {"meshes.mesh1.trust.root.validityDays": "0: input should be greater"},
    ),
    Wrong(
        "renewed by every run",
        {"meshes.mesh1.trust.root": {"validityDays": 9, "renewBeforeDays": 9}},
        {"meshes.mesh1.trust.root": "renewBeforeDays 9 is not below validityDays 9"},
    ),
    Wrong(
        "intermediate outlives the root",
        {"meshes.mesh1.trust.root": {"validityDays": 90, "renewBeforeDays": 9}},
        {"meshes.mesh1.trust": "intermediate.validityDays 730 is above root.validityDays 90"},
    ),
    Wrong(
        "empty organization",
        {"meshes.mesh1.trust.organization": ""},
        {"meshes.mesh1.trust.organization": "got ''"},
    ),
    Wrong(
        "organization too long for a subject",
        {"meshes.mesh1.trust.organization": "o" * 65},
        {"meshes.mesh1.trust.organization": "at most 64 characters"},
    ),
]

SHAPES = [*UNKNOWN_KEYS, *MISSING, *WRONG_TYPES, *WRONG_VALUES]
