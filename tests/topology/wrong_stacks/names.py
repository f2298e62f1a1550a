"""Names that cannot be used, and names of what is not there."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong

WEST = {"embedded": {}, "network": "network-west"}
LABEL = "is not a DNS label: use lower-case letters"

UNUSABLE = [
    Wrong("cluster in capitals", {"clusters.North": WEST}, {"clusters.North": f"'North' {LABEL}"}),
    *(
        Wrong(
            f"cluster that is a number or date, {name}",
            {f"clusters.{name}": WEST},
            {f"clusters.{name}": f"'{name}' {LABEL}"},
        )
        for name in ("131", "1e3", "0x1f", "0o7", "0b1", "2026-11-27")
    ),
    Wrong(
        "workload that begins with a digit",
        {"workloads.1st": {"namespace": "shop"}},
        {"workloads.1st": f"'1st' {LABEL}, digits and '-', beginning with a letter and ending with"},
    ),
    Wrong("cluster that ends with a dash", {"clusters.north-": WEST}, {"clusters.north-": f"'north-' {LABEL}"}),
    Wrong(
        "cluster named by a path",
        {"clusters": {"../x": WEST}, "host": "../x", "networks.network-east": ABSENT},
        {"clusters.../x": f"'../x' {LABEL}"},
    ),
    Wrong(
        "cluster without a name",
        {"clusters": {"": WEST}, "host": "", "networks.network-east": ABSENT},
        {"clusters.": f"'' {LABEL}"},
    ),
    Wrong(
        "name over two lines",
        {"clusters.north\neast": WEST},
        {"clusters.north\\neast": f"'north\\neast' {LABEL}"},
    ),
    Wrong(
        "cluster too long for what is derived",
        {f"clusters.{'n' * 49}": WEST},
        {f"clusters.{'n' * 49}": "has 49 characters; at most 48 are allowed"},
    ),
    Wrong(
        "network too long for a label",
        {f"networks.{'n' * 64}": {}, "clusters.west.network": "n" * 64, "networks.network-west": ABSENT},
        {f"networks.{'n' * 64}": "has 64 characters; at most 63"},
    ),
    Wrong(
        "network with a dot",
        {"networks": {"a.b": {}, "network-east": {}}, "clusters.west.network": "a.b"},
        {"networks.a.b": f"'a.b' {LABEL}"},
    ),
    Wrong("mesh in capitals", {"meshes": {"Mesh": {}}}, {"meshes.Mesh": f"'Mesh' {LABEL}"}),
    Wrong(
        "namespace with an underscore",
        {"namespaces.my_shop": {}},
        {"namespaces.my_shop": f"'my_shop' {LABEL}"},
    ),
    Wrong("revision with a dot", {"istio": {"revision": "1.31"}}, {"istio.revision": f"'1.31' {LABEL}"}),
    Wrong(
        "revision too long for its webhook",
        {"istio": {"revision": "r" * 28}},
        {"istio.revision": "since istio-sidecar-injector-<revision>-istio-system is derived"},
    ),
    Wrong(
        "trust domain with a slash",
        {"meshes.mesh1.trustDomain": "spiffe://a"},
        {"meshes.mesh1.trustDomain": "'spiffe://a' is not a SPIFFE trust domain"},
    ),
    Wrong(
        "trust domain too long",
        {"meshes.mesh1.trustDomain": "a" * 256},
        {"meshes.mesh1.trustDomain": "at most 255 characters"},
    ),
]

RESERVED = [
    Wrong(
        "reserved cluster",
        {"clusters.all": WEST},
        {"clusters.all": "'all' is reserved; reserved are all, fleet, kubernetes"},
    ),
    Wrong(
        "reserved network",
        {"networks": {"default": {}, "network-east": {}}, "clusters.west.network": "default"},
        {"networks.default": "'default' is reserved"},
    ),
    Wrong(
        "namespace of Kubernetes",
        {"namespaces.kube-system": {}},
        {"namespaces.kube-system": "'kube-system' is reserved"},
    ),
    Wrong(
        "namespace of Istio",
        {"namespaces.istio-system": {}},
        {"namespaces.istio-system": "'istio-system' is reserved"},
    ),
    Wrong(
        "namespace with a reserved prefix",
        {"namespaces.kube-dns": {}},
        {"namespaces.kube-dns": "reserved are kube-, meshfleet-, istio-"},
    ),
]

REFERENCES = [
    Wrong(
        "empty fleet",
        {"clusters": {}, "host": ABSENT, "networks": ABSENT, "meshes": ABSENT},
        {"clusters": "the fleet is empty; declare at least one cluster"},
    ),
    Wrong("no clusters at all", {"clusters": ABSENT, "host": ABSENT}, {"clusters": "the fleet is empty"}),
    Wrong("unknown host", {"host": "north"}, {"host": "no cluster is named 'north'; known are west, east"}),
    Wrong("missing host", {"host": ABSENT}, {"host": "missing; name the host cluster, one of west, east"}),
    Wrong(
        "unknown network",
        {"clusters.west.network": "net"},
        {"clusters.west.network": "no network is named 'net'; known are network-west, network-east"},
    ),
    Wrong(
        "no networks at all",
        {"networks": ABSENT, "clusters.east": ABSENT},
        {"clusters.west.network": "no network is named 'network-west'; known are none"},
    ),
    Wrong(
        "unknown mesh",
        {"clusters.west.mesh": "mesh2"},
        {"clusters.west.mesh": "no mesh is named 'mesh2'; known are mesh1"},
    ),
    Wrong(
        "several meshes and none named",
        {"meshes.mesh2": {}, "clusters.west.mesh": "mesh2"},
        {"clusters.east.mesh": "missing; the fleet has several meshes, name one of mesh1, mesh2"},
    ),
    Wrong(
        "mesh without a cluster",
        {"meshes.mesh2": {}, "clusters.west.mesh": "mesh1", "clusters.east.mesh": "mesh1"},
        {"meshes.mesh2": "no cluster belongs to it; remove it"},
    ),
    Wrong(
        "network without a cluster",
        {"networks.network-north": {}},
        {"networks.network-north": "no cluster is on it; remove it"},
    ),
    Wrong(
        "namespace in an unknown cluster",
        {"namespaces.shop.clusters": ["west", "north"]},
        {"namespaces.shop.clusters[1]": "no cluster is named 'north'; known are west, east"},
    ),
    Wrong(
        "namespace twice in a cluster",
        {"namespaces.shop.clusters": ["west", "west"]},
        {"namespaces.shop.clusters[1]": "'west' is given twice"},
    ),
]

NAMES = [*UNUSABLE, *RESERVED, *REFERENCES]
