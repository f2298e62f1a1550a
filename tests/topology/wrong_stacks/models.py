"""Control planes and data planes that do not go together: who serves whom, across which meshes, from which machine."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Config, Wrong, existing, on_one_network

DEPLOYMENT = "https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models"
EXTERNAL = "https://istio.io/latest/docs/setup/install/external-controlplane/"
AMBIENT = "https://istio.io/latest/docs/ambient/install/multicluster/"

TWO_MESHES = {"meshes.mesh2": {}, "clusters.west.mesh": "mesh1", "clusters.east.mesh": "mesh2"}
REMOTE = {"clusters.east.controlPlane": {"remote": "west"}}
AMBIENT_FLEET = {"clusters.west.dataPlane": "ambient", "clusters.east.dataPlane": "ambient"}


def cluster(name: str, mesh: str, **fields: object) -> Config:
    """An embedded cluster on the network `network-<name>`."""
    return {"embedded": {}, "mesh": mesh, "network": f"network-{name}", **fields}


def hosted(**more: Config) -> dict[str, object]:
    """Changes to the fleet of `operations`, which hosts the control plane of `config` in the mesh `shop`."""
    clusters = {
        "operations": cluster("operations", "operations"),
        "config": cluster("config", "shop", controlPlane={"external": "operations"}),
        **more,
    }
    meshes = dict.fromkeys(str(declared["mesh"]) for declared in clusters.values())
    return {
        "host": "operations",
        "meshes": {mesh: {} for mesh in meshes},
        "networks": {f"network-{name}": {} for name in clusters},
        "clusters": clusters,
    }


NOBODY = [
    Wrong(
        "unknown primary",
        {"clusters.east.controlPlane": {"remote": "north"}},
        {"clusters.east.controlPlane.remote": "no cluster is named 'north'; known are west, east"},
    ),
    Wrong(
        "unknown host of a control plane",
        {**TWO_MESHES, "clusters.east.controlPlane": {"external": "north"}},
        {"clusters.east.controlPlane.external": "no cluster is named 'north'; known are west, east"},
    ),
    Wrong(
        "remote of nobody",
        {"clusters.east.controlPlane": {"remote": ""}},
        {"clusters.east.controlPlane": "{remote: ''} is not a control plane"},
    ),
    Wrong(
        "remote without a primary's name",
        {"clusters.east.controlPlane": "remote"},
        {"clusters.east.controlPlane": "'remote' is not a control plane"},
    ),
    Wrong(
        "remote of itself",
        {"clusters.east.controlPlane": {"remote": "east"}},
        {"clusters.east.controlPlane.remote": "'east' cannot be served by itself; use own"},
    ),
    Wrong(
        "external control plane hosted by the cluster itself",
        {**TWO_MESHES, "clusters.east.controlPlane": {"external": "east"}},
        {"clusters.east.controlPlane.external": "'east' cannot be served by itself; use own"},
    ),
    Wrong(
        "remote of a cluster that cannot be read",
        {**REMOTE, "clusters.west.dataPlane": "mainframe"},
        {"clusters.west.dataPlane": "got 'mainframe'"},
    ),
    Wrong(
        "external control plane of a host that cannot be read",
        {**hosted(), "clusters.operations.region": 3},
        {"clusters.operations.region": "must be a string, got 3"},
    ),
]

REMOTES = [
    Wrong(
        "remotes of each other",
        {**REMOTE, "clusters.west.controlPlane": {"remote": "east"}},
        {
            "clusters.east.controlPlane.remote": "'west' is itself remote and runs no control plane",
            "clusters.west.controlPlane.remote": "'east' is itself remote and runs no control plane",
        },
        links=(DEPLOYMENT,),
    ),
    Wrong(
        "remote of a remote",
        {
            **REMOTE,
            "networks.network-north": {},
            "clusters.north": cluster("north", "mesh1", controlPlane={"remote": "east"}),
        },
        {"clusters.north.controlPlane.remote": "'east' is itself remote and runs no control plane"},
        links=(DEPLOYMENT,),
    ),
    Wrong(
        "remote of a cluster that an external control plane's cluster serves",
        hosted(
            branch=cluster("branch", "shop", controlPlane={"remote": "config"}),
            kiosk=cluster("kiosk", "shop", controlPlane={"remote": "branch"}),
        ),
        {"clusters.kiosk.controlPlane.remote": "'branch' is itself remote"},
        links=(DEPLOYMENT,),
    ),
    Wrong(
        "remote of another mesh",
        {**TWO_MESHES, **REMOTE},
        {"clusters.east.controlPlane.remote": "'west' belongs to the mesh 'mesh1' and 'east' to 'mesh2'"},
        links=(DEPLOYMENT,),
    ),
    Wrong(
        "remote of the host of its mesh's control plane",
        hosted(branch=cluster("branch", "shop", controlPlane={"remote": "operations"})),
        {
            "clusters.branch.controlPlane.remote": "'operations' belongs to the mesh 'operations' and",
        },
        links=(DEPLOYMENT,),
    ),
    Wrong(
        "remote of a mesh that is not named",
        {"meshes.mesh2": {}, "clusters.west.mesh": "mesh2", **REMOTE},
        {"clusters.east.mesh": "missing; the fleet has several meshes"},
    ),
    Wrong(
        "pods of a primary and of its remote overlap on one network",
        {
            **on_one_network(podCidr="10.10.128.0/17", controlPlane={"remote": "west"}),
            "clusters.west.podCidr": "10.10.0.0/16",
        },
        {"clusters.east.podCidr": "10.10.128.0/17 overlaps 10.10.0.0/16 of 'west' on the same network"},
    ),
]

EXTERNALS = [
    Wrong(
        "external control plane hosted in its own mesh",
        {"clusters.east.controlPlane": {"external": "west"}},
        {"clusters.east.controlPlane.external": "'west' belongs to the mesh 'mesh1' that it would serve"},
        links=(EXTERNAL,),
    ),
    Wrong(
        "external control plane hosted by a remote",
        hosted(
            annex=cluster("annex", "operations", controlPlane={"remote": "operations"}),
            bank=cluster("bank", "bank", controlPlane={"external": "annex"}),
        ),
        {"clusters.bank.controlPlane.external": "'annex' is itself remote; the cluster that hosts"},
        links=(EXTERNAL,),
    ),
    Wrong(
        "external control plane hosted by a cluster whose own is external",
        hosted(bank=cluster("bank", "bank", controlPlane={"external": "config"})),
        {"clusters.bank.controlPlane.external": "'config' is itself external; the cluster that hosts"},
        links=(EXTERNAL,),
    ),
    Wrong(
        "external control planes hosted by each other",
        {
            **TWO_MESHES,
            "clusters.west.controlPlane": {"external": "east"},
            "clusters.east.controlPlane": {"external": "west"},
        },
        {
            "clusters.east.controlPlane.external": "'west' is itself external",
            "clusters.west.controlPlane.external": "'east' is itself external",
        },
        links=(EXTERNAL,),
    ),
    Wrong(
        "external control plane beside another one's own",
        hosted(second=cluster("second", "shop")),
        {"clusters.config.controlPlane.external": "'second' in the mesh 'shop' has another control plane; an external"},
        links=(EXTERNAL,),
    ),
    Wrong(
        "two external control planes in one mesh",
        hosted(second=cluster("second", "shop", controlPlane={"external": "operations"})),
        {
            "clusters.config.controlPlane.external": "and the others {remote: config}",
            "clusters.second.controlPlane.external": "and the others {remote: second}",
        },
        links=(EXTERNAL,),
    ),
    Wrong(
        "external control plane in its own mesh beside a third one",
        {
            "clusters.east.controlPlane": {"external": "west"},
            "networks.network-north": {},
            "clusters.north": cluster("north", "mesh1"),
        },
        {
            "clusters.east.controlPlane.external": (
                "'north' in the mesh 'mesh1' has another control plane",
                "'west' belongs to the mesh 'mesh1' that it would serve",
            )
        },
        links=(EXTERNAL,),
    ),
    Wrong(
        "network shared with the host of the control plane",
        {
            **hosted(branch=cluster("branch", "shop", controlPlane={"remote": "config"})),
            "clusters.branch.network": "network-operations",
            "networks.network-branch": ABSENT,
        },
        {
            "clusters.branch.network": "'network-operations' serves the mesh 'operations' through 'operations'; meshes",
        },
    ),
    Wrong(
        "network shared by two meshes of one host",
        {
            **hosted(bank=cluster("bank", "bank", controlPlane={"external": "operations"})),
            "clusters.bank.network": "network-config",
            "networks.network-bank": ABSENT,
        },
        {"clusters.bank.network": "'network-config' serves the mesh 'shop' through 'config'; meshes share no network"},
    ),
    Wrong(
        "namespace of an external control plane",
        {**hosted(), "namespaces.istiod-config": {}},
        {"namespaces.istiod-config": "begins with a reserved prefix; reserved are kube-, meshfleet-, istio-, istiod-"},
    ),
]

MACHINES = [
    Wrong(
        "simulated remote of a real primary",
        {"clusters.west": existing("west"), **REMOTE},
        {
            "clusters.east.controlPlane.remote": "the pods of 'east' are simulated and those of 'west' are real",
        },
    ),
    Wrong(
        "real remote of a simulated primary",
        {"clusters.east": existing("east"), **REMOTE},
        {"clusters.east.controlPlane.remote": "the pods of 'west' are simulated and those of 'east' are real"},
    ),
    Wrong(
        "real cluster whose control plane a simulated one hosts",
        {
            **hosted(),
            "clusters.config": existing("config") | {"mesh": "shop", "controlPlane": {"external": "operations"}},
        },
        {"clusters.config.controlPlane.external": "the pods of 'operations' are simulated and those of 'config'"},
    ),
    Wrong(
        "simulated cluster whose control plane a real one hosts",
        {**hosted(), "clusters.operations": existing("operations") | {"mesh": "operations"}},
        {"clusters.config.controlPlane.external": "the pods of 'config' are simulated and those of 'operations'"},
    ),
    Wrong(
        "real remote of a simulated cluster whose control plane is external",
        hosted(branch=existing("branch") | {"mesh": "shop", "controlPlane": {"remote": "config"}}),
        {"clusters.branch.controlPlane.remote": "the pods of 'config' are simulated and those of 'branch' are real"},
    ),
    Wrong(
        "embedded cluster that an istiod in a pod would read",
        {"clusters.east": existing("east")},
        {"clusters.west.embedded": "the istiod of 'east' in the same mesh runs in a pod, which cannot reach it"},
    ),
    Wrong(
        "embedded remote that an istiod in a pod would read",
        {
            **REMOTE,
            "networks.network-north": {},
            "clusters.north": existing("north"),
        },
        {
            "clusters.east.embedded": "the istiod of 'north' in the same mesh runs in a pod",
            "clusters.west.embedded": "the istiod of 'north' in the same mesh runs in a pod",
        },
    ),
]

DATA_PLANES = [
    Wrong(
        "ambient where pods are processes",
        {**AMBIENT_FLEET, "clusters.west.embedded.pods": "processes"},
        {"clusters.west.embedded.pods": "ztunnel is not among the programs that run here"},
    ),
    Wrong(
        "several nodes where pods are processes",
        {"clusters.west.embedded": {"pods": "processes", "nodes": 3}},
        {"clusters.west.embedded": "has 3 nodes; one node runs all pods that are processes"},
    ),
    Wrong(
        "ambient beside sidecars",
        {"clusters.east.dataPlane": "ambient"},
        {"clusters.east.dataPlane": "ambient does not mix with the sidecars of 'west' in the mesh 'mesh1'"},
        links=(AMBIENT,),
    ),
    Wrong(
        "ambient remote of a primary with sidecars",
        {**REMOTE, "clusters.east.dataPlane": "ambient"},
        {
            "clusters.east.dataPlane": (
                "ambient does not mix with the sidecars of 'west'",
                "ambient is not supported where the control plane is remote; use sidecar, or own",
            )
        },
        links=(AMBIENT,),
    ),
    Wrong(
        "ambient remote of an ambient primary",
        {**REMOTE, **AMBIENT_FLEET},
        {"clusters.east.dataPlane": "ambient is not supported where the control plane is remote"},
        links=(AMBIENT,),
    ),
    Wrong(
        "remote with sidecars of an ambient primary",
        {**REMOTE, "clusters.west.dataPlane": "ambient"},
        {"clusters.west.dataPlane": "ambient does not mix with the sidecars of 'east'"},
        links=(AMBIENT,),
    ),
    Wrong(
        "ambient with an external control plane",
        {**hosted(), "clusters.config.dataPlane": "ambient"},
        {"clusters.config.dataPlane": "ambient is not supported where the control plane is external"},
        links=(AMBIENT,),
    ),
    Wrong(
        "external control plane hosted by an ambient cluster",
        {**hosted(), "clusters.operations.dataPlane": "ambient"},
        {"clusters.config.controlPlane.external": "'operations' is ambient, and its gateway takes nothing but HBONE"},
        links=(EXTERNAL,),
    ),
    Wrong(
        "ambient clusters on one network",
        {**on_one_network(), **AMBIENT_FLEET},
        {"clusters.east.network": "'network-west' is also the network of 'west'; several ambient clusters"},
        links=(AMBIENT,),
    ),
    Wrong(
        "ambient with a gateway's port of its own",
        {**AMBIENT_FLEET, "clusters.east.eastWestGateway": {"port": 443}},
        {"clusters.east.eastWestGateway.port": "443 cannot be chosen: ambient clusters"},
        links=(AMBIENT,),
    ),
]

MODELS = [*NOBODY, *REMOTES, *EXTERNALS, *MACHINES, *DATA_PLANES]
