"""The pod from which requests are sent: not of the stack, so that no change of the stack makes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightkube import Client
from lightkube.codecs import from_dict
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Pod, Service

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.dataplane.network.place import Place
from meshfleet.kube.kubeconfig import connect
from meshfleet.manifests.workloads import ECHO_IMAGE, HTTP_PORT
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.verification.pods import is_ready
from meshfleet.verification.steady_requests import SteadyRequests, send_steadily
from meshfleet.verification.traffic import Target, request
from scripts.continuity_under_change.fleet_under_change import CALLER, FleetUnderChange

_NAMESPACE = "sample"
_NAME = "caller"
_READY_SECONDS = 60.0


def make_caller(fleet: FleetUnderChange) -> None:
    """Make the pod, or make it anew, and wait until every cluster answers it."""
    with connect(fleet.kubeconfig(CALLER)) as client:
        _remove(client)
        client.create(from_dict(_pod()))
        wait_until(lambda: _ready(client), "the pod that asks", _READY_SECONDS, "look at the log of the node's agent")
    await_all(fleet)


def await_all(fleet: FleetUnderChange) -> None:
    """Wait until the workload of every cluster of its mesh answers: before that, nothing has been there to be lost."""
    meshes = {name: declared.get("mesh") for name, declared in fleet.config["clusters"].items()}
    wanted = {name for name, mesh in meshes.items() if mesh == meshes[CALLER]}
    seen: set[str] = set()
    namespace, target = _place(fleet)

    def answered() -> None:
        reply = inside(namespace, lambda: request(target, 5))
        seen.add(reply.cluster or "nobody")
        if not wanted <= seen:
            raise NotYetError(f"answers of {', '.join(sorted(seen))}; {reply.fault}")

    wait_until(answered, f"an answer of each of {', '.join(sorted(wanted))}", _READY_SECONDS, "run meshfleet verify")


@contextmanager
def requests(fleet: FleetUnderChange) -> Iterator[SteadyRequests]:
    """Ask the workload, 50 times a second, until the end of the block."""
    with send_steadily(*_place(fleet)) as found:
        yield found


def _place(fleet: FleetUnderChange) -> tuple[str, Target]:
    with connect(fleet.kubeconfig(CALLER)) as client:
        pod = client.get(Pod, _NAME, namespace=_NAMESPACE)
        service = client.get(Service, "echo", namespace=_NAMESPACE)
    uid = str(pod.metadata.uid if pod.metadata else "")
    address = str(service.spec.clusterIP if service.spec else "")
    namespace = Place.of(fleet.workspace).pod(CALLER, uid)
    return namespace, Target(address, HTTP_PORT, f"echo.{_NAMESPACE}.svc.cluster.local")


def _remove(client: Client) -> None:
    try:
        client.delete(Pod, _NAME, namespace=_NAMESPACE)
    except ApiError as error:
        if error.status.code != 404:
            raise
        return

    def gone() -> None:
        try:
            client.get(Pod, _NAME, namespace=_NAMESPACE)
        except ApiError:
            return
        raise NotYetError("it is there")

    wait_until(gone, "the end of the pod that asks", _READY_SECONDS, "look at the log of the node's agent")


def _ready(client: Client) -> None:
    if not is_ready(client.get(Pod, _NAME, namespace=_NAMESPACE)):
        raise NotYetError("it is not ready")


def _pod() -> dict[str, Any]:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 2}
    container = {
        "name": "echo",
        "image": ECHO_IMAGE,
        "args": ["--port=8080", f"--cluster={CALLER}"],
        "readinessProbe": probe,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _NAME, "namespace": _NAMESPACE, "labels": {"app": _NAME}},
        "spec": {"containers": [container]},
    }
