"""Which requests go to which version of a workload, and who may send any."""

from __future__ import annotations

from tests.topology.wrong_stacks.workloads import CART, SIMPLE, cart
from tests.topology.wrong_stacks.wrong import Wrong

VERSIONS = f"{CART}.versions"
CALLERS = f"{CART}.allowedCallers"
CANARY = {"x-canary": "always"}
HALVES: dict[str, object] = {"v1": {"weight": 50}, "v2": {"weight": 50}}
TWO_MESHES: dict[str, object] = {
    "meshes": {"mesh1": {}, "mesh2": {}},
    "clusters.west.mesh": "mesh1",
    "clusters.east.mesh": "mesh2",
}
AMBIENT: dict[str, object] = {"clusters.west.dataPlane": "ambient", "clusters.east.dataPlane": "ambient"}

WEIGHTS = [
    Wrong(
        "weights of more than all requests",
        cart(versions={"v1": {"weight": 90}, "v2": {"weight": 20}}),
        {VERSIONS: "the weights add up to 110; together they are 100"},
    ),
    Wrong(
        "weights of no request",
        cart(versions={"v1": {"weight": 0}, "v2": {"weight": 0}}),
        {VERSIONS: "the weights add up to 0; together they are 100"},
    ),
    Wrong(
        "weights of some versions",
        cart(versions={"v1": {"weight": 100}, "v2": {}, "v3": {"headers": CANARY}}),
        {VERSIONS: "v2, v3 without a weight; give all versions one, together 100, or none"},
    ),
    *(
        Wrong(
            f"weight {weight!r}",
            cart(versions={"v1": {"weight": weight}, "v2": {"weight": 50}}),
            {f"{VERSIONS}.v1.weight": part},
        )
        for weight, part in ((-1, "-1: "), (101, "101: "), ("50", "must be an integer, got '50'; remove the quotes"))
    ),
    Wrong(
        "weight and headers of the only version",
        cart(versions={"v1": {"weight": 100, "headers": CANARY}}),
        {
            f"{VERSIONS}.v1.headers": "'v1' is the only version and gets every request; leave it out, or add a version",
            f"{VERSIONS}.v1.weight": "'v1' is the only version and gets every request",
        },
    ),
]

HEADERS = [
    *(
        Wrong(
            f"header called {name!r}",
            cart(versions={"v1": {}, "v2": {"headers": {name: "always"}}}),
            {f"{VERSIONS}.v2.headers.{name}": part},
        )
        for name, part in {
            "X-Canary": "'X-Canary' is not the name of a header: use lower-case letters",
            "": "'' is not the name of a header",
            ":path": "':path' is not the name of a header",
            "x canary": "'x canary' is not the name of a header",
            "method": "'method' is a part of the request line to Istio, not a header",
        }.items()
    ),
    *(
        Wrong(
            f"header of the value {value!r}",
            cart(versions={"v1": {}, "v2": {"headers": {"x-canary": value}}}),
            {f"{VERSIONS}.v2.headers.x-canary": part},
        )
        for value, part in {
            "": "'' is not the value of a header",
            " always": "is not the value of a header: give letters, digits and signs of ASCII",
            "alw\nays": "is not the value of a header",
            "größe": "is not the value of a header",
        }.items()
    ),
    Wrong(
        "header whose value is a number",
        cart(versions={"v1": {}, "v2": {"headers": {"x-canary": 1}}}),
        {f"{VERSIONS}.v2.headers.x-canary": "must be a string, got 1; put it in quotes"},
    ),
    Wrong(
        "the same headers of two versions",
        cart(versions={"v1": {}, "v2": {"headers": {"a": "1", "b": "2"}}, "v3": {"headers": {"b": "2", "a": "1"}}}),
        {f"{VERSIONS}.v3.headers": "also leads to 'v2'; a request goes to one version"},
    ),
    Wrong(
        "no version for requests without headers",
        cart(versions={"v1": {"headers": {"x-canary": "never"}}, "v2": {"headers": CANARY}}),
        {VERSIONS: "no version is left for requests without those headers; give weights, or leave one version without"},
    ),
    Wrong(
        "several versions for requests without headers, and nothing that says how many to which",
        cart(versions={"v1": {}, "v2": {}, "v3": {"headers": CANARY}}),
        {VERSIONS: "v1, v2 are left for requests without those headers; give weights, or leave one version without"},
    ),
    Wrong(
        "token in a header",
        cart(versions={"v1": {}, "v2": {"headers": {"token": "0123456789abcdef"}}}),
        {f"{VERSIONS}.v2.headers.token": "in plain text; keep it in a file of yours"},
        unsaid=("0123456789abcdef",),
    ),
]

