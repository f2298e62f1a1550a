"""Workloads: what each cluster gets of a program that the stack file declares.

Its Service is in every cluster of the mesh that has the namespace, so that its name is known there even where none of
its pods runs (https://github.com/istio/istio/issues/31760). What leads to its versions, and who may call it, is in
every cluster that holds configuration of the mesh, since control planes that differ are a known way to break one.
Sources: https://istio.io/latest/docs/ops/deployment/application-requirements/ and
https://istio.io/latest/docs/ops/configuration/traffic-management/multicluster/
"""

from __future__ import annotations

from meshfleet.image_names import ECHO_IMAGE as BUILT_ECHO_IMAGE
from meshfleet.image_names import NEVER_PULLED
from meshfleet.manifests import injected, names, revision_tags, workload_routes
from meshfleet.manifests.objects import NOT_AWAITED, Object, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet, Version, Workload
from meshfleet.topology.workload import SERVICE_PORTS
from meshfleet.versions import EMBEDDED_ISTIO

# The port of every workload's Service -> that of its pods, by name. Istio reads the protocol from the name: requests
# are what weights, headers and locality go by. The pods' ports are those that the echo server has by itself.
# https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
HTTP_PORT, GRPC_PORT = SERVICE_PORTS["http"], SERVICE_PORTS["grpc"]
TARGETS = {"http": (HTTP_PORT, 8080), "grpc": (GRPC_PORT, 7070)}
PORTS = {port: number for port, (number, _) in TARGETS.items()}
READY_PATH = "/"

# Istio's echo server: its answers say which cluster and version gave them, and repeat the headers of the request,
# of which the proxy's x-forwarded-client-cert names the caller. Of one release, so that an upgrade of Istio leaves it.
# https://github.com/istio/istio/blob/master/pkg/test/echo/cmd/server/main.go
ECHO_IMAGE = f"docker.io/istio/app:{EMBEDDED_ISTIO}.0"

# https://istio.io/latest/docs/reference/config/annotations/#NetworkingExportTo
EXPORT_TO = "networking.istio.io/exportTo"

# A pod that is to end is asked for as long as not every proxy of the mesh has heard of it. So its program goes on for
# as long as its own proxy does by itself (terminationDrainDuration of meshConfig.defaultConfig); with no caller left
# a proxy answers 503, which is not tried again. Kubernetes has this pause since 1.30.
# https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
PAUSE_SECONDS = 5


def host(name: str, workload: Workload) -> str:
    """The name under which a workload is called from anywhere in its mesh."""
    return f"{name}.{workload.namespace}.svc.cluster.local"


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """What a cluster gets of all workloads, in order."""
    return [
        document
        for name, workload in sorted(fleet.workloads_of(cluster).items())
        for document in _of_one(fleet, cluster, name, workload)
    ]


def _of_one(fleet: Fleet, cluster: str, name: str, workload: Workload) -> list[Document]:
    """What a cluster gets of one workload: what is there before its pods, its pods, and what leads to them.

    All of it follows istiod, which injects the pods and validates what is Istio's, and after the namespace.
    Pods wait for the account they run under, for the policies that say who may call them, and for the tags that lead
    their injection to a revision. What leads to versions waits for their pods; subsets come before the routes that name
    them, and go after them.
    """
    versions = fleet.versions_in(name, cluster)
    configured = fleet.is_primary(cluster)
    first: dict[str, Object] = {f"workload-account-{name}": _account(name, workload)} if versions else {}
    first[f"workload-service-{name}"] = _service(fleet, cluster, name, workload)
    if configured:
        policies = workload_routes.policies(fleet, cluster, name, workload)
        first |= {f"workload-{what}-{name}": body for what, body in policies.items()}
    pods = {
        f"workload-deployment-{name}-{version}": _deployment(fleet, cluster, name, workload, version, declared)
        for version, declared in versions.items()
    }
    ready = (Point.ISTIOD_READY, names.namespace(workload.namespace))
    tags = map(names.tag, revision_tags.tags(fleet, cluster))
    injected_after = (*ready, *first, *tags, Point.NODES)
    made = [Document(each, SECTION, body, after=ready) for each, body in first.items()]
    made += [Document(each, SECTION, body, after=injected_after) for each, body in pods.items()]
    if configured and workload.routed:
        mesh, called = fleet.mesh_of(cluster), host(name, workload)
        subsets = workload_routes.subsets(fleet, mesh, name, workload, called)
        routes = workload_routes.routes(name, workload, called, PORTS)
        before, subsets_name = (*ready, *first, *pods), f"workload-subsets-{name}"
        made += [
            Document(subsets_name, SECTION, subsets, after=before),
            Document(f"workload-routes-{name}", SECTION, routes, after=(*before, subsets_name)),
        ]
    return made


