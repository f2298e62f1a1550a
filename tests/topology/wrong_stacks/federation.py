"""The engine of the federation: one without its control plane, and settings of an engine that is not chosen."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong, existing

KARMADA = {"kubeconfig": "karmada.yaml", "context": "karmada"}
PACKAGE = {"repository": "https://charts.example", "name": "karmada", "version": "v1.18.2"}


def installed(**chart: object) -> dict[str, object]:
    """Changes that put a release of a chart on a host that runs pods, in a mesh of its own; with this of the chart."""
    return {
        "meshes": {"mesh1": {}, "hub": {}},
        "clusters.west": existing() | {"mesh": "hub"},
        "clusters.east": existing("east") | {"mesh": "mesh1"},
        "federation": {"engine": "karmada", "karmada": {"chart": {"folder": "charts/karmada"} | chart}},
    }


FEDERATIONS = [
    Wrong(
        "an engine that there is none of",
        {"federation": {"engine": "kubefed"}},
        {"federation.engine": "must be 'direct' or 'karmada'"},
    ),
    Wrong(
        "the engine karmada without a control plane",
        {"federation": {"engine": "karmada"}},
        {"federation": "the engine karmada needs a control plane; give karmada"},
    ),
    Wrong(
        "a control plane of Karmada beside the direct engine",
        {"federation": {"karmada": KARMADA}},
        {"federation": "karmada is of the engine karmada; write engine: karmada, or leave it out"},
    ),
    Wrong(
        "a control plane of Karmada without a context",
        {"federation": {"engine": "karmada", "karmada": {"kubeconfig": "karmada.yaml"}}},
        {"federation.karmada": "kubeconfig needs a context; name the one of Karmada's API server"},
    ),
    Wrong(
        "a kubeconfig of Karmada that is empty",
        {"federation": {"engine": "karmada", "karmada": KARMADA | {"kubeconfig": ""}}},
        {"federation.karmada.kubeconfig": "is empty; give the path of a file"},
    ),
    Wrong(
        "a control plane of Karmada that is there beside a release of its chart",
        {"federation": {"engine": "karmada", "karmada": KARMADA | {"chart": {"folder": "charts/karmada"}}}},
        {"federation.karmada": "has two control planes; give kubeconfig for one that is there, or chart, and not both"},
    ),
    Wrong(
        "neither a control plane of Karmada nor its chart",
        {"federation": {"engine": "karmada", "karmada": {}}},
        {"federation.karmada": "has no control plane; give kubeconfig for one that is there, or chart"},
    ),
    Wrong(
        "a context of Karmada without a kubeconfig",
        installed() | {"federation.karmada.context": "a"},
        {"federation.karmada.context": "belongs to kubeconfig, which is not there; leave it out"},
    ),
    Wrong(
        "a chart of Karmada on a host that runs no pods",
        {"federation": {"engine": "karmada", "karmada": {"chart": {"folder": "charts/karmada"}}}},
        {
            "federation.karmada.chart": "runs no pods of published images; name another cluster as host, or give "
            "kubeconfig",
            "clusters.east": "whose API server only this machine reaches, and the pods of Karmada do not",
        },
    ),
    Wrong(
        "a chart of Karmada on an existing host whose pods are simulated",
        installed() | {"clusters.west": existing(pods="simulated") | {"mesh": "hub"}},
        {"federation.karmada.chart": "is a cluster of the provider existing that runs no pods of published images"},
    ),
    Wrong(
        "a chart of Karmada that is not pinned",
        installed() | {"federation": {"engine": "karmada", "karmada": {"chart": PACKAGE}}},
        {"federation.karmada.chart": "a chart of a repository needs a digest, the SHA-256 of its package; give it"},
    ),
    Wrong(
        "a range of versions of Karmada's chart",
        installed()
        | {
            "federation": {
                "engine": "karmada",
                "karmada": {"chart": PACKAGE | {"version": "1.x", "digest": "sha256:" + 64 * "a"}},
            }
        },
        {"federation.karmada.chart.version": "is not an exact version"},
    ),
    Wrong(
        "a chart of Karmada out of the project",
        installed(folder="../charts/karmada"),
        {"federation.karmada.chart.folder": "has '..'; give a path within the project"},
    ),
    Wrong(
        "a namespace for Karmada that it does not take for its own",
        installed(namespace="istio-system"),
        {"federation.karmada.chart.namespace": "is not a namespace of Karmada's own: begin with karmada-"},
    ),
    Wrong(
        "the namespace of Karmada's accounts for its release",
        installed(namespace="karmada-cluster"),
        {"federation.karmada.chart.namespace": "and not karmada-cluster"},
    ),
    Wrong(
        "a namespace of the fleet for Karmada",
        installed() | {"namespaces": {"karmada-system": {}}},
        {"federation.karmada.chart.namespace": "is one of namespaces, and Karmada's goes with its release"},
    ),
    Wrong(
        "a node port of Karmada behind a load balancer",
        installed(nodePort=32443),
        {"federation.karmada.chart.nodePort": "goes with `type: NodePort`; write that, or leave it out"},
    ),
    Wrong(
        "a node port of Karmada that a gateway has",
        installed(type="NodePort", nodePort=32443)
        | {
            "clusters.west.eastWestGateway": {"type": "NodePort", "nodePorts": {"tls": 32443}},
        },
        {"federation.karmada.chart.nodePort": "32443 is also one of clusters.west.eastWestGateway; use another"},
    ),
    Wrong(
        "a chart of Karmada below a root of which the stack has no key",
        installed()
        | {
            "meshes.hub": {
                "trust": {"issuer": "files", "files": {"west": {"certificate": "c", "key": "k", "root": "r"}}}
            }
        },
        {"federation.karmada.chart": "has certificates below the root of the mesh hub, whose key the stack does not"},
    ),
    Wrong(
        "a chart of Karmada on a host whose Secrets another control plane reads",
        installed() | {"meshes": {"mesh1": {}}, "clusters.west.mesh": "mesh1"},
        {"federation.karmada.chart": "the control planes of east read every Secret there; write clusters.west.disco"},
    ),
    Wrong(
        "values of Karmada's chart that the fleet owns",
        installed(
            values={
                "certs": {"mode": "auto"},
                "apiServer": {"serviceType": "ClusterIP", "nodePort": 1, "replicaCount": 3},
                "installMode": "agent",
                "systemNamespace": "other",
                "etcd": {"mode": "external", "internal": {"replicaCount": 3}},
                "webhook": {"podAnnotations": {"meshfleet.dev/certificates": "x"}},
            }
        ),
        {
            "federation.karmada.chart.values.certs": "is set by the fleet from meshes.<name>.trust; change it there",
            "federation.karmada.chart.values.apiServer.serviceType": "from federation.karmada.chart.type",
            "federation.karmada.chart.values.apiServer.nodePort": "from federation.karmada.chart.nodePort",
            "federation.karmada.chart.values.installMode": "from federation.karmada.chart; change it there",
            "federation.karmada.chart.values.systemNamespace": "from federation.karmada.chart.namespace",
            "federation.karmada.chart.values.etcd.mode": "from meshes.<name>.trust",
            "federation.karmada.chart.values.webhook.podAnnotations.meshfleet.dev/certificates": "the fleet's own",
        },
    ),
    Wrong(
        "values of Karmada's chart among those of Istio's that the fleet owns",
        installed() | {"istio": {"values": {"karmada": {"certs": {"mode": "auto"}}}}},
        {"istio.values.karmada.certs": "is set by the fleet from meshes.<name>.trust; change it there"},
    ),
]
