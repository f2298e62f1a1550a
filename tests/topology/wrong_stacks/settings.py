"""Settings of a mesh, wrong."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong

SETTINGS = "meshes.mesh1.settings"
LOCALITY = f"{SETTINGS}.locality"
REGIONS = {"clusters.west.region": "west", "clusters.east.region": "east"}
COLLECTOR = {"service": "collector.observability.svc.cluster.local", "port": 4317}
ONE_COLLECTOR = "give exactly one of opentelemetry, zipkin, each {service: NAME, port: PORT}"


def failover(*ways: tuple[str, str], **more: object) -> dict[str, object]:
    """Changes that give both clusters a region and the mesh a failover."""
    return {**REGIONS, f"{LOCALITY}.failover": [{"from": origin, "to": to} for origin, to in ways], **more}


OF_A_MESH = [
    Wrong(
        "unknown key of settings",
        {f"{SETTINGS}.accesslog": {}},
        {f"{SETTINGS}.accesslog": "mean accessLog? known are accessLog, clusterLocal, discoverySelectors, "},
    ),
    Wrong(
        "settings that are a list",
        {SETTINGS: ["strict"]},
        {SETTINGS: "must be a map of keys to values, got ['strict']"},
    ),
    Wrong(
        "mutual TLS in Istio's capitals",
        {f"{SETTINGS}.mtls": "STRICT"},
        {f"{SETTINGS}.mtls": "must be 'strict' or 'permissive', got 'STRICT'"},
    ),
    Wrong(
        "mutual TLS as a truth",
        {f"{SETTINGS}.mtls": True},
        {f"{SETTINGS}.mtls": "must be 'strict' or 'permissive', got true"},
    ),
    Wrong(
        "no mutual TLS at all",
        {f"{SETTINGS}.mtls": "disable"},
        {f"{SETTINGS}.mtls": "got 'disable'"},
    ),
    Wrong(
        "unknown outbound traffic policy",
        {f"{SETTINGS}.outboundTrafficPolicy": "deny"},
        {f"{SETTINGS}.outboundTrafficPolicy": "must be 'allow-any' or 'registry-only', got 'deny'"},
    ),
    *(
        Wrong(
            f"{key} with nothing behind it",
            {f"{SETTINGS}.{key}": None},
            {f"{SETTINGS}.{key}": "has nothing behind it; write {} for its defaults, or leave the key out"},
        )
        for key in ("mtls", "outboundTrafficPolicy", "locality", "accessLog", "tracing")
    ),
]

SERVICES = [
    *(
        Wrong(
            f"cluster-local by {what}",
            {f"{SETTINGS}.clusterLocal": ["*.shop.svc.cluster.local", host]},
            {f"{SETTINGS}.clusterLocal[1]": f"{named} is not the full name of Services; write SERVICE.NAMESPACE.svc"},
        )
        for what, host in (
            ("a short name", "cart"),
            ("a name with its namespace", "cart.shop"),
            ("a name without its domain", "cart.shop.svc"),
            ("another domain", "cart.shop.svc.cluster.remote"),
            ("a host that is no Service", "shop.example"),
            ("everything there is", "*"),
            ("a wildcard within a label", "cart-*.shop.svc.cluster.local"),
            ("a wildcard in the middle", "cart.*.svc.cluster.local"),
            ("two wildcards", "*.*.svc.cluster.local"),
            ("a port", "cart.shop.svc.cluster.local:80"),
            ("capitals", "Cart.shop.svc.cluster.local"),
            ("a name that is too long", f"{'a' * 64}.shop.svc.cluster.local"),
            ("nothing", ""),
        )
        # Of a long value the end is not shown.
        for named in (repr(host) if len(host) < 60 else "",)
    ),
    *(
        Wrong(
            f"cluster-local that is {what}",
            {f"{SETTINGS}.clusterLocal": value},
            {f"{SETTINGS}.clusterLocal": message},
        )
        for what, value, message in (
            ("a name, not a list", "cart.shop.svc.cluster.local", "must be a list, got 'cart.shop"),
            ("an empty list", [], "is empty; name a host, or leave it out"),
            ("null", None, "must be a list, got null"),
        )
    ),
    Wrong(
        "cluster-local Services of an ambient mesh",
        {
            f"{SETTINGS}.clusterLocal": ["*.shop.svc.cluster.local"],
            "clusters.west.dataPlane": "ambient",
            "clusters.east.dataPlane": "ambient",
        },
        {f"{SETTINGS}.clusterLocal": "ztunnels of ambient mode ignore it; leave it out: there a Service stays in"},
        links=("https://istio.io/latest/docs/ambient/install/multicluster/",),
    ),
    Wrong(
        "DNS capture by the sidecars of an ambient mesh",
        {
            f"{SETTINGS}.dnsCapture": True,
            "clusters.west.dataPlane": "ambient",
            "clusters.east.dataPlane": "ambient",
        },
        {f"{SETTINGS}.dnsCapture": "ztunnels of ambient mode do so by themselves; leave it out"},
        links=("https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/",),
    ),
]

SELECTORS = [
    *(
        Wrong(
            f"discovery selectors that are {what}",
            {f"{SETTINGS}.discoverySelectors": value},
            {f"{SETTINGS}.discoverySelectors": message},
        )
        for what, value, message in (
            ("one selector, not a list", {"matchLabels": {"shared": "yes"}}, "must be a list, got {matchLabels"),
            ("an empty list", [], "is empty; give a selector, or leave it out to discover all namespaces"),
            ("null", None, "must be a list, got null"),
        )
    ),
    *(
        Wrong(
            f"discovery selector {what}",
            {f"{SETTINGS}.discoverySelectors": [{"matchLabels": {"shared": "yes"}}, selector]},
            {f"{SETTINGS}.discoverySelectors[1]{path}": message},
        )
        for what, selector, path, message in (
            ("of every namespace", {}, "", "selects every namespace; give matchLabels or matchExpressions"),
            ("with empty labels", {"matchLabels": {}}, "", "selects every namespace"),
            ("that is a name", "shop", "", "must be a map of keys to values, got 'shop'"),
            ("of an unknown key", {"labels": {"a": "b"}}, ".labels", "known are matchExpressions, matchLabels"),
            ("with a key that is none", {"matchLabels": {"a b": "c"}}, ".matchLabels.a b", "is not the key of a label"),
            (
                "with a value that is none",
                {"matchLabels": {"a": "b c"}},
                ".matchLabels.a",
                "is not the value of a label",
            ),
            ("with a value of YAML's", {"matchLabels": {"a": True}}, ".matchLabels.a", "must be a string, got true"),
        )
    ),
    *(
        Wrong(
            f"requirement {what}",
            {f"{SETTINGS}.discoverySelectors": [{"matchExpressions": [requirement]}]},
            {f"{SETTINGS}.discoverySelectors[0].matchExpressions[0]{path}": message},
        )
        for what, requirement, path, message in (
            ("without an operator", {"key": "a"}, ".operator", "missing; required"),
            ("without a key", {"operator": "Exists"}, ".key", "missing; required"),
            ("of an unknown operator", {"key": "a", "operator": "Gt"}, ".operator", "must be 'In', 'NotIn', 'Exists'"),
            ("In of no values", {"key": "a", "operator": "In"}, "", "operator In needs values; give at least one"),
            ("NotIn of no values", {"key": "a", "operator": "NotIn", "values": []}, "", "operator NotIn needs values"),
            (
                "Exists with values",
                {"key": "a", "operator": "Exists", "values": ["b"]},
                "",
                "operator Exists takes no values; leave them out",
            ),
            (
                "of an unknown key",
                {"key": "a", "operator": "Exists", "value": "b"},
                ".value",
                "unknown key; did you mean values? known are key, operator, values",
            ),
        )
    ),
]

LOCALITIES = [
    Wrong(
        "failover from a region that no cluster is in",
        failover(("north", "west")),
        {f"{LOCALITY}.failover[0].from": "no cluster of the mesh is in the region 'north'; known are west, east"},
    ),
    Wrong(
        "failover to a region that no cluster is in",
        failover(("west", "east"), ("east", "north")),
        {f"{LOCALITY}.failover[1].to": "no cluster of the mesh is in the region 'north'"},
    ),
    Wrong(
        "failover where clusters have no region",
        {f"{LOCALITY}.failover": [{"from": "west", "to": "east"}]},
        {
            f"{LOCALITY}.failover[0].from": "in the region 'west'; known are none",
            f"{LOCALITY}.failover[0].to": "in the region 'east'; known are none",
        },
    ),
    Wrong(
        "failover to a region of another mesh",
        failover(
            ("west", "east"),
            **{"meshes.mesh2": {}, "clusters.west.mesh": "mesh1", "clusters.east.mesh": "mesh2"},
        ),
        {f"{LOCALITY}.failover[0].to": "no cluster of the mesh is in the region 'east'; known are west"},
    ),
    Wrong(
        "failover to itself",
        failover(("west", "west")),
        {f"{LOCALITY}.failover[0]": "leads from 'west' to itself; name two different regions"},
    ),
    Wrong(
        "two failovers from one region",
        failover(("west", "east"), ("east", "west"), ("west", "east")),
        {LOCALITY: "failover[2] leads from 'west' as failover[0] does; Istio looks at the first only"},
    ),
    Wrong(
        "failover by zone",
        failover(("west/a", "east")),
        {f"{LOCALITY}.failover[0].from": "'west/a' is not a region alone; failover goes by region, without zones"},
    ),
    Wrong(
        "failover to anywhere",
        failover(("west", "*")),
        {f"{LOCALITY}.failover[0].to": "'*' is not a region alone"},
    ),
    Wrong(
        "failover to nowhere",
        failover(("west", "")),
        {f"{LOCALITY}.failover[0].to": "'' is not a region; name it as the `region` of a cluster does"},
    ),
    Wrong(
        "failover without a way",
        {f"{LOCALITY}.failover": [{"from": "west"}]},
        {f"{LOCALITY}.failover[0].to": "missing; required"},
    ),
    Wrong(
        "failover that is a mapping",
        {f"{LOCALITY}.failover": {"west": "east"}},
        {f"{LOCALITY}.failover": "must be a list, got {west: 'east'}"},
    ),
    Wrong(
        "unknown key of a failover",
        {f"{LOCALITY}.failover": [{"from": "west", "to": "east", "weight": 3}]},
        {f"{LOCALITY}.failover[0].weight": "unknown key; known are from, to"},
    ),
    Wrong(
        "an endpoint that is never left out",
        {f"{LOCALITY}.outlierDetection": {"consecutiveGatewayErrors": 0, "maxEjectionPercent": 0}},
        {
            f"{LOCALITY}.outlierDetection.consecutiveGatewayErrors": "0: input should be greater than or equal to 1",
            f"{LOCALITY}.outlierDetection.maxEjectionPercent": "0: input should be greater than or equal to 1",
        },
    ),
    Wrong(
        "an interval in Istio's words",
        {f"{LOCALITY}.outlierDetection": {"intervalSeconds": "10s"}},
        {f"{LOCALITY}.outlierDetection.intervalSeconds": "must be an integer, got '10s'"},
    ),
]

TELEMETRY = [
    Wrong(
        "access log that is a truth",
        {f"{SETTINGS}.accessLog": True},
        {f"{SETTINGS}.accessLog": "must be a map of keys to values, got true"},
    ),
    Wrong(
        "unknown encoding of the access log",
        {f"{SETTINGS}.accessLog": {"encoding": "yaml"}},
        {f"{SETTINGS}.accessLog.encoding": "must be 'text' or 'json', got 'yaml'"},
    ),
    Wrong(
        "format of the access log that is no JSON",
        {f"{SETTINGS}.accessLog": {"encoding": "json", "format": "%PROTOCOL%"}},
        {f"{SETTINGS}.accessLog": "format is not a JSON object; with encoding json write it as"},
    ),
    Wrong(
        "format of the access log that is a JSON list",
        {f"{SETTINGS}.accessLog": {"encoding": "json", "format": '["%PROTOCOL%"]'}},
        {f"{SETTINGS}.accessLog": "format is not a JSON object"},
    ),
    Wrong(
        "format of the access log as a mapping",
        {f"{SETTINGS}.accessLog": {"encoding": "json", "format": {"code": "%RESPONSE_CODE%"}}},
        {f"{SETTINGS}.accessLog.format": "must be a string, got {code: '%RESPONSE_CODE%'}"},
    ),
    Wrong(
        "tracing without a collector",
        {f"{SETTINGS}.tracing": {"samplingPercentage": 5}},
        {f"{SETTINGS}.tracing": f"names no collector; {ONE_COLLECTOR}"},
    ),
    Wrong(
        "tracing with two collectors",
        {f"{SETTINGS}.tracing": {"zipkin": COLLECTOR, "opentelemetry": COLLECTOR}},
        {f"{SETTINGS}.tracing": f"names two collectors; {ONE_COLLECTOR}"},
    ),
    Wrong(
        "more than all requests",
        {f"{SETTINGS}.tracing": {"samplingPercentage": 100.5, "zipkin": COLLECTOR}},
        {f"{SETTINGS}.tracing.samplingPercentage": "100.5: input should be less than or equal to 100"},
    ),
    Wrong(
        "sampling with a sign",
        {f"{SETTINGS}.tracing": {"samplingPercentage": "5%", "zipkin": COLLECTOR}},
        {f"{SETTINGS}.tracing.samplingPercentage": "must be a number, got '5%'"},
    ),
    Wrong(
        "collector without a port",
        {f"{SETTINGS}.tracing": {"opentelemetry": {"service": COLLECTOR["service"]}}},
        {f"{SETTINGS}.tracing.opentelemetry.port": "missing; required"},
    ),
    *(
        Wrong(
            f"collector by {what}",
            {f"{SETTINGS}.tracing": {"zipkin": {"service": service, "port": 9411}}},
            {f"{SETTINGS}.tracing.zipkin.service": f"{service!r} is not the full name of a Service; write it as"},
        )
        for what, service in (
            ("a short name", "zipkin"),
            ("an address", "10.0.0.7"),
            ("a URL", "http://zipkin.observability.svc.cluster.local"),
            ("name and port", "zipkin.observability.svc.cluster.local:9411"),
            ("a namespace alone", "observability/zipkin"),
            ("nothing", ""),
        )
    ),
]

MESH_SETTINGS = [*OF_A_MESH, *SERVICES, *SELECTORS, *LOCALITIES, *TELEMETRY]
