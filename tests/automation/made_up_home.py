"""A home as a running fleet leaves it, with everything in it but real control planes: for damaging it file by file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from meshfleet.embedded.cluster_record import RECORD
from meshfleet.embedded.cluster_spec import COMPONENTS, PORTS, ClusterSpec, dump_spec
from meshfleet.embedded.ports import reserve_ports
from meshfleet.embedded.reservations import reservations
from meshfleet.files import make_directory
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace

STACK: Final = "good"
CLUSTER: Final = "west"
VERSION: Final = "v1.35.4"
_URN: Final = f"urn:pulumi:{STACK}::meshfleet::meshfleet:index:EmbeddedCluster::{CLUSTER}/processes"
STATE: Final = json.dumps(
    {
        "version": 3,
        "checkpoint": {
            "stack": f"organization/meshfleet/{STACK}",
            "latest": {
                "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:made:up"}},
                "resources": [
                    {"urn": _URN, "type": "meshfleet:index:EmbeddedCluster", "inputs": {"fleet": STACK}},
                ],
            },
        },
    }
)


def _notes(ports: dict[str, int]) -> str:
    options = {
        "kubeVersion": VERSION,
        "kubeApiserverPort": ports["kube-apiserver"],
        "kwokControllerPort": ports["kwok-controller"],
    }
    no_arguments: list[str] = []
    components = [{"name": name, "args": no_arguments} for name in COMPONENTS]
    return json.dumps({"kind": "KwokctlConfiguration", "options": options, "components": components})


def files_of(ports: dict[str, int]) -> dict[str, str]:
    """Path below the home → content, for what the tests do not have written by the code itself."""
    fleet, kwok = f"fleets/{STACK}", f"fleets/{STACK}/clusters/{CLUSTER}/kwok/clusters/{CLUSTER}"
    cluster, istiod, node = f"{fleet}/clusters/{CLUSTER}", f"{fleet}/istiods/{CLUSTER}.default", f"{fleet}/nodes/west"
    state, owned = "state/.pulumi", {"version": 1, "stack": STACK}
    network = {"cluster": CLUSTER, "network": "network-west", "address": "198.18.0.9", "pods": "100.64.0.0/26"}
    return {
        "passphrase": "a passphrase",
        "fault.log": "an old fault",
        "kubectl/cache/discovery": "{}",
        "pulumi/credentials.json": "{}",
        "pulumi/plugins/resource-kubernetes-v1/pulumi-resource-kubernetes": "#!/bin/sh\n",
        f"{state}/meta.yaml": "version: 1\n",
        f"{state}/stacks/meshfleet/{STACK}.json": STATE,
        f"{state}/stacks/meshfleet/{STACK}.json.bak": STATE,
        f"{state}/backups/meshfleet/{STACK}/{STACK}.1.json": STATE,
        f"{state}/history/meshfleet/{STACK}/{STACK}-1.history.json": "{}",
        f"{fleet}/Pulumi.{STACK}.yaml": "config: {}\nencryptionsalt: v1:made:up\n",
        f"{fleet}/verification.json": '{"version": 1, "verdicts": {"west": true}}',
        f"{fleet}/forgetting.json": '{"version": 1, "clusters": []}',
        f"{fleet}/failover.json": json.dumps(owned | {"evictions": {}, "before": None, "pending": {}}),
        f"{fleet}/reachability.json": json.dumps(owned | {"clusters": {}}),
        f"{fleet}/fleet.svg": "<svg></svg>",
        f"{fleet}/{STACK}.svg": "<svg></svg>",
        f"{fleet}/kubeconfigs/{CLUSTER}.yaml": "apiVersion: v1\n",
        f"{cluster}/{RECORD}": dump_spec(ClusterSpec(CLUSTER, VERSION)),
        f"{cluster}/kwokctl.yaml": _notes(ports),
        f"{cluster}/kwokctl.log": "made\n",
        f"{cluster}/kubeconfig": "apiVersion: v1\n",
        f"{kwok}/kwok.yaml": _notes(ports),
        f"{kwok}/pki/ca.crt": "a certificate",
        f"{kwok}/pki/admin.crt": "a certificate",
        f"{kwok}/pki/admin.key": "a key",
        f"{kwok}/logs/etcd.log": "started\n",
        f"{kwok}/pids/etcd.pid": "1",
        f"{kwok}/etcd/member/snap/db": "the data of the cluster",
        f"{istiod}/kubeconfig": "apiVersion: v1\n",
        f"{istiod}/fingerprint": "ab" * 32,
        f"{istiod}/authority": "cd" * 32,
        f"{istiod}/istiod.log": "started\n",
        f"{istiod}/certificates/ca-key.pem": "a key",
        f"{node}/node.json": json.dumps({"version": 1, **network}),
        f"{node}/state": "running",
        f"{node}/fingerprint": "ef" * 32,
        f"{node}/kubeconfig": "apiVersion: v1\n",
        f"{node}/agent.log": "started\n",
    }


def fill(home: Path) -> None:
    """Make the home, and start the processes of its cluster: programs that only sleep, under the right names."""
    workspace = Workspace(STACK, home)
    workspace.claim()
    ports = reserve_ports(home, workspace.owner("cluster", CLUSTER), PORTS)
    with reservations(home) as held:
        held.addresses[workspace.owner(CLUSTER, "istio-system", "gateway")] = "198.18.0.1"
    for name, content in files_of(ports).items():
        make_directory((home / name).parent)
        (home / name).write_text(content, encoding="utf-8")
    (workspace.directory / "command.lock").touch()
    # The part of it in the fleet's directory, which was not there yet when the ports were reserved.
    with reservations(home) as held:
        held.addresses[workspace.owner("node", CLUSTER)] = "198.18.0.9"
    start(home)


def start(home: Path) -> None:
    """Start those processes that do not run."""
    directory = Workspace(STACK, home).cluster(CLUSTER)
    files = directory / "kwok" / "clusters" / CLUSTER
    make_directory(files / "bin")
    running = processes.find(directory)
    for name in COMPONENTS:
        if name not in running:
            link = files / "bin" / name
            if not link.is_symlink():
                link.symlink_to(shutil.which("sleep") or "/bin/sleep")
            processes.start(link, ["7200"], files, files / "logs" / f"{name}.log", {})


def files(home: Path) -> list[str]:
    """Every regular file below the home."""
    return sorted(
        path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file() and not path.is_symlink()
    )


def newer(content: bytes) -> bytes:
    """The same record as a later version writes it."""
    try:
        record = json.loads(content)
    except ValueError:
        record = {}
    return json.dumps({**(record if isinstance(record, dict) else {}), "version": 99}).encode()


WAYS: Final[dict[str, Callable[[bytes], bytes | None]]] = {
    "absent": lambda _: None,
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "garbage": lambda _: b"\xff\xfe\0 garbage {[",
    "newer": newer,
}
