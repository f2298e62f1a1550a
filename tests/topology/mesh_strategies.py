"""What is declared of a mesh: its trust and its settings."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from meshfleet.topology.names import COMMON_NAME_LENGTH
from tests.topology.name_strategies import Config, optional


@cache
def validities(shortest: int, longest: int) -> st.SearchStrategy[Config]:
    """How long a certificate holds, in days."""
    return st.integers(shortest, longest).flatmap(
        lambda days: st.fixed_dictionaries({"validityDays": st.just(days), "renewBeforeDays": st.integers(1, days - 1)})
    )


@cache
@st.composite
def roots(draw: st.DrawFn) -> Config:
    """The roots of a mesh, whose names leave room for that of the mesh."""
    found = draw(st.lists(st.sampled_from(["first", "a", "b2", "n"]), min_size=1, max_size=2, unique=True))
    return {"roots": found} | draw(optional(signing=st.sampled_from(found)))


def meshes(name: str = "") -> st.SearchStrategy[Config]:
    """The settings of a mesh."""
    return _meshes(named_roots=len(name) <= COMMON_NAME_LENGTH - len("Root CA b2 of "))


@cache
def _meshes(named_roots: bool) -> st.SearchStrategy[Config]:
    trust = optional(
        algorithm=st.sampled_from(["ecdsa-p256", "rsa-4096"]),
        organization=st.text("Ab é,.=+", min_size=1, max_size=64),
        root=validities(730, 36500),
        intermediate=validities(2, 730),
    )
    if named_roots:
        trust = st.builds(dict.__or__, trust, st.just({}) | roots())
    domains = st.sampled_from(["cluster.local", "mesh.example", "a"])
    return optional(trustDomain=domains, trust=trust, settings=mesh_settings())


@cache
def mesh_settings() -> st.SearchStrategy[Config]:
    """What holds in a whole mesh; a failover depends on the regions of its clusters and is added by `fleets`."""
    collector = st.fixed_dictionaries(
        {
            "service": st.sampled_from(["otel.tools.svc.cluster.local", "tools/otel.example"]),
            "port": st.integers(1, 65535),
        }
    )
    tracing = st.builds(
        lambda kind, service, sampling: {kind: service, **sampling},
        st.sampled_from(["opentelemetry", "zipkin"]),
        collector,
        optional(samplingPercentage=st.sampled_from([0, 1, 12.5, 100])),
    )
    text = optional(enabled=st.booleans(), encoding=st.just("text"), format=st.sampled_from(["", "%PROTOCOL%"]))
    json_log = st.fixed_dictionaries(
        {"encoding": st.just("json")}, optional={"format": st.just('{"code": "%RESPONSE_CODE%"}')}
    )
    detection = optional(consecutiveGatewayErrors=st.integers(1, 9), maxEjectionPercent=st.integers(1, 100))
    return optional(
        mtls=st.sampled_from(["strict", "permissive"]),
        outboundTrafficPolicy=st.sampled_from(["allow-any", "registry-only"]),
        locality=optional(outlierDetection=detection),
        accessLog=text | json_log,
        tracing=tracing,
        clusterLocal=st.lists(
            st.sampled_from(["cart.shop.svc.cluster.local", "*.a.svc.cluster.local", "*.svc.cluster.local"]), min_size=1
        ),
        discoverySelectors=st.lists(discovery_selectors(), min_size=1, max_size=2),
        dnsCapture=st.booleans(),
    )


@cache
def discovery_selectors() -> st.SearchStrategy[Config]:
    """What selects namespaces by their labels."""
    by_value = st.fixed_dictionaries(
        {"key": st.just("team"), "operator": st.sampled_from(["In", "NotIn"]), "values": st.just(["a", "b"])}
    )
    by_key = st.fixed_dictionaries(
        {"key": st.just("example.com/team"), "operator": st.sampled_from(["Exists", "DoesNotExist"])}
    )
    labels = st.fixed_dictionaries({"matchLabels": st.dictionaries(st.sampled_from("ab"), st.just("c"), min_size=1)})
    return labels | st.fixed_dictionaries({"matchExpressions": st.lists(by_value | by_key, min_size=1, max_size=2)})