WHO_CALLS = [
    *(
        Wrong(
            f"caller {caller!r}",
            cart(allowedCallers=[caller]),
            {f"{CALLERS}[0]": "is not a caller; write it as NAMESPACE/SERVICE-ACCOUNT"},
        )
        for caller in (
            "web",
            "shop/",
            "/web",
            "shop/web/1",
            "Shop/web",
            "shop/*",
            "spiffe://cluster.local/ns/shop/sa/web",
        )
    ),
    Wrong(
        "callers that are nobody",
        cart(allowedCallers=[]),
        {CART: "allowedCallers is empty; name a caller, or leave the list out to let everybody call it"},
    ),
    Wrong(
        "caller of a namespace that nobody declares, and one twice",
        cart(allowedCallers=["shops/web", "shop/web", "istio-system/shop", "shop/web"]),
        {
            f"{CALLERS}[0]": "no namespace is named 'shops'; known are shop, istio-system",
            f"{CALLERS}[3]": "'shop/web' is given twice; name each caller once",
        },
    ),
]

NOBODY_HEEDS = [
    Wrong(
        "routes and callers in a namespace without injection",
        {"namespaces.shop.injection": False, **cart(versions=HALVES, allowedCallers=["shop/web"])},
        {
            f"{CART}.namespace": "pods of the namespace 'shop' are not in the mesh, and nothing there applies "
            "weights or headers and allowedCallers; set its injection: true"
        },
    ),
    Wrong(
        "callers in a namespace without injection",
        {"namespaces.shop.injection": False, **cart(allowedCallers=["shop/web"])},
        {f"{CART}.namespace": "nothing there applies allowedCallers; set its injection: true"},
    ),
    Wrong(
        "weights in ambient mode without a waypoint",
        {**AMBIENT, **cart(versions=HALVES)},
        {VERSIONS: "in ambient mode, as in west, east, weights and headers are heeded by waypoints"},
        links=("https://istio.io/latest/docs/ambient/usage/l7-features/",),
    ),
    Wrong(
        "version that does not run in one of two meshes",
        {**TWO_MESHES, **cart(versions={"v1": {"weight": 50}, "v2": {"weight": 50, "clusters": ["east"]}})},
        {f"{VERSIONS}.v2": "does not run in the mesh 'mesh1', where requests would be sent to it"},
    ),
    Wrong(
        "weights of a workload whose namespace one of the control planes lacks",
        {"namespaces.shop.clusters": ["west"], **cart(versions=HALVES)},
        {f"{CART}.namespace": "the namespace 'shop' does not exist in east, where a control plane"},
    ),
    Wrong(
        "callers of a workload whose namespace is in a remote cluster alone",
        {
            "clusters.east.controlPlane": {"remote": "west"},
            "namespaces.shop.clusters": ["east"],
            CART: SIMPLE | {"allowedCallers": ["shop/web"]},
        },
        {f"{CART}.namespace": "the namespace 'shop' does not exist in west, where a control plane"},
    ),
    Wrong(
        "several things at once",
        {
            "namespaces.shop.injection": False,
            "workloads.cart": SIMPLE | {"clusters": ["north"], "versions": {"v1": {"weight": 1}, "v2": {"weight": 2}}},
            "workloads.Basket": {"namespace": "shops"},
        },
        {
            "workloads.Basket": "is not a DNS label",
            "workloads.Basket.namespace": "no namespace is named 'shops'",
            f"{CART}.clusters[0]": "no cluster is named 'north'",
            f"{CART}.namespace": "nothing there applies weights or headers",
            VERSIONS: "the weights add up to 3",
        },
    ),
]

EXPORTED = f"{CART}.exportTo"
EXPORTS = [
    *(
        Wrong(
            f"exported to {target!r}",
            cart(exportTo=[".", target]),
            {f"{EXPORTED}[1]": "is not a namespace; name one, or write '.' for the workload's own or '*'"},
        )
        for target in ("~", "", "shop/web", "Shop", "*.shop", "shop.svc.cluster.local")
    ),
    Wrong(
        "exported to no namespace",
        cart(exportTo=[]),
        {CART: "exportTo is empty; name a namespace, or leave the list out to export it to all"},
    ),
    Wrong(
        "exported to one namespace, not a list",
        cart(exportTo="."),
        {EXPORTED: "must be a list, got '.'"},
    ),
    Wrong(
        "exported to an unknown namespace",
        cart(exportTo=[".", "shops"]),
        {f"{EXPORTED}[1]": "no namespace is named 'shops'; known are shop, istio-system"},
    ),
    Wrong(
        "exported to a namespace twice",
        cart(exportTo=["shop", "istio-system", "."]),
        {f"{EXPORTED}[2]": "'.' is given twice; name each namespace once"},
    ),
    Wrong(
        "exported to every namespace and one",
        cart(exportTo=["*", "."]),
        {EXPORTED: "'*' is every namespace; leave the others out"},
    ),
    Wrong(
        "callers of a namespace that a workload is not exported to",
        cart(exportTo=["."], allowedCallers=["shop/web", "istio-system/public"]),
        {f"{CALLERS}[1]": "is not exported to 'istio-system', so that proxies there do not know it; add"},
    ),
    Wrong(
        "exported in ambient mode",
        {**AMBIENT, **cart(exportTo=["."])},
        {EXPORTED: "ztunnels of ambient mode, as in west, east, ignore it; leave it out, and give allowedCallers"},
    ),
]

WORKLOAD_ROUTES = [*WEIGHTS, *HEADERS, *WHO_CALLS, *NOBODY_HEEDS, *EXPORTS]
