"""docs/use-cases.md: what several clusters are good for, each as an example stack."""

from __future__ import annotations

from pathlib import Path

from docs.generate.models import first_comment
from topology import Fleet, load, read_stack_file

# The example stacks in the order of the page, with what there is to know of each.
ORDER: dict[str, str] = {
    "load-balancing": """\
Nothing has to be said for it: istiod of each cluster reads both, so that one Service has the pods of both behind it.
From either cluster `catalog` answers out of the pod beside the caller as often as out of the other cluster, through
that one's east-west gateway.""",
    "canary": """\
Both control planes get the same routes (VirtualService `cart`) and subsets (DestinationRule `cart`), so that it does
not matter where a request starts. To let the new version have more, change the weights and run `up`: nothing else
changes. At 0 and 100 the old one can be taken out.""",
    "disaster-recovery": """\
A pod that ends takes its endpoint along, and istiods tell every proxy. A region that is lost as a whole tells nobody:
then it is the proxies that find out, by `outlierDetection`. Here one failed request is enough, which suits pods that
are alone in their region; the defaults are milder ([locality](mesh-settings.md#locality)). A request that cannot
connect is tried twice more, as Istio has it by itself, and by then in the next region.""",
    "low-latency": """\
`web` in each cluster gets its `search` from beside it. Its `images` come to `paris` from `london`, in the same region
and on the same network, without a gateway; only if none were left there would `tokyo` be asked. The locality of a pod
is that of its node, which is the region and the zone of its cluster.""",
    "dev-prod": """\
`cart.shop.svc.cluster.local` is a name in both meshes, and means the pods of its own in each. Neither istiod reads the
other's cluster, so it knows no endpoint there; and a proxy that was led there all the same would be refused, since
each mesh trusts its own root only. [Two meshes](models.md#two-meshes) has more of it.""",
    "data-processing": """\
Who calls is told by the certificate of its proxy, `spiffe://cluster.local/ns/analytics/sa/processing`, which the
gateway between the networks passes on unopened. `storage` answers anybody else with 403, its neighbours included, and
plain text not at all. The Service `storage` is in both clusters, its pods in one.""",
}

OPENING = """\
<!-- Made by `python -m docs.generate` from stacks/examples/ and the texts in docs/generate/use_cases.py. -->
# Use cases

What meshes over several clusters are good for, each as a stack of its own in `stacks/examples/`. They declare
[workloads](workloads.md) of Istio's echo server, which answers with the cluster and the version that was
asked. With `pods: processes` pods, proxies and gateways are processes on your machine, as root, and requests really go
through them; without root the same stacks come up with simulated pods. Bring one up with its name:

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
