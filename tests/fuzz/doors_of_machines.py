"""What enters from this machine: the kernel's tables, other users' processes, and what programs print."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import psutil

from meshfleet.automation import pending_at_destroy, unfinished_releases
from meshfleet.automation.engine import kubernetes_plugin, lock, stuck_engine
from meshfleet.automation.engine.engine import Engine
from meshfleet.dataplane.network import namespaces, rules, sandbox
from meshfleet.embedded import (
    cluster,
    control_plane,
    etcd_log,
    istiod,
    kept_tables,
    loopback,
    privileges,
    reservations_rebuilt,
)
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.embedded.serving_certificate import require_signed_by
from meshfleet.errors import MeshfleetError, ReleaseError
from meshfleet.kube.access import read_access
from meshfleet.kube.credentials import credentials
from meshfleet.plugins.peer import is_of_user
from meshfleet.processes.bounded_run import Ended
from meshfleet.processes.process_table import Row, _rows_of_psutil, rows
from meshfleet.processes.waiting import NotYetError
from meshfleet.toolchain import go_command, pulumi_on_path
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.automation.recorded_states import recorded
from tests.embedded.test_loopback import LISTING
from tests.fuzz import seeds
from tests.fuzz.guided import Door
from tests.fuzz.world import KUBECONFIG

TABLE = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   1: 0100007F:9C40 0100007F:5208 01 00000000:00000000 00:00000000 00000000  1000 0 7 1 0 100 0 0 10 0\n"
)
CREDENTIAL = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {"token": "t", "expirationTimestamp": "2026-11-23T00:00:00Z"},
}


def doors(folder: Path) -> dict[str, Door]:
    """By name; `folder` is an empty one."""
    return {**_of_the_kernel(folder), **_of_programs(folder)}


def _of_the_kernel(folder: Path) -> dict[str, Door]:
    shown = b"/usr/bin/helm\0install\0" + b"\1" + b"PATH=/bin\0MESHFLEET_FLEET=i\0MESHFLEET_PLACE=clusters/west\0"

    def table(content: bytes) -> object:
        line, _, environment = content.partition(b"\1")

        def read(path: str) -> bytes:
            return line if path.endswith("cmdline") else environment

        with (
            patch("meshfleet.processes.process_table._content", read),
            patch("os.listdir", lambda _: ["1", "self", "x"]),
        ):
            found = list(rows())
        return [(row.name, row.directory()) for row in found]

    def others(words: Any) -> object:
        line = [str(word) for word in words] if isinstance(words, list) else []
        own = psutil.Process()
        with (
            patch.object(psutil.Process, "cmdline", lambda _: line),
            patch.object(psutil.Process, "environ", lambda _: {"TMPDIR": line[0] if line else ""}),
            patch.object(psutil.Process, "name", lambda _: "pulumi"),
            patch.object(psutil.Process, "children", lambda _, recursive=False: [own]),
            patch("psutil.process_iter", lambda *_: [own]),
            patch("meshfleet.workspace.fleet_processes.rows", lambda: [Row(own.pid, f"{folder}/etcd", "", "")]),
            patch("meshfleet.embedded.istiod.Istiod.reserved", lambda _: dict.fromkeys(_PORTS, 1)),
        ):
            workspace = Workspace("dev", folder)
            unfinished_releases.end_workers()
            return [
                processes.find_all([folder]),
                list(_rows_of_psutil()),
                list(reservations_rebuilt._listed(reservations_rebuilt._command_line(own.pid))),
                control_plane._keeps_out(own),
                istiod.Istiod(workspace, "west", "default")._is_current(own),
                lock._engines(SimpleNamespace(home=folder), "dev"),  # type: ignore[arg-type] # all that it reads
                stuck_engine._own("up"),
                namespaces.processes_in("no-such-namespace"),
            ]

    return {
        "/proc/*/cmdline and environ": Door((shown, b"\0", b""), table),
        "/proc/net/tcp": Door((TABLE,), lambda text: is_of_user(text, 40000, 21000, 1000)),
        "processes of others": Door((["/usr/bin/pulumi", "dev"], ["kwok-controller", "--port=1"], []), others),
    }


_PORTS = ("http", "https", "grpc", "secure-grpc", "monitoring")


def _of_programs(folder: Path) -> dict[str, Door]:
    environment: Any = SimpleNamespace(
        tools=folder, variables={"PULUMI_BACKEND_URL": "x"}, checkout=SimpleNamespace(program=folder)
    )
    file: Any = SimpleNamespace(stack="west")
    plugin = folder / "resource-kubernetes-v4"
    plugin.mkdir()
    (plugin / kubernetes_plugin.NAME).touch()
    listed = [{"kind": "resource", "name": "kubernetes", "version": "4"}]
    exec_access = read_access(KUBECONFIG.replace('{"token": "t"}', json.dumps({"exec": _EXEC})), None)

    def printed(module: str, read: Callable[[], object], code: int = 0) -> Callable[[Any], object]:
        def run(value: Any) -> object:
            text = value if isinstance(value, str) else _dumped(value)
            with patch(f"{module}.run_bounded", lambda *_, **__: Ended(code, text, text)):
                return read()

        return run

    def exported() -> object:
        engine = Engine(environment, file)
        with patch.object(Engine, "recorded", lambda _: recorded() | {"resources": []}):
            engine.recorded_access(["west"])
        with patch(
            "meshfleet.automation.engine.engine.existing_clusters_of",
            lambda _: {"west": {"inputs": {"kubeconfig": {"plaintext": '"k"'}}}},
        ):
            engine._recorded = {}
            engine.recorded_access(["west"])
        return [engine.outputs(), engine.recorded_in_the_clear()]

    def exists() -> object:
        elsewhere = SimpleNamespace(**vars(environment), local_backend=False)
        return Engine(elsewhere, file).exists()  # type: ignore[arg-type] # all that it reads

    def confirmed() -> object:
        (folder / f".{plugin.name}.seen").unlink(missing_ok=True)
        kubernetes_plugin._confirm(plugin, {"PATH": "/nowhere", "PULUMI_HOME": str(folder)})
        return None

    def refused(text: Any) -> object:
        spoken = text if isinstance(text, str) else ""
        with (
            patch("meshfleet.embedded.loopback.run_bounded", lambda *_, **__: Ended(0, spoken, spoken)),
            patch("meshfleet.dataplane.network.rules.run_bounded", lambda *_, **__: Ended(0, spoken, spoken)),
            patch("meshfleet.dataplane.network.sandbox.run_bounded", lambda *_, **__: Ended(0, spoken, spoken)),
            patch("meshfleet.embedded.privileges.run_bounded", lambda *_, **__: Ended(1, spoken, spoken)),
        ):
            loopback._apply("")
            rules.apply("n", "")
            privileges._failure(["x"], "try")
            return sandbox.run(sandbox.Sandbox("n", folder, "h", 1, "/bin/true", (), {}))

    def open_ports() -> object:
        with patch("meshfleet.embedded.loopback.cannot_close", lambda: ""):
            return loopback.open_ports(folder, {"http": 21000})

    def kept_tables_of(value: Any) -> object:
        (folder / "meshfleet-1.json").write_text(_dumped(value), encoding="utf-8")
        with patch("meshfleet.embedded.kept_tables.listening", lambda _: {}):
            return list(kept_tables.abandoned(folder / "home", (), folder))

    def log_of_etcd(text: Any) -> object:
        log = text if isinstance(text, str) else _dumped(text)
        return [etcd_log.reason_in(log), etcd_log.refuses_data(log), etcd_log.waits_for_data(log)]

    def uninstalled(text: Any) -> object:
        spoken, said = text if isinstance(text, str) else "", []
        for code in (0, 1):
            with patch(
                "meshfleet.automation.pending_at_destroy.run_bounded",
                lambda *_, code=code, **__: Ended(code, spoken, spoken),
            ):
                try:
                    pending_at_destroy._uninstall(folder / "helm", folder / "kubeconfig", "n", "istiod")
                except ReleaseError as error:
                    said.append(str(error))
        return said

    def version() -> object:
        with patch("meshfleet.embedded.cluster.tool", lambda *_: folder / "kube-apiserver"):
            cluster._require_version(ClusterSpec("west", "v1.35.4"))
        return [go_command._ask_version(folder, {}), pulumi_on_path._ask_version(folder)]

    def versions(text: Any) -> object:
        ended = Ended(0, str(text), "")
        with ExitStack() as stack:
            for module in (
                "meshfleet.processes.bounded_run",
                "meshfleet.toolchain.go_command",
                "meshfleet.embedded.cluster",
            ):
                stack.enter_context(patch(f"{module}.run_bounded", lambda *_, **__: ended))
            return version()

    def credential(value: Any) -> object:
        text = value if isinstance(value, str) else _dumped(value)
        with patch("meshfleet.kube.credentials._output", lambda *_: text.encode(errors="replace")):
            return credentials(exec_access)

    def served(pem: bytes) -> object:
        with patch("ssl.get_server_certificate", lambda *_, **__: pem.decode("latin-1")):
            require_signed_by(1, seeds.certificate().decode())
        return None

    return {
        "pulumi stack export": Door(
            ({"version": 3, "deployment": recorded()}, {}), printed("meshfleet.automation.engine.engine", exported)
        ),
        "pulumi stack ls": Door(
            ([{"name": "organization/meshfleet/west"}],), printed("meshfleet.automation.engine.engine", exists)
        ),
        "pulumi plugin ls": Door((listed,), printed("meshfleet.automation.engine.kubernetes_plugin", confirmed)),
        "nft, unshare and nsenter": Door(("step:mount a file system\nmount: denied",), refused),
        "the table of nftables": Door((LISTING,), printed("meshfleet.embedded.loopback", open_ports)),
        "notes of tables of nftables": Door(({"version": 1, "home": "/home", "ports": [21000]},), kept_tables_of),
        "the log of etcd": Door(
            ('{"level": "fatal", "msg": "discovery failed", "error": "crc mismatch"}\npanic: x', {"level": "panic"}),
            log_of_etcd,
        ),
        "helm uninstall": Door(("a reason",), uninstalled),
        "versions of programs": Door(("Kubernetes v1.35.4",), versions),
        "credential plugins": Door((CREDENTIAL,), credential),
        "the certificate of an istiod": Door((seeds.certificate(),), served, (MeshfleetError, NotYetError)),
    }


_EXEC = {"apiVersion": CREDENTIAL["apiVersion"], "command": "any", "interactiveMode": "Never"}


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return "[" * 3000
