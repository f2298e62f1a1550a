"""One fleet on one pair of Istio and Kubernetes: up, verified with requests, versions compared, destroyed."""

from __future__ import annotations

import json
import mmap
import re
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil

from meshfleet.dataplane.network.place import Place as DataPlane
from meshfleet.dataplane.network.programs import binaries
from meshfleet.embedded.ports import reserved_ports
from meshfleet.toolchain import ensure, further_plan
from meshfleet.toolchain.progress import progress_for
from meshfleet.toolchain.recipes import FURTHER, ISTIO
from meshfleet.versions import further_istio
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from scripts.versions.place import FailedError, Place, place, run, say
from scripts.versions.plan import CLUSTERS, Pair, fleet_of
from scripts.versions.table import Row

_TRAFFIC: Final = "traffic-reach"
_REPORT_SECONDS: Final = 10.0


def run_pair(pair: Pair, keep: Path) -> Row:
    """Build what is missing and run the fleet of a pair to its end. Raises FailedError, ToolchainError."""
    for tool in pair.tools:
        if tool in FURTHER:
            ensure(progress_for(sys.stderr), plan=further_plan(FURTHER[tool]))
    with place(pair.stack, fleet_of(pair), keep) as here:
        say(f"Istio {pair.istio} on Kubernetes {pair.kubernetes}: up")
        begun = time.monotonic()
        here.meshfleet("up", "--stack", pair.stack)
        seconds = time.monotonic() - begun
        say(f"up in {seconds:.0f} s; verify")
        checks = verified(here.meshfleet("verify", "--stack", pair.stack, "--json"), _TRAFFIC)
        faults = [*_reported(here, pair)]
        if faults:
            raise FailedError("\n".join(faults))
        say(f"{checks} checks hold, versions are those of the pair; destroy")
        here.meshfleet("destroy", "--stack", pair.stack, "--yes")
    return Row(f"{len(CLUSTERS)} clusters, pods as processes", pair.istio, pair.kubernetes, "", seconds, checks)


def verified(report: str, *needed: str) -> int:
    """How many checks of `verify --json` hold. Raises FailedError where one does not, or a needed one was not run."""
    found: dict[str, Any] = json.loads(report)
    checks = found["checks"]
    failed = [f"{one['cluster']} {one['name']}: {one['detail']}" for one in checks if not one["ok"]]
    names = {one["name"] for one in checks}
    failed += [f"{name}: was not checked" for name in needed if name not in names]
    if failed or not found["ok"]:
        raise FailedError("\n".join(["verify:", *failed]))
    return len(checks)


def _reported(here: Place, pair: Pair) -> Iterator[str]:
    """What is of another version than the pair, as the servers and processes themselves report."""
    workspace = Workspace(pair.stack, here.home)
    commit = FURTHER.get(f"istio-{pair.istio}", ISTIO).version
    agents = list(_agents(workspace))
    if len(agents) < 2 * len(CLUSTERS):
        yield f"{len(agents)} proxies run; each cluster must have those of its gateway and its workload"
    for agent in agents:
        yield from _differs(f"the agent {agent.pid}", commit, _built_from(agent))
    for cluster in CLUSTERS:
        yield from _differs(f"the API server of {cluster}", pair.kubernetes, _server_version(here, pair.stack, cluster))
        running = processes.find(workspace.istiod(cluster, "default")).get("pilot-discovery", [])
        if len(running) != 1:
            yield f"{len(running)} istiods of {cluster} run"
        for istiod in running:
            yield from _differs(f"the istiod of {cluster}", commit, _built_from(istiod))
        # The standard one has no release built into it.
        if further_istio(pair.istio):
            port = reserved_ports(here.home, workspace.owner("istiod", cluster, "default"))["monitoring"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=_REPORT_SECONDS) as answer:
                # With the revision and the state of the source, which a module does not tell.
                found = answer.read().decode().partition("-")[0]
            yield from _differs(f"what the istiod of {cluster} reports", pair.istio, found)


def _differs(what: str, wanted: str, found: str) -> Iterator[str]:
    if found != wanted:
        yield f"{what} is of {found or 'no version'}, not {wanted}"


def _server_version(here: Place, stack: str, cluster: str) -> str:
    kubeconfig = here.home / "fleets" / stack / "kubeconfigs" / f"{cluster}.yaml"
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    answer = run([kubectl, "--kubeconfig", str(kubeconfig), "version", "-o", "json"], here.folder, here.environment)
    return str(json.loads(answer)["serverVersion"]["gitVersion"])


def _agents(workspace: Workspace) -> Iterator[psutil.Process]:
    program = str(binaries(DataPlane.of(workspace)) / "pilot-agent")
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            # It has just ended.
            continue
        if words[:2] == [program, "proxy"]:
            yield process


def _built_from(process: psutil.Process) -> str:
    """The version of Istio's module in the program that a process runs, whatever its path is now."""
    return module_version(Path(f"/proc/{process.pid}/exe"), ISTIO.module)


def module_version(program: Path, module: str) -> str:
    """The version of a module that a Go program was built from; empty when it has none.

    Source: https://pkg.go.dev/runtime/debug#BuildInfo, which linkers write into each program.
    """
    pattern = rb"\n(?:mod|dep)\t" + re.escape(module.encode()) + rb"\t(v[0-9A-Za-z.+-]+)\t"
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = re.search(pattern, content)
        return found.group(1).decode() if found else ""
