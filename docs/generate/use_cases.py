"""docs/use-cases.md: what several clusters are good for, each as an example stack."""

from __future__ import annotations

from pathlib import Path

from docs.generate.models import first_comment
from meshfleet.sources import load
from meshfleet.topology import Fleet, read_stack_file

# The example stacks in the order of the page, with what there is to know of each.
ORDER: dict[str, str] = {
    "load-balancing": """\
Nothing has to be said for it: istiod of each cluster reads both, so that one Service has the pods of both behind it.
From either cluster `catalog` answers out of the pod beside the caller as often as out of the other cluster, through
that one's east-west gateway. `prices` has pods in `east` alone and is called by the same name from both.""",
    "canary": """\
Both control planes get the same routes (VirtualService `cart`) and subsets (DestinationRule `cart`), so that it does
not matter where a request starts. To let the new version have more, change the weights and run `up`: nothing else
changes. At 0 and 100 the old one can be taken out.""",
    "disaster-recovery": """\
A pod that ends takes its endpoint along, and istiods tell every proxy. A region that is lost as a whole notifies
no proxy: proxies detect it by `outlierDetection`. Here one failed request is enough, which suits pods that
are alone in their region; the defaults are milder ([locality](mesh-settings.md#locality)). A request that cannot
connect is tried twice more, the last time in the next region: so no caller notices when the proxies, from time to
time, try whether the lost one is back. What is lost are requests that were under way in the region in that very moment;
whether those may be sent again only the program knows that sent them.

`meshfleet up` brings a lost cluster back, and its requests with it. Where a Deployment was scaled by hand, it is
`meshfleet up --refresh` that sees it.

Programs that are killed take their connections along. A region that is cut off says nothing at all: a proxy gives up
a new connection after a second, and tries elsewhere. On one that is there already it waits as long as the caller does.
Give the callers a timeout. How many requests either loss costs is among the [benchmarks](../README.md#benchmarks).

One failed request being enough, a caller that asks while the fleet still comes up may find every region left out, for
the ten seconds of `baseEjectionSeconds`. `meshfleet verify` asks until that is over.""",
    "low-latency": """\
`web` in each cluster gets its `search` from beside it. Its `images` come to `paris` from `london`, in the same region
and on the same network, without a gateway; only if none were left there would `tokyo` be asked. The locality of a pod
is that of its node, which is the region and the zone of its cluster.""",
    "dev-prod": """\
`cart.shop.svc.cluster.local` is a name in both meshes, and means the pods of its own in each. Neither istiod reads the
other's cluster, so it knows no endpoint there; and a proxy that was led to the other's gateway all the same would be
refused, since each mesh trusts its own root only. [Two meshes](models.md#two-meshes) has more of it.""",
    "local-services": """\
`metrics` has pods in both clusters, and a caller gets those of its own cluster alone. `catalog` is shared by the
clusters, as every Service is without a setting, but only with callers in its own namespace, and the gateways between
the networks ([`exportTo`](workloads.md#who-may-call-it)). A namespace without the label `istio-discovery: enabled` is
unknown to both istiods, unless the fleet created it: its Services are in no proxy, which keeps proxies small where a
cluster has much that is not of the mesh. The sidecars answer DNS queries, so that a Service has its name in both
clusters, even if it is in one of them alone. The rules are in
[settings of a mesh](mesh-settings.md#services-that-stay-in-their-cluster).""",
    "data-processing": """\
Who calls is told by the certificate of its proxy, `spiffe://cluster.local/ns/analytics/sa/processing`, which the
gateway between the networks passes on unopened. `storage` answers anybody else with 403, its neighbours included, and
plain text not at all. The Service `storage` is in both clusters, its pods in one.""",
}

