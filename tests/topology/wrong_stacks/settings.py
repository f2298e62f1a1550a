"""Settings of a mesh, and how its clusters read each other's API servers."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong, existing

SETTINGS = "meshes.mesh1.settings"
LOCALITY = f"{SETTINGS}.locality"
REGIONS = {"clusters.west.region": "west", "clusters.east.region": "east"}
COLLECTOR = {"service": "collector.observability.svc.cluster.local", "port": 4317}
DISCOVERY = "clusters.west.discovery"
SERVER = f"{DISCOVERY}.server"
LOOPBACK = ("127.0.0.1", "127.8.9.10", "localhost", "LOCALHOST.", "api.localhost", "[::1]", "[::ffff:127.0.0.1]")
ONE_COLLECTOR = "give exactly one of opentelemetry, zipkin, each {service: NAME, port: PORT}"


def failover(*ways: tuple[str, str], **more: object) -> dict[str, object]:
    """Changes that give both clusters a region and the mesh a failover."""
    return {**REGIONS, f"{LOCALITY}.failover": [{"from": origin, "to": to} for origin, to in ways], **more}


def elsewhere(server: str) -> dict[str, object]:
    """Changes that give the peers of `west` a server, one of them on nodes of its own."""
    return {"clusters.west": existing("west", pods="simulated"), "clusters.east": existing("east"), SERVER: server}


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

SERVERS = [
    *(
        Wrong(
            f"server that is {what}",
            {SERVER: server},
            {SERVER: f"{server!r} is not an https:// URL; write it as https://api.west.example:6443"},
        )
        for what, server in (
            ("no URL", "api.west.example"),
            ("plain HTTP", "http://api.west.example"),
            ("without a host", "https://:6443"),
            ("of an impossible port", "https://api.west.example:70000"),
            ("of a port that is a word", "https://api.west.example:https"),
            ("of half an address", "https://[fd00::1"),
            ("in two words", "https://api west.example"),
            ("nothing", ""),
        )
    ),
    *(
        Wrong(
            f"server with {what}",
            {SERVER: server},
            {SERVER: "holds a user, a query or a fragment; write https://HOST:PORT alone"},
            ("xyzzy",),
        )
        for what, server in (
            ("a password", "https://admin:xyzzy@api.west.example:6443"),
            ("a query", "https://api.west.example:6443/?key=xyzzy"),
            ("a fragment", "https://api.west.example:6443/#xyzzy"),
        )
    ),
    *(
        Wrong(
            f"loopback server {host} where a peer is elsewhere",
            elsewhere(f"https://{host}:6443"),
            {SERVER: f"'https://{host}:6443' is an address of this machine, and pods of east run elsewhere"},
        )
        for host in (
            "127.0.0.1",
            "127.8.9.10",
            "localhost",
            "LOCALHOST.",
            "api.localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
        )
    ),
    Wrong(
        "name that is none for a certificate",
        {f"{DISCOVERY}.tlsServerName": "https://api"},
        {f"{DISCOVERY}.tlsServerName": "'https://api' is not a DNS name; write a name of the API server's certificate"},
    ),
    Wrong(
        "name of a certificate with a wildcard",
        {f"{DISCOVERY}.tlsServerName": "*.example"},
        {f"{DISCOVERY}.tlsServerName": "'*.example' is not a DNS name"},
    ),
    Wrong(
        "certificate authority with a key in it",
        {f"{DISCOVERY}.certificateAuthority": "-----BEGIN PRIVATE KEY-----\nxyzzy\n-----END PRIVATE KEY-----\n"},
        {f"{DISCOVERY}.certificateAuthority": ("holds a private key", "is more or less than certificates in PEM")},
        ("xyzzy",),
    ),
    Wrong(
        "certificate authority that is cut",
        {f"{DISCOVERY}.certificateAuthority": "-----BEGIN CERTIFICATE-----\nMIIB"},
        {f"{DISCOVERY}.certificateAuthority": "is more or less than certificates in PEM; give the authority's"},
    ),
    Wrong(
        "certificate authority that is blank",
        {f"{DISCOVERY}.certificateAuthority": " "},
        {f"{DISCOVERY}.certificateAuthority": "' ' is neither a path nor PEM"},
    ),
    Wrong(
        "unknown key of discovery",
        {f"{DISCOVERY}.url": "https://api.west.example"},
        {f"{DISCOVERY}.url": "unknown key; known are certificateAuthority, readBy, server, tlsServerName, token"},
    ),
]

TOKENS = [
    Wrong(
        "token of generation zero",
        {f"{DISCOVERY}.token": 0},
        {f"{DISCOVERY}.token": "0: input should be greater than or equal to 1"},
    ),
    Wrong(
        "token and a half",
        {f"{DISCOVERY}.token": 1.5},
        {f"{DISCOVERY}.token": "must be an integer, got 1.5"},
    ),
    Wrong(
        "number of a token in quotes",
        {f"{DISCOVERY}.token": "2"},
        {f"{DISCOVERY}.token": "is a text; give the number of the token, 1 or higher"},
    ),
    Wrong(
        "a token itself for its number",
        {f"{DISCOVERY}.token": "opaque-token-xyzzy"},
        {f"{DISCOVERY}.token": ("holds a credential", "is a text; give the number of the token")},
        ("xyzzy",),
    ),
]

SETTINGS_AND_DISCOVERY = [*OF_A_MESH, *SERVICES, *SELECTORS, *LOCALITIES, *TELEMETRY, *SERVERS, *TOKENS]