def described(fleet: Fleet, cluster: str) -> list[Object]:
    """The workloads that a cluster knows as status tells them; `versions` are those whose pods run in it."""
    return [
        {
            "name": name,
            "namespace": workload.namespace,
            "host": host(name, workload),
            "ports": dict(PORTS),
            "echo": not workload.image,
            "allowedCallers": list(workload.allowed_callers),
            "exportTo": list(workload.export_to),
            "versions": [
                {
                    "name": version,
                    "replicas": declared.replicas,
                    "weight": declared.weight,
                    "headers": dict(declared.headers),
                }
                for version, declared in fleet.versions_in(name, cluster).items()
            ],
        }
        for name, workload in sorted(fleet.workloads_of(cluster).items())
    ]


def _account(name: str, workload: Workload) -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name, workload.namespace)}


def _service(fleet: Fleet, cluster: str, name: str, workload: Workload) -> Object:
    ports = [{"name": port, "port": number, "targetPort": target} for port, (number, target) in TARGETS.items()]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        # Where none of its pods runs one would be waited for in vain.
        "metadata": metadata(
            name,
            workload.namespace,
            labels={"app": name},
            annotations=NOT_AWAITED | _exported(fleet, cluster, workload),
        ),
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def _exported(fleet: Fleet, cluster: str, workload: Workload) -> dict[str, str]:
    """The annotation that limits in which namespaces proxies know a Service; none where it is known in all.

    A gateway between networks passes on requests for the Services that its own namespace knows
    (buildOutboundSniDnatClusters of pilot/pkg/networking/core/cluster.go), so it has to know each.
    """
    if not workload.export_to:
        return {}
    targets = list(workload.export_to)
    for member in fleet.members_of(fleet.mesh_of(cluster)):
        namespace = fleet.system_namespace(member)
        if fleet.is_network_gateway(member) and not workload.is_known_in(namespace) and namespace not in targets:
            targets.append(namespace)
    return {EXPORT_TO: ",".join(targets)}


def _deployment(fleet: Fleet, cluster: str, name: str, workload: Workload, version: str, declared: Version) -> Object:
    labels = {"app": name, "version": version}
    runs = fleet.clusters[cluster].capabilities.runs_pods
    built = fleet.clusters[cluster].capabilities.images == "built"
    template: Object = {"metadata": {"labels": labels}, "spec": _pod(cluster, name, workload, version, built=built)}
    if fleet.namespaces[workload.namespace].injection and fleet.clusters[cluster].data_plane == "sidecar":
        template["metadata"]["annotations"] = injected.annotation(injected.workload_facts(fleet, cluster))
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(
            f"{name}-{version}", workload.namespace, labels=labels, annotations=None if runs else NOT_AWAITED
        ),
        "spec": {"replicas": declared.replicas, "selector": {"matchLabels": dict(labels)}, "template": template},
    }


def _pod(cluster: str, name: str, workload: Workload, version: str, *, built: bool) -> Object:
    http = TARGETS["http"][1]
    echo = BUILT_ECHO_IMAGE if built else ECHO_IMAGE
    container: Object = {
        "name": "app" if workload.image else "echo",
        "image": workload.image or echo,
        **({"imagePullPolicy": NEVER_PULLED} if built and not workload.image else {}),
        "ports": [{"name": port, "containerPort": target} for port, (_, target) in TARGETS.items()],
        "readinessProbe": {
            # Which path another program answers at is not known.
            **({"tcpSocket": {"port": http}} if workload.image else {"httpGet": {"path": READY_PATH, "port": http}}),
            "periodSeconds": 2,
        },
        "lifecycle": {"preStop": {"sleep": {"seconds": PAUSE_SECONDS}}},
    }
    if not workload.image:
        container["args"] = [
            f"--port={http}",
            f"--grpc={TARGETS['grpc'][1]}",
            f"--cluster={cluster}",
            f"--version={version}",
        ]
    return {"serviceAccountName": name, "containers": [container]}


SECTION = Section(
    name="workloads",
    stage=Stage.WORKLOADS,
    component="Workloads",
    documents=documents,
    declared_in="workloads",
    what="[workloads](workloads.md): Services, pods, routes and policies",
    waits_for="a ready istiod; their namespace; for pods their account, policies and revision tags",
)
