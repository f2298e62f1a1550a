"""Networks, providers and versions that do not go together or are not built yet."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong, existing, on_one_network

RANGES = [
    Wrong(
        "range that is a word",
        {"clusters.west.podCidr": "all"},
        {"clusters.west.podCidr": "'all' is not an address range; write it as 10.10.0.0/16"},
    ),
    Wrong(
        "range with host bits",
        {"clusters.west.podCidr": "10.10.0.1/16"},
        {"clusters.west.podCidr": "write it as 10.10.0.0/16, with no host bits set"},
    ),
    Wrong(
        "range without a length",
        {"clusters.west.podCidr": "10.10.0.0"},
        {"clusters.west.podCidr": "'10.10.0.0' is not an address range"},
    ),
    Wrong(
        "range with a netmask",
        {"clusters.west.podCidr": "10.10.0.0/255.255.0.0"},
        {"clusters.west.podCidr": "is not an address range"},
    ),
    Wrong(
        "range that is too long",
        {"clusters.west.serviceCidr": "10.10.0.0/33"},
        {"clusters.west.serviceCidr": "'10.10.0.0/33' is not an address range"},
    ),
    Wrong(
        "range that is a number",
        {"clusters.west.podCidr": 10},
        {"clusters.west.podCidr": "10 is not an address range"},
    ),
    Wrong(
        "IPv6 range with host bits",
        {"clusters.west.podCidr": "fd00::1/64"},
        {"clusters.west.podCidr": "'fd00::1/64' is not an address range"},
    ),
    Wrong(
        "IPv6 range with a zone",
        {"clusters.west.podCidr": "fe80::%eth0/64"},
        {"clusters.west.podCidr": "'fe80::%eth0/64' is not an address range"},
    ),
    Wrong(
        "pods overlap services",
        {"clusters.west.podCidr": "10.0.0.0/9", "clusters.west.serviceCidr": "10.96.0.0/16"},
        {"clusters.west.serviceCidr": "10.96.0.0/16 overlaps the cluster's own podCidr 10.0.0.0/9"},
    ),
    Wrong(
        "pods and services of two families",
        {"clusters.west": existing(pods="simulated") | {"podCidr": "10.0.0.0/9", "serviceCidr": "fd00::/108"}},
        {"clusters.west.serviceCidr": "fd00::/108 is IPv6 and podCidr 10.0.0.0/9 is not"},
    ),
    Wrong(
        "pods overlap on one network",
        {**on_one_network(podCidr="10.10.128.0/17"), "clusters.west.podCidr": "10.10.0.0/16"},
        {"clusters.east.podCidr": "10.10.128.0/17 overlaps 10.10.0.0/16 of 'west' on the same network"},
    ),
    Wrong(
        "IPv6 pods overlap on one network",
        {
            "networks.network-east": ABSENT,
            "clusters.west": {**existing(pods="simulated"), "podCidr": "fd00::/32"},
            "clusters.east": {**existing("east", pods="simulated"), "network": "network-west", "podCidr": "fd00::/48"},
        },
        {"clusters.east.podCidr": "fd00::/48 overlaps fd00::/32 of 'west'"},
    ),
    Wrong(
        "network shared by two meshes",
        {**on_one_network(mesh="mesh2"), "meshes.mesh2": {}, "clusters.west.mesh": "mesh1"},
        {"clusters.east.network": "'network-west' serves the mesh 'mesh1' through 'west'; meshes share no"},
    ),
]

PROVIDERS = [
    Wrong(
        "no provider",
        {"clusters.west.embedded": ABSENT},
        {"clusters.west": "names no provider; give exactly one of embedded, existing, kind, eks, gke, aks"},
    ),
    Wrong(
        "provider without a value",
        {"clusters.west.embedded": None},
        {"clusters.west": "names no provider; give exactly one"},
    ),
    Wrong(
        "two providers",
        {"clusters.west.kind": {}},
        {"clusters.west": "names 2 providers (embedded, kind); give exactly one"},
    ),
    *(
        Wrong(
            f"{provider} is not built",
            {"clusters.west": {"network": "network-west", provider: {}}},
            {f"clusters.west.{provider}": "(eks, gke, aks are to come); use embedded, or existing"},
        )
        for provider in ("eks", "gke", "aks")
    ),
    Wrong(
        "neither real nor simulated",
        {"clusters.west": existing(pods="fake")},
        {"clusters.west.existing.pods": "must be 'real' or 'simulated', got 'fake'"},
    ),
    Wrong(
        "one cluster under two names",
        {"clusters.west": existing(), "clusters.east": {**existing(), "network": "network-east"}},
        {"clusters.east.existing.context": "'west' of the same kubeconfig is already 'west'"},
    ),
]

VERSIONS = [
    Wrong(
        "unsupported Istio",
        {"istio": {"version": "1.20"}},
        {
            "istio.version": "Istio 1.20 is not supported; use 1.30 or 1.31",
        },
    ),
    Wrong(
        "no version of Istio",
        {"istio": {"version": "latest"}},
        {"istio.version": "'latest' is not a version of Istio; write it as '1.31'"},
    ),
    Wrong(
        "version with a v",
        {"istio": {"version": "v1.31"}},
        {"istio.version": "'v1.31' is not a version of Istio"},
    ),
    Wrong(
        "Kubernetes that Istio does not support",
        {"kubernetes": {"version": "v1.28.0"}},
        {
            "kubernetes.version": (
                "Istio 1.31 does not support Kubernetes v1.28.0; use v1.32 to v1.36",
                "embedded clusters run Kubernetes v1.32.2, v1.35.4 or v1.36.3, not v1.28.0",
            )
        },
    ),
    Wrong(
        "Kubernetes that is not built",
        {"kubernetes": {"version": "v1.34.0"}},
        {"kubernetes.version": "v1.35.4 or v1.36.3, not v1.34.0; use one of these, or leave it out for v1.35.4"},
    ),
    Wrong(
        "Kubernetes of another age",
        {
            "kubernetes": {"version": "v2.35.4"},
            "clusters": {"west": existing()},
            "networks.network-east": ABSENT,
        },
        {"kubernetes.version": "Istio 1.31 does not support Kubernetes v2.35.4"},
    ),
    Wrong(
        "Kubernetes without a v",
        {"kubernetes": {"version": "1.35.4"}},
        {"kubernetes.version": "'1.35.4' is not a version of Kubernetes; write it as v1.35.4"},
    ),
    Wrong(
        "digits of another script",
        {"kubernetes": {"version": "v1.٣٥.4"}},
        {"kubernetes.version": "'v1.٣٥.4' is not a version of Kubernetes"},
    ),
    Wrong(
        "unpublished charts",
        {"istio": {"charts": "nightly"}},
        {"istio.charts": "'nightly' is not a chart source; use published, {repository"},
    ),
    Wrong(
        "charts over plain HTTP",
        {"istio": {"charts": {"repository": "http://charts.example"}}},
        {"istio.charts": "{repository: 'http://charts.example'} is not a chart source"},
    ),
    Wrong(
        "charts from two places",
        {"istio": {"charts": {"repository": "oci://a", "folder": "b"}}},
        {"istio.charts": "{folder: 'b', repository: 'oci://a'} is not a chart source"},
    ),
    Wrong(
        "charts from no folder",
        {"istio": {"charts": {"folder": ""}}},
        {"istio.charts": "{folder: ''} is not a chart source"},
    ),
]

LAYOUTS = [*RANGES, *PROVIDERS, *VERSIONS]
