"""docs/models.md: the deployment models, from the example stacks: what is installed where, and in which order."""

from __future__ import annotations

from pathlib import Path

from meshfleet.manifests import Document, Release, Stage, cluster_plan
from meshfleet.sources import load
from meshfleet.topology import Fleet, read_stack_file

EDITOR = "# yaml-language-server:"
"""How the line of a stack file begins that names its JSON schema to editors."""
# The example stacks in the order of the page, with the order of things in each: who waits for whom, and why.
ORDER: dict[str, str] = {
    "single-cluster": """\
Nothing waits for another cluster, since there is none. The mesh's root signs the intermediate; `cacerts` waits for that
and for the namespace; istiod starts once `cacerts` and the two releases are there, and the declared namespaces follow
when it responds, so that their first pod is injected.""",
    "multi-primary-one-network": """\
Both clusters come up side by side, each as a single cluster would. Once a cluster has the releases that hold the
reader's account and its rights, it makes a token for it; the one Secret of remote secrets in each cluster waits for the
other's token, and that is all they wait for in each other. Pods reach each other directly, so there is no gateway.""",
    "multi-primary": """\
As on one network, and each cluster has an east-west gateway, which comes when its istiod responds: the injection
webhook makes the gateway's pods. No resource waits for its address. The istiods find it at the Service, in the other
cluster through the remote secret.""",
    "primary-remote-one-network": """\
`primary` comes up by itself, with a gateway that leads to its istiod and nowhere else: a gateway without a network, a
Gateway that passes TLS through, and a route by the name that is asked for. The gateway's address goes into the releases
of `branch`. These hold the reader's account, whose token goes into the remote secrets of `primary`. Only when it has
those does the istiod of `primary` write its authority into the webhook of `branch` and the root certificate into its
namespaces. `branch` waits for both (`served`), and so do its declared namespaces.""",
    "primary-remote": """\
As on one network, and both clusters have a gateway into their networks. That of `primary` also leads to its istiod.
That of `branch` comes when `branch` is served, since the istiod of `primary` injects its pods. The Gateway that opens
both networks is in `primary` alone: that is where their istiod reads its configuration.""",
    "external-control-plane": """\
`operations` comes up by itself, in a mesh of its own, with a gateway that leads to the istiods in it. Its address goes
into the releases of `config`, which hold Istio's configuration and the account of the istiod to come. A token of that
account goes back to `operations` as the Secret `istio-kubeconfig`, beside `cacerts` with an intermediate of the mesh
`shop`; then the istiod of `config` starts in `operations`, in a namespace that is called the same everywhere. From
there on `config` is a primary like any other: `depot` and `branch` are its remotes, and the remote secrets are in
`config`.""",
    "mixed": """\
`west` and `east` come up side by side as in multi-primary. Each branch waits for the address of its own primary's
gateway, and is served when that primary has its remote secrets, which hold the tokens of the three other clusters.
There, and nowhere else, `west-branch` waits for `east`. A branch has no remote secrets, as it discovers no cluster.""",
    "hub-and-spoke": """\
Each cluster comes up as in multi-primary. Tokens are made where they are used: in the edges, whose `discovery.readBy`
names `central`. The one Secret of remote secrets is in `central` and waits for both tokens; the edges wait for nothing
in another cluster. Requests of `central` to `echo` are answered in all three clusters, those of an edge in that edge
alone. The direction is of discovery: it decides which endpoints proxies know. Who may call whom is
[`allowedCallers`](workloads.md), trust is that of the whole mesh, and each cluster has its gateway, `central` too,
into which no cluster sends requests. Without the `readBy` of `central` the edges would discover it, but not each
other. The primary of a remote cluster always discovers it; a `readBy` that leaves it out is refused.""",
    "ambient": """\
The definitions of the Gateway API come first, and istiod after base as elsewhere. CNI, ztunnel, the gateway and the
waypoint wait for its answer; istiod makes the pods and the Service of the gateway from its Gateway object, with the
options beside it. What crosses the clusters is the readers' tokens, as in multi-primary. Nothing really runs in the
simulated pods, so ztunnel is not proved: how far it is, [proof.md](proof.md) says.""",
    "two-meshes": """\
Nothing in one mesh waits for anything in the other: each has its own root, remote secrets and gateways, and neither is
told of the other.""",
}
# Drawn for another page already.
PICTURES_ELSEWHERE = {"two-meshes": "two-meshes.svg"}

