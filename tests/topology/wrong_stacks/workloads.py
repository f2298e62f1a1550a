"""Workloads: what they are called, and where they and their versions run."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong

CART = "workloads.cart"
SIMPLE: dict[str, object] = {"namespace": "shop"}
PLAIN = {"api": "istio", "listeners": [{"port": 80}], "namespace": "shop"}


def cart(**fields: object) -> dict[str, object]:
    """A change that declares the workload `cart` in the namespace `shop`, which exists in both clusters."""
    return {CART: SIMPLE | fields}


NAMES = [
    *(
        Wrong(f"workload called {name[:20]}", {f"workloads.{name}": SIMPLE}, {f"workloads.{name}": part})
        for name, part in {
            "Cart": "'Cart' is not a DNS label",
            "cart_1": "'cart_1' is not a DNS label",
            "default": "'default' is reserved; reserved are default, waypoint",
            "waypoint": "'waypoint' is reserved",
        }.items()
    ),
    Wrong(
        "workload with a name that is too long, with which that of no version is told",
        {f"workloads.{'c' * 64}": SIMPLE},
        {f"workloads.{'c' * 64}": "has 64 characters; at most 63 are allowed, since it names a Service"},
    ),
    *(
        Wrong(f"version called {name[:20]} ({len(name)})", cart(versions={name: {}}), {f"{CART}.versions.{name}": part})
        for name, part in {
            "V1": "'V1' is not a DNS label",
            "2": "'2' is not a DNS label",
            "v" * 64: "has 64 characters; at most 63 are allowed, since it is the value of the label version",
            "v" * 59: "with the workload's name has 64 characters; at most 63 are allowed, since <workload>-<version>",
        }.items()
    ),
    Wrong(
        "two versions with one Deployment",
        {
            "workloads.cart": SIMPLE | {"versions": {"eu-v1": {}}},
            "workloads.cart-eu": SIMPLE | {"versions": {"v1": {}}},
        },
        {
            "workloads.cart-eu.versions.v1": "its Deployment is called 'cart-eu-v1', as that of "
            "workloads.cart.versions.eu-v1; use another name"
        },
    ),
    Wrong(
        "workload called as a gateway beside it",
        {"clusters.west.ingressGateways.cart": PLAIN, CART: SIMPLE},
        {CART: "'cart' is what clusters.west.ingressGateways.cart has in the namespace 'shop'; use another name"},
    ),
    Wrong(
        "version whose Deployment is called as that of a gateway beside it",
        {"clusters.west.ingressGateways.cart": {**PLAIN, "api": "gateway"}, CART: SIMPLE | {"versions": {"istio": {}}}},
        {CART: "'cart-istio' is what clusters.west.ingressGateways.cart has in the namespace 'shop'"},
    ),
]

SHAPES = [
    Wrong("workloads that are a list", {"workloads": ["cart"]}, {"workloads": "must be a map of names to settings"}),
    Wrong("workload without a namespace", {CART: {}}, {f"{CART}.namespace": "missing; required"}),
    Wrong("workload with nothing behind it", {CART: None}, {f"{CART}.namespace": "missing; required"}),
    Wrong("unknown key of a workload", cart(version="v1"), {f"{CART}.version": "did you mean versions? known are "}),
    Wrong(
        "unknown key of a version",
        cart(versions={"v1": {"replica": 2}}),
        {f"{CART}.versions.v1.replica": "did you mean replicas? known are clusters, headers, replicas, weight"},
    ),
    Wrong("workload without any version", cart(versions={}), {f"{CART}.versions": "there is none; name a version"}),
    Wrong("versions that are a list", cart(versions=["v1"]), {f"{CART}.versions": "must be a map of keys to values"}),
    *(
        Wrong(
            f"{count} pods of a version",
            cart(versions={"v1": {"replicas": count}}),
            {f"{CART}.versions.v1.replicas": f"{count}: "},
        )
        for count in (0, 101)
    ),
    *(
        Wrong(f"image {image!r}", cart(image=image), {f"{CART}.image": "is not an image; write it as registry.example"})
        for image in ("", " ", "shop cart", "shop/cart:1.2 ", "{{cart}}")
    ),
    Wrong(
        "pods of an embedded cluster that really run",
        {"clusters.west.embedded": {"pods": "real"}},
        {"clusters.west.embedded.pods": "must be 'simulated' or 'processes', got 'real'"},
    ),
    Wrong(
        "processes for pods of a cluster that is there already",
        {
            "clusters.west": {
                "network": "network-west",
                "existing": {"kubeconfig": "west.yaml", "context": "west", "pods": "processes"},
            }
        },
        {"clusters.west.existing.pods": "must be 'real' or 'simulated', got 'processes'"},
    ),
]

PLACES = [
    Wrong(
        "workload in a namespace that nobody declares",
        {CART: {"namespace": "shops"}},
        {f"{CART}.namespace": "no namespace is named 'shops'; known are shop"},
    ),
    Wrong(
        "workload where no namespace is declared",
        {"namespaces": ABSENT, CART: SIMPLE},
        {f"{CART}.namespace": "no namespace is named 'shop'; known are none"},
    ),
    Wrong(
        "workload in a namespace that cannot be read",
        {"namespaces.shop": {"injection": "yes"}, CART: SIMPLE},
        {"namespaces.shop.injection": "must be true or false, got 'yes'"},
    ),
    Wrong(
        "workload in clusters that are not there, and in one twice",
        cart(clusters=["north", "west", "west"]),
        {
            f"{CART}.clusters[0]": "no cluster is named 'north'; known are west, east",
            f"{CART}.clusters[2]": "'west' is given twice; name each cluster once",
        },
    ),
    Wrong(
        "workload in a cluster without its namespace",
        {"namespaces.shop.clusters": ["west"], CART: SIMPLE | {"clusters": ["west", "east"]}},
        {f"{CART}.clusters[1]": "the namespace 'shop' exists in west only; add 'east' to its clusters"},
    ),
    Wrong(
        "version in clusters that are not there, and in one twice",
        cart(versions={"v1": {"clusters": ["north", "west", "west"]}}),
        {
            f"{CART}.versions.v1.clusters[0]": "no cluster is named 'north'",
            f"{CART}.versions.v1.clusters[2]": "'west' is given twice",
        },
    ),
    Wrong(
        "version outside of its workload's clusters",
        cart(clusters=["west"], versions={"v1": {}, "v2": {"clusters": ["east"]}}),
        {f"{CART}.versions.v2.clusters[0]": "the workload runs in west only; add 'east' to its clusters"},
    ),
    Wrong(
        "version outside of its namespace's clusters",
        {"namespaces.shop.clusters": ["west"], CART: SIMPLE | {"versions": {"v2": {"clusters": ["east"]}}}},
        {f"{CART}.versions.v2.clusters[0]": "add 'east' to its clusters, which are those of its namespace"},
    ),
]

WORKLOADS = [*NAMES, *SHAPES, *PLACES]
