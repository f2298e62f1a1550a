"""What enters from pods: everything that a pod's object says, PROXY_CONFIG, probes and volumes, and their processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import psutil
from lightkube.resources.core_v1 import Pod

from meshfleet.dataplane.machine import machine_programs
from meshfleet.dataplane.machine.agent_log import complaint, refusal
from meshfleet.dataplane.network.node_network import NodeNetwork
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.programs import MARK, mark_of
from meshfleet.dataplane.network.sandbox import Sandbox
from meshfleet.dataplane.network.users import Users
from meshfleet.dataplane.node.agent import Agent
from meshfleet.dataplane.node.containers import containers_of
from meshfleet.dataplane.node.left_out import LeftOut, condition, event
from meshfleet.dataplane.node.node_object import Heartbeat
from meshfleet.dataplane.node.pod_run import PodRun, resolver
from meshfleet.dataplane.node.pod_status import failed_status, pod_status
from meshfleet.dataplane.node.programs import program_of
from meshfleet.dataplane.node.running_container import RunningContainer, now
from meshfleet.dataplane.node.termination import end_containers
from meshfleet.dataplane.node.volumes import PodVolumes
from meshfleet.errors import MeshfleetError
from meshfleet.errors.containment import MALFORMED
from meshfleet.kube.kubeconfig import connect
from meshfleet.processes.process_table import rows
from meshfleet.verification.traffic import reply
from tests.fuzz import seeds
from tests.fuzz.guided import Door
from tests.fuzz.world import KUBECONFIG, answering

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
NODE = NodeNetwork("west", "network-west", "198.18.0.2", "100.64.0.0/24")
PROXY_CONFIG: dict[str, Any] = {
    "discoveryAddress": "istiod.istio-system.svc:15012",
    "proxyMetadata": {"PROXY_CONFIG_XDS_AGENT": "true"},
    "configPath": "./etc/istio/proxy",
}


def doors(folder: Path) -> dict[str, Door]:
    """By name; `folder` is an empty one for the files of pods."""
    return {
        "PROXY_CONFIG": Door(('{"a": 1}', "", json.dumps(PROXY_CONFIG)), _proxy_config),
        "PROXY_CONFIG in parts": Door(
            (PROXY_CONFIG, {"binaryPath": "/bin/sh"}), lambda value: _proxy_config(json.dumps(value))
        ),
        "a pod on its node": _contained(("pods",), _on_node),
        "the volumes of a pod": _contained(
            ("pods", "configmaps", "secrets", "token"), lambda client: _volumes(client, folder / "volumes")
        ),
        "all that a node is given": _contained(("pods", "services", "endpointslices"), _reconciled),
        "the Node of an agent": _contained(
            ("nodes", "leases"), lambda client: Heartbeat("west-0", "198.18.0.2", 4000).beat(client)
        ),
        "the agent of a machine": Door(
            ("2026-01-02T03:04:05Z\twarn\tca\trpc error: code = Unauthenticated desc = no token\n" * 5,),
            lambda text: [complaint(text), refusal(text)],
        ),
        "an application": Door(
            ("Cluster=west\nServiceVersion=v1\nRequestHeader=x-forwarded-client-cert:By=a;URI=spiffe://b/ns/n/sa/w\n",),
            lambda text: [reply(200, text), reply(503, text)],
        ),
        "the processes of a pod": Door(
            ({"cmdline": ["/usr/bin/echo", "a"], "environ": {MARK: "app"}, "comm": "echo"},), _processes
        ),
    }


def _proxy_config(text: str) -> object:
    program = program_of("istio-proxy", "proxyv2", ("proxy",), {"PROXY_CONFIG": text, "A": "b"}, Path("/programs"))
    assert program is not None
    # Nothing that a pod says decides which program runs.
    assert json.loads(program.environment["PROXY_CONFIG"])["binaryPath"] == "/programs/envoy"
    return program


def _contained(keys: tuple[str, ...], read: Callable[[Any], object]) -> Door:
    """A door whose callers leave out what is malformed and go on (meshfleet/errors/containment.py)."""
    whole = seeds.world()

    def answered(world: Any) -> object:
        with answering(world if isinstance(world, dict) else {}), connect(KUBECONFIG) as client:
            from meshfleet.kube.api_errors import api_errors

            with api_errors("pods"):
                return read(client)

    return Door(({key: whole[key] for key in keys},), answered, (MeshfleetError, *MALFORMED))


def _on_node(client: Any) -> object:
    found = []
    for pod in client.list(Pod, namespace="*"):
        containers = containers_of(pod, "100.64.0.9", NODE.address)
        programs = [program_of(one.name, one.image, one.arguments, one.environment, Path("/bin")) for one in containers]
        described = [_sandbox(program).description() for program in programs if program]
        states = {one.name: RunningContainer(one, Path("/nowhere"), lambda _: None).state for one in containers}
        status = pod_status(containers, states, "100.64.0.9", NODE.address, now())
        left_out = LeftOut.of("Pod", pod, "any")
        end_containers(containers, lambda _: [], 1e-6, threading.Event())
        found += [resolver(pod), described, status, failed_status(pod, "any"), event(left_out, "west-0", MOMENT)]
        condition([left_out])
    return found


def _sandbox(program: Any) -> Sandbox:
    return Sandbox(
        namespace="n",
        top=Path("/top"),
        host="h",
        user=program.user(Users(1, 2)),
        program=f"/bin/{program.name}",
        arguments=program.arguments,
        environment=program.environment,
        binds=[],
    )


def _volumes(client: Any, folder: Path) -> object:
    folder.mkdir(exist_ok=True)
    for pod in client.list(Pod, namespace="*"):
        names = frozenset(volume.name for volume in (pod.spec.volumes if pod.spec else None) or ())
        with patch("meshfleet.dataplane.node.volumes.os.fchown"):
            PodVolumes(folder, 1337, names).fetch(client, pod, "100.64.0.9", NODE.address)
    assert not (folder.parent / "passwd").exists()
    return None


def _reconciled(client: Any) -> object:
    said: list[str] = []
    agent = Agent(lambda: client, Place("0" * 8), NODE, "west-0", 1, MagicMock(), said.append, lambda _: None)
    agent.stop.set()
    with ExitStack() as stack:
        for name in ("node_network", "rules.apply", "namespaces", "machines", "PodRun.run"):
            stack.enter_context(patch(f"meshfleet.dataplane.node.agent.{name}", MagicMock(return_value=[])))
        stack.enter_context(patch("meshfleet.dataplane.node.reports.Reports.post"))
        agent._reconcile(client)
    return said


def _processes(told: Any) -> object:
    """What the kernel shows of processes that a pod started: their command line and environment are theirs to write."""
    shown = told if isinstance(told, Mapping) else {}

    class Process(psutil.Process):
        def cmdline(self) -> list[str]:
            return [str(word) for word in shown.get("cmdline") or ()] if isinstance(shown.get("cmdline"), list) else []

        def environ(self) -> dict[str, str]:
            found = shown.get("environ")
            return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

    process = Process()
    run = MagicMock()
    run._programs_of = lambda _: [process]
    run.launch.is_current = lambda *_: True
    PodRun._adopt(run, {"app": MagicMock()})
    return [mark_of(process), machine_programs._program_of(process), list(rows())[:0]]
