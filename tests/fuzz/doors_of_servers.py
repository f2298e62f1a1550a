"""What enters from API servers and istiods: every request that the project makes, with any answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from lightkube import Client
from lightkube.resources.core_v1 import Pod, Service
from lightkube.resources.discovery_v1 import EndpointSlice

from meshfleet.automation import new_homes, pending_objects, runtime_drift
from meshfleet.automation.support_bundle import cluster_parts
from meshfleet.dataplane.node.node_agent import NodeAgent
from meshfleet.dataplane.node.services import leads
from meshfleet.embedded import cluster, nodes
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.errors import MeshfleetError
from meshfleet.federation.identities.authorizer import Identity
from meshfleet.federation.identities.policy import Request
from meshfleet.identities.member import member
from meshfleet.kube import port_forward
from meshfleet.kube.access import read_access
from meshfleet.kube.cert_manager import require_ready, try_again
from meshfleet.kube.identity import read_identity
from meshfleet.kube.karmada import require_clusters, require_served
from meshfleet.kube.kubeconfig import connect
from meshfleet.kube.releases import parts, settling, stored
from meshfleet.kube.releases.owner import Owner
from meshfleet.kube.releases.server import Server, connected
from meshfleet.kube.served_kinds import await_kinds
from meshfleet.manifests.objects import encoded
from meshfleet.plugins.kubernetes.connection import Connection
from meshfleet.plugins.kubernetes.definitions import not_served
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind, Kinds
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.plugins.meshfleet import (
    cert_manager_intermediate,
    node_port_service,
    portal,
    remote_access,
    remote_istiod,
)
from meshfleet.plugins.meshfleet import gateway_service as gateway_address
from meshfleet.plugins.meshfleet.istiod_configmaps import remove_istiod_configmaps
from meshfleet.plugins.meshfleet.karmada_hooks_cleanup import KarmadaHooksCleanupHandler
from meshfleet.plugins.meshfleet.stale_endpoints import remove_stale_endpoints
from meshfleet.processes.bounded_run import Ended
from meshfleet.processes.waiting import NotYetError
from meshfleet.status import read_status
from meshfleet.verification import FleetView, read_fleet
from meshfleet.verification.check import Check
from meshfleet.verification.checks import ALL, BETWEEN_STAGES, service_addresses
from meshfleet.verification.checks import portal as portal_check
from meshfleet.verification.workload_view import ready_pods, service_address
from meshfleet.virtual_machines import bundles as machine_bundle
from meshfleet.virtual_machines.registered_machines import registered_machines
from meshfleet.workspace.home import Workspace
from tests.fuzz import seeds
from tests.fuzz.guided import Door
from tests.fuzz.world import KINDS, KUBECONFIG, answering
from tests.issued_files import new_intermediate, new_root

AT_ONCE = 1e-6
"""Seconds for a wait: one look."""
# What each check reads; those that send requests through proxies read pods and Services, as the others.
CHECKS: dict[str, tuple[str, ...]] = {
    "clusters-synced": ("debug/clusterz",),
    "network-gateways": ("debug/networkz",),
    "trust": ("secrets", "configmaps"),
    "remote-control-plane": ("namespaces", "mutatingwebhookconfigurations"),
    "mesh-config": ("debug/mesh", "debug/configz"),
    "endpoint-shards": ("debug/endpointShardz",),
    "endpoints-as-declared": ("debug/endpointShardz", "debug/adsz"),
    "pods-as-declared": ("pods",),
    "service-addresses": ("services", "servicecidrs"),
    "ambient-workloads": ("debug/ambientz",),
    "webhook-validation": ("gateways",),
    "injection": ("namespaces", "pods"),
    "node-objects": ("nodes",),
    "proxies-synced": ("pods", "debug/syncz", "envoyfilters"),
    "virtual-machines": ("workloadentries",),
    "machines-as-declared": ("workloadentries",),
    "proxies-take-roots": ("pods",),
    "pods-on-revision": ("pods",),
    "gateways-ready": ("pods",),
}
ISTIOCTL = {"istioctl-analyze": "analyze.json", "istioctl-remote-clusters": "remote-clusters.txt"}
"""Those that read what istioctl prints."""
ELSEWHERE = {
    **dict.fromkeys(
        ("traffic-reach", "traffic-refused", "traffic-plaintext", "traffic-wire"),
        "what comes back of a request is read in one place: kube/test_any_answer.py, and `an application`",
    ),
    "identities": "judges what `who-can` reads",
    "portal": "judges what `a sender behind the portal` reads",
    "federated-services": "reads what `endpoints-as-declared` reads",
    "cluster-identity": "judges what `identity` has read",
    "propagated-objects": "compares what any object has: verification/test_propagated_objects_check.py",
    "loopback-ports": "judges what is read of `the table of nftables`",
}
"""Checks that are no door of their own, with the reason."""


def doors(folder: Path) -> dict[str, Door]:
    """By name; `folder` is an empty one for files."""
    path = folder / "kubeconfig"
    path.write_text(KUBECONFIG, encoding="utf-8")
    status = seeds.status(str(path))
    fleet = read_fleet(status, folder, folder)
    return {
        **{f"check {check.name}": _checked(check, fleet, CHECKS[check.name]) for check in _checks(CHECKS)},
        **{f"check {check.name}": _printed(check, fleet, ISTIOCTL[check.name]) for check in _checks(ISTIOCTL)},
        **_commands(folder, status, fleet),
        **_embedded(folder),
        **_releases(),
        **_plugin(),
        "cert-manager": _cert_manager(),
        "clusters of Karmada": _karmada(),
        "what hooks of Karmada leave": _left_by_hooks(),
    }


def _checks(names: Any) -> list[Check]:
    return [check for check in (*ALL, *BETWEEN_STAGES) if check.name in names]


def _of(keys: tuple[str, ...], read: Callable[[], object], *refusals: type[Exception]) -> Door:
    """A door to servers that have these parts of the world."""
    whole = seeds.world()

    def answered(world: Any) -> object:
        with answering(world if isinstance(world, dict) else {}):
            return read()

    return Door(({key: whole[key] for key in keys},), answered, (MeshfleetError, *refusals))


def _checked(check: Check, fleet: FleetView, keys: tuple[str, ...]) -> Door:
    def read() -> object:
        # Of a machine what runs here decides first, and nothing does.
        with patch("meshfleet.verification.checks.virtual_machines.machines_here", lambda *_: [_Machine()]):
            concerned = check.targets(_ambient(fleet) if check.name == "ambient-workloads" else fleet)
            assert concerned
            return [check.run_on(fleet, one, 0.0) for one in concerned]

    return _of(keys, read)


class _Machine:
    name, address = "billing", "10.0.0.7"

    def running(self) -> list[str]:
        return ["pilot-agent"]


def _ambient(fleet: FleetView) -> FleetView:
    from dataclasses import replace

    return replace(fleet, clusters=tuple(replace(one, data_plane="ambient") for one in fleet.clusters))


def _printed(check: Check, fleet: FleetView, name: str) -> Door:
    def read(text: str) -> object:
        with patch("meshfleet.verification.istioctl.run_bounded", lambda *_, **__: Ended(0, text, "")):
            return [check.run_on(fleet, one, 0.0) for one in check.targets(fleet)]

    seed = (seeds.RECORDED / name).read_text(encoding="utf-8")
    return Door((seed,), read)


def _commands(folder: Path, status: dict[str, Any], fleet: FleetView) -> dict[str, Door]:
    known = read_status(status)
    session: Any = SimpleNamespace(
        environment=SimpleNamespace(tools=folder), checkout=SimpleNamespace(home=folder), status=lambda: known
    )
    (west, *_) = known.clusters

    def bundle() -> object:
        with machine_bundle.connected(west) as client:
            return [
                machine_bundle._entry(client, west, "istio-system", "istio", "mesh"),
                machine_bundle._token(client, west, "n", "billing", 60),
            ]

    def collected() -> object:
        found: list[object] = [list(cluster_parts._events(one, 1.0)) for one in fleet.clusters]
        found += cluster_parts._proxies(fleet, fleet.clusters[0], "folder", 1.0)
        return found

    def unrecorded(begun: Any) -> object:
        with connected(KUBECONFIG) as server:
            return pending_objects._live(server, begun)

    def reviewed() -> object:
        with member("west", folder / "kubeconfig", None) as found:
            asked = Identity("ada", ("staff",)), Request("get", "pods")
            return [found.allows(*asked), found.token("meshfleet-users", "ada", 600).expires]

    begun = {"inputs": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "a"}}}
    return {
        "vm list": _of(("workloadentries",), lambda: registered_machines(known)),
        "machines after up": _of(("workloadentries",), lambda: runtime_drift._machines(known)),
        "restarts after up": _of(("pods",), lambda: runtime_drift._restarts(session, known)),
        "vm bundle": _of(("configmaps", "token"), bundle),
        "who-can": _of(("subjectaccessreviews", "token"), reviewed),
        "collect": _of(("events", "pods", "debug/syncz", "debug/config_dump"), collected),
        "unrecorded objects": _of((KINDS, "configmaps"), lambda: unrecorded(begun)),
    }


def _cert_manager() -> Door:
    """One that is issued, one whose Issuer is not ready, and one that a ClusterIssuer has refused."""
    root = new_root()
    authority = new_intermediate(root, "west")
    data = {"tls.crt": encoded(authority.certificate), "tls.key": encoded(authority.private_key)}
    name = {"metadata": {"name": "intermediate-west", "namespace": "n", "generation": 1}}
    reference = {"group": "cert-manager.io", "kind": "Issuer", "name": "root"}
    certificate = name | {"spec": {"secretName": "intermediate-west", "issuerRef": reference}}
    worlds = [
        {
            "certificates": [certificate | _status("Ready", status)],
            "issuers": [{"metadata": {"name": "root"}} | _status("Ready", "False")],
            "secrets": [name | {"data": data}],
        }
        for status in ("True", "False")
    ]
    failed = _status("Issuing", "False")
    failed["status"]["lastFailureTime"] = "2026-11-27T10:00:00Z"
    others = name | {"spec": certificate["spec"] | {"issuerRef": reference | {"kind": "ClusterIssuer"}}}
    worlds.append({"certificates": [others | failed], "clusterissuers": [{"metadata": {"name": "root"}}]})
    inputs = {"namespace": "n", "name": "intermediate-west", "rootCertificate": root.certificate}

    def asked(world: Any) -> object:
        with answering(world if isinstance(world, dict) else {}), connected(KUBECONFIG) as server:
            try:
                require_ready(server, "n")
                try_again(server, "n", "intermediate-west", datetime.now(UTC))
                return cert_manager_intermediate._usable(server, inputs)
            except NotYetError as error:
                return str(error)

    return Door(tuple(worlds), asked)


def _karmada() -> Door:
    """A cluster that is ready, one that is not, and one that nothing is known of."""
    kinds = [{"groupVersion": "apps/v1", "resources": [{"name": "deployments", "kind": "Deployment"}]}]
    ready = _status("Ready", "True")
    ready["status"]["apiEnablements"] = kinds
    worlds = [
        {"clusters": [{"metadata": {"name": "west"}} | status]} for status in (ready, _status("Ready", "False"), {})
    ]

    def asked(world: Any) -> object:
        with answering(world if isinstance(world, dict) else {}), connected(KUBECONFIG) as server:
            try:
                require_served(server)
                require_clusters(server, {"west": ["apps/v1/Deployment"]})
            except NotYetError as error:
                return str(error)
            return None

    return Door(tuple(worlds), asked)


def _left_by_hooks() -> Door:
    """A role of a hook, and one of something else."""
    name = {"name": "karmada-hook-job"}
    worlds = [{"clusterroles": [{"metadata": name | more}]} for more in ({"annotations": {"helm.sh/hook": "x"}}, {})]

    def removed(world: Any) -> object:
        with answering(world if isinstance(world, dict) else {}):
            KarmadaHooksCleanupHandler().delete("hub", {"kubeconfig": KUBECONFIG}, {}, 0)
            return None

    return Door(tuple(worlds), removed)


def _status(kind: str, status: str) -> dict[str, Any]:
    condition = {"type": kind, "status": status, "reason": "Said", "message": "why", "observedGeneration": 1}
    return {"status": {"conditions": [condition]}}


def _embedded(folder: Path) -> dict[str, Door]:
    def with_client(keys: tuple[str, ...], read: Callable[[Client], object]) -> Door:
        def run() -> object:
            from meshfleet.kube.api_errors import api_errors

            with connect(KUBECONFIG) as client, api_errors("any"):
                return read(client)

        return _of(keys, run, NotYetError)

    serving = remote_istiod.RemoteIstiod("west", None, "istio-sidecar-injector", "istio-system")
    agent = NodeAgent(Workspace("dev", folder), "west")
    workload = read_fleet(seeds.status("x"), folder).clusters[0].workloads[0]

    def forwarded(client: Client) -> object:
        ports = dict.fromkeys(("http", "monitoring", "grpc", "secure-grpc", "https"), 1)
        with patch.object(port_forward, "_SECONDS", AT_ONCE):
            port_forward.apply_port_forward(client, "istiod", "n", "default", ports)
        return None

    def led(client: Client) -> object:
        return leads(list(client.list(Service, namespace="*")), list(client.list(EndpointSlice, namespace="*")))

    def published(client: Client) -> object:
        gateway_address.publish_address(client, "n", "w", "198.18.0.9", timeout=AT_ONCE)
        return gateway_address.published_address(client, "n", "w")

    def at_nodes(client: Client) -> object:
        node_port_service.withdraw_external_ip(client, "n", "other")
        return node_port_service.reached_address(client, "n", "w")

    return {
        "identity": _of(("namespaces",), lambda: read_identity(KUBECONFIG, None)),
        "gateway address": with_client(("services",), published),
        "gateway at node ports": with_client(("services", "nodes"), at_nodes),
        "nodes": with_client(("nodes",), lambda client: nodes.apply_nodes(client, ClusterSpec("west", "v1", nodes=1))),
        "node": with_client(("nodes",), lambda client: agent._await_ready(client, AT_ONCE)),
        "port forward": with_client(("clusterportforwards", "pods"), forwarded),
        "served": with_client(
            ("mutatingwebhookconfigurations", "configmaps"), lambda client: remote_istiod.missing(client, serving)
        ),
        "former endpoints": with_client(
            ("services", "endpointslices"), lambda client: remove_stale_endpoints(client, "n", {"a": "b"})
        ),
        "config maps of istiod": with_client(("configmaps",), remove_istiod_configmaps),
        "access of a peer": _of(("services",), lambda: remote_access.try_access("west", KUBECONFIG, AT_ONCE)),
        "service account": with_client(
            ("serviceaccounts",), lambda client: cluster._wait_for_service_account(client, "west", AT_ONCE)
        ),
        "services of a node": with_client(("services", "endpointslices"), led),
        "pods of a workload": with_client(("pods",), lambda client: ready_pods(client, workload)),
        "address of a workload": with_client(("services",), lambda client: service_address(client, workload)),
        "ranges of an older cluster": with_client(("services",), service_addresses.ranges_of),
        "pods": with_client(("pods",), lambda client: list(client.list(Pod, namespace="*"))),
    }


_MOVED = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "istiod", "namespace": "istio-system"}}


def _releases() -> dict[str, Door]:
    keys = (KINDS, "secrets", "configmaps", "deployments", "horizontalpodautoscalers")

    def on_server(read: Callable[[Server], object], keys: tuple[str, ...] = keys) -> Door:
        def run() -> object:
            with connected(KUBECONFIG) as server, patch.object(parts, "_KIND_SECONDS", AT_ONCE):
                return read(server)

        return _of(keys, run)

    def marked(server: Server) -> object:
        for revision in stored.revisions(server):
            stored.mark_failed(server, revision, "any")
        return None

    known = settling.Known(frozenset({("istio-system", "istiod")}))
    return {
        "release examined": on_server(lambda server: parts.examine(server, "istio-system", "istiod")),
        "release restored": on_server(lambda server: parts.restore(server, "istio-system", "istiod")),
        "release marked": on_server(marked),
        "custom resources": on_server(
            lambda server: await_kinds(server, "west", AT_ONCE), (KINDS, "customresourcedefinitions")
        ),
        "a new home": on_server(lambda server: new_homes.lacking(server, _MOVED, "it"), (KINDS, "deployments")),
        "releases settled": on_server(lambda server: settling.settle(server, Owner("dev", "west"), known)),
    }


def _plugin() -> dict[str, Door]:
    identity = GroupVersionKind("", "v1", "ConfigMap")

    def talk() -> object:
        connection = Connection(Settings(kubeconfig=KUBECONFIG))
        connection.fetch("/version", "its version")
        kind = Kinds(connection.fetch).find(identity)
        live = connection.get(kind, "istio-system", "istio")
        connection.metadata(kind, "istio-system", {"a": "b"})
        found = list(connection.watch(kind, "istio-system", "istio", "1", 1.0))
        return [live, found]

    def definitions() -> object:
        connection = Connection(Settings(kubeconfig=KUBECONFIG))
        asked = [GroupVersionKind("example.com", version, "Deployment") for version in ("v1", "v9")]
        return [not_served(connection.fetch, one) for one in asked]

    inputs = {"kubeconfig": KUBECONFIG, "cluster": "west"}
    return {
        "plugin": _of((KINDS, "configmaps", "version"), talk),
        "definitions that are not served": _of(("customresourcedefinitions",), definitions),
        "a sender behind the portal": _of(
            ("selfsubjectreviews",), lambda: portal_check._asked(read_access(KUBECONFIG), {}, 1.0)
        ),
        "issuer of service accounts": _of((".well-known/openid-configuration",), lambda: portal._issuer(inputs)),
    }