OPENING = """\
<!-- Made by `python -m docs.generate` from stacks/examples/ and meshfleet/manifests/; a test compares it with them. -->
# Deployment models

Istio's [deployment models](https://istio.io/latest/docs/ops/deployment/deployment-models/) are not chosen from a list
here. Each cluster says on which network its pods are and where its control plane is (`own`, `{remote: PRIMARY}` or
`{external: HOSTING CLUSTER}`), and the model follows, mixes included. `meshfleet validate` reports it:

<!-- run -->
```bash
meshfleet validate --stack examples/mixed
```

<!-- prints -->
```text
examples/mixed is valid: 4 clusters
  mesh: multi-primary, primary-remote, several networks (west, west-branch, east, east-branch)
```

Discovery has a direction: `discovery.readBy` of a cluster names the control planes that read it, all of its mesh when
left out. Where one of them reads less than its whole mesh the model is called `restricted discovery`, and `validate`
reports what each one discovers ([hub-and-spoke](#hub-and-spoke)). Remote secrets, reader tokens and what
`verify` expects follow from it. A change of `readBy` is applied by `up` in place.

Each stack below is a file in `stacks/examples/`; `./scripts/up examples/mixed` brings one up on this machine and
verifies it. As root those with sidecars carry traffic: `verify` sends requests from a pod of each cluster to the
workload `echo`, which every cluster that it discovers has to answer, over mutual TLS alone. What goes together and
what does not is in [the stack file](stack-file.md#what-is-refused).

A cluster that another one's control plane serves has no istiod, and its pods need none: their Service `istiod` leads to
the gateway of the cluster that runs it, from which they get configuration and certificates. Istio's objects are read
where the control plane is, so that what `primary` demands of the mesh holds for the pods of `branch` too.
"""

SECTION = """\
## {name}

{comment}

![{caption}]({picture})

{models}

{table}

{order}
"""


def page(root: Path) -> str:
    """The whole page; `root` is the checkout, whose example stacks are told."""
    return "\n".join([OPENING, *(_section(root, name) for name in ORDER)])


def pictures() -> dict[str, str]:
    """File name in docs/ to example stack, of the pictures that only this page shows."""
    return {_picture(name): f"examples/{name}" for name in ORDER if name not in PICTURES_ELSEWHERE}


def _picture(name: str) -> str:
    return PICTURES_ELSEWHERE.get(name, f"models/{name}.svg")


def _section(root: Path, name: str) -> str:
    file = read_stack_file(root / "stacks", f"examples/{name}")
    fleet = load(file.stack, file.config)
    return SECTION.format(
        name=name,
        comment=first_comment(file.path.read_text(encoding="utf-8")),
        caption=f"The fleet {name}: {', '.join(fleet.clusters)}",
        picture=_picture(name),
        models="\n".join(
            f"Mesh `{mesh}`: **{fleet.model_of(mesh)}** ({', '.join(f'`{one}`' for one in fleet.members_of(mesh))}).  "
            for mesh in fleet.meshes
        ).rstrip(),
        table=table(fleet),
        order=ORDER[name],
    )


def first_comment(text: str) -> str:
    """The comment that a stack file begins with, as one paragraph."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if line.startswith(EDITOR):
            continue
        lines.append(line.lstrip("# "))
    return "\n".join(lines)


def table(fleet: Fleet) -> str:
    """What each cluster gets at each stage: a row for each stage, a column for each cluster."""
    plans = {cluster: cluster_plan(fleet, cluster) for cluster in fleet.clusters}
    lines = [f"| stage | {' | '.join(f'`{cluster}`' for cluster in plans)} |", f"|---|{'---|' * len(plans)}"]
    for stage in Stage:
        cells = [[told(document) for document in plan if document.stage == stage] for plan in plans.values()]
        lines.append(f"| {stage.replace('-', ' ')} | {' | '.join('<br>'.join(cell) or '-' for cell in cells)} |")
    return "\n".join(lines)


def told(document: Document) -> str:
    """A document in a few words: its kind, its name, and the namespace it is in."""
    body = document.body
    if isinstance(body, Release):
        profile = f", profile {body.values['profile']}," if "profile" in body.values else ""
        return f"release `{body.name}` of chart {body.chart}{profile} in `{body.namespace}`"
    metadata = body["metadata"]
    where = f" in `{metadata['namespace']}`" if "namespace" in metadata else ""
    return f"{body['kind']} `{metadata['name']}`{where}"