# What to look for in the answers of `meshfleet verify`, and what it says. `…` stands for what chance decides.
SEEN: dict[str, tuple[str, str]] = {
    "load-balancing": (
        "traffic-reach",
        """\
✓ east  traffic-reach  catalog.shop.svc.cluster.local: east …, west …; prices.shop.svc.cluster.local: east 200
✓ west  traffic-reach  catalog.shop.svc.cluster.local: east …, west …; prices.shop.svc.cluster.local: east 200""",
    ),
    "canary": (
        "traffic-reach",
        """\
✓ east  traffic-reach  web.shop.svc.cluster.local: east …, west …
✓ west  traffic-reach  web.shop.svc.cluster.local: east …, west …""",
    ),
    "disaster-recovery": (
        "traffic-reach",
        """\
✓ central  traffic-reach  orders.shop.svc.cluster.local: central 200; web.shop.svc.cluster.local: central 200
✓ north  traffic-reach  orders.shop.svc.cluster.local: north 200; web.shop.svc.cluster.local: north 200
✓ south  traffic-reach  orders.shop.svc.cluster.local: south 200; web.shop.svc.cluster.local: south 200""",
    ),
    "low-latency": (
        "traffic-reach",
        """\
✓ london  traffic-reach  images…: london 200; search…: london 200; web…: london 200
✓ paris  traffic-reach  images…: london 200; search…: paris 200; web…: paris 200
✓ tokyo  traffic-reach  images…: tokyo 200; search…: tokyo 200; web…: tokyo 200""",
    ),
    "dev-prod": (
        "traffic-(reach|plaintext)",
        """\
✓ development  traffic-reach  cart.shop.svc.cluster.local: development 200
✓ production  traffic-plaintext  cart-v1-… without TLS: 10 times no response (…)
✓ production  traffic-reach  cart.shop.svc.cluster.local: production 200""",
    ),
    "local-services": (
        "traffic-reach",
        """\
✓ east  traffic-reach  catalog.shop…: east …, west …; metrics.monitoring.svc.cluster.local: east 200
✓ west  traffic-reach  catalog.shop…: east …, west …; metrics.monitoring.svc.cluster.local: west 200""",
    ),
    "data-processing": (
        "traffic-(reach|refused)",
        """\
✓ compute  traffic-reach  …storage.records.svc.cluster.local: data 200
✓ compute  traffic-refused  …storage.records.svc.cluster.local to analytics/reports: 10 times 403 (RBAC: access denied)
…""",
    ),
}

# What the tests of each use case show beyond that, on a fleet that runs.
PROVED: dict[str, str] = {
    "load-balancing": """\
that of 200 requests from each cluster none is lost and either cluster answers between 72 and 128; that who answers
sees the SPIFFE identity of the caller; that `prices` is reached from both; that between the networks there is TLS to
port 15443 of the gateways and nothing else, and that `traffic-wire` fails when plain text is sent there, or
anything to an address that is no gateway's.""",
    "canary": """\
that of 400 requests from either cluster 10 to 70 go to the canary (40 are meant; one run in a million is outside), and
of those with the header all; that a request loses nothing while weights are changed by `up`.""",
    "disaster-recovery": """\
that 200 of 200 requests stay in each region; that with a client that asks 50 times a second all the while, `orders` of
`north` scaled to nothing goes to `central`, then to `south`, and returns; and the same when every process of `central`
is killed: its API server, istiod, node, pods and gateway. It passes only if no request fails that is due more than
five seconds after the loss, not while proxies try the region again, nor when it comes back. On two cores, of 3,342
requests over 67 seconds 4 failed, all within 0.1 s, and the longest time without a good answer was 0.14 s. Without
the try in another region it was 100, and 1.04 s.""",
    "low-latency": """\
that of 200 requests all are answered in the caller's own zone; that `images` come to `paris` from `london` alone and
that no connection between the networks is used for them; that with none left there `tokyo` answers, and that the
nearest does again once it is back.""",
    "dev-prod": """\
that the name leads to the caller's own mesh, by 200 of 200 requests; that a proxy that is led to the gateway of the
other mesh, with its own certificate and the right name, gets 503, while the same way into its own mesh is open; that
it is the certificate, which the pod behind that gateway refuses as of an unknown authority; that pods of the other mesh
cannot be reached by their addresses; that `production` refuses plain text and `development`, which does not ask for
mutual TLS, takes it.""",
    "local-services": """\
that of 200 requests to `metrics` from either cluster its own answers all, while `catalog` is answered by both; that
`catalog` is in no proxy of `monitoring`; that a Service of a namespace without the label is in no proxy, comes with the
label and goes with it, while `catalog` and `metrics` go on; that a DNS query of a pod gets the address of the Service
in its own cluster, for a Service of the other cluster alone the address there, for one that is not exported to it none,
and for a headless Service the addresses of the pods on its own network; and that `verify` names the istiod whose mesh
configuration was changed by hand, whose callers are answered by both clusters then.""",
    "data-processing": """\
that `storage` answers 200 of 200 requests of `processing` out of the other cluster and each of `reports`, and of its
own pods, with 403; that a caller without a certificate gets no response; that both change places when the stack file
names the other.""",
}

OPENING = """\
<!-- Made by `python -m docs.generate` from stacks/examples/ and the texts in docs/generate/use_cases.py. -->
# Use cases

What meshes over several clusters are good for, each as a stack of its own in `stacks/examples/`. They declare
[workloads](workloads.md) of Istio's echo server, which answers with the cluster and the version that was
asked. With `pods: processes` pods, proxies and gateways are processes on your machine, as root, and requests really go
through them; without root the same stacks come up with simulated pods. `meshfleet verify` sends 200 requests from each
cluster to each workload and says who answered; where `…` stands it is chance. Bring one up with its name:

<!-- not run: a fleet of its own, as every stack here -->
```bash
./scripts/up examples/load-balancing
```
"""

SECTION = """\
## {heading}

{comment}

```yaml
{content}
```

{workloads}

{text}

<!-- run: fleet examples/{name} -->
```bash
meshfleet verify --stack examples/{name} 2>&1 | grep -E ' {looked_for} ' | sort
```

<!-- prints -->
```text
{seen}
```

`tests/integration/use_cases/test_use_case_{module}.py` proves by real requests {proved}
"""


def page(root: Path) -> str:
    """The whole page; `root` is the checkout, whose example stacks are told."""
    return "\n".join([OPENING, *(_section(root, name) for name in ORDER)])


def heading(name: str) -> str:
    """The heading of an example: `Load balancing` of load-balancing."""
    return name.replace("-", " ").capitalize()


def _section(root: Path, name: str) -> str:
    file = read_stack_file(root / "stacks", f"examples/{name}")
    text = file.path.read_text(encoding="utf-8")
    lines = text.splitlines()
    return SECTION.format(
        heading=heading(name),
        comment=first_comment(text),
        content="\n".join(line for line in lines if not line.startswith("#")),
        workloads=_table(load(file.stack, file.config)),
        text=ORDER[name],
        name=name,
        looked_for=SEEN[name][0],
        seen=SEEN[name][1],
        module=name.replace("-", "_"),
        proved=PROVED[name],
    )


def _table(fleet: Fleet) -> str:
    """Which version runs where: a row for each, a column for each cluster."""
    lines = [
        f"| workload | version | {' | '.join(f'`{cluster}`' for cluster in fleet.clusters)} |",
        f"|---|---|{'---|' * len(fleet.clusters)}",
    ]
    for name, workload in fleet.workloads.items():
        for version in workload.versions:
            pods = [_pods(fleet, name, version, cluster) for cluster in fleet.clusters]
            lines.append(f"| `{name}` | `{version}` | {' | '.join(pods)} |")
    return "\n".join(lines)


def _pods(fleet: Fleet, name: str, version: str, cluster: str) -> str:
    declared = fleet.versions_in(name, cluster).get(version)
    if declared is None:
        return "-"
    return "1 pod" if declared.replicas == 1 else f"{declared.replicas} pods"
