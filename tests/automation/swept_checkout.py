"""A checkout in which every command works and nothing but the engine is made up: files, locks and programs are real."""

from __future__ import annotations

import copy
import importlib
import importlib.metadata
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.identities.reviewed import Reviewed
from meshfleet.identities.user_kubeconfig import UserKubeconfig
from meshfleet.toolchain import Toolchain
from meshfleet.verification import CheckResult, Report
from meshfleet.virtual_machines.bundles import Made
from tests.automation.events import done
from tests.automation.made_up_session import STATUS
from tests.automation.stack_files import GOOD, write_stack

STACK = "good"
CONFIG: dict[str, Any] = GOOD | {
    "namespaces": {"orders": {"injection": True}},
    "virtualMachines": {"billing": {"namespace": "orders", "cluster": "west", "ports": {"http": {"port": 8080}}}},
    "identities": {
        "users": {"carla": {}},
        "bindings": {"viewers": {"role": "view", "subjects": {"users": ["carla"]}, "namespaces": ["orders"]}},
    },
}
_PULUMI = """#!/bin/sh
shift
case "$1 $2" in
"stack output") cat "{folder}/outputs.json" ;;
"stack export") cat "{folder}/export.json" ;;
"stack ls") echo '[]' ;;
esac
"""
_KUBECONFIG = "apiVersion: v1\nkind: Config\n"


@dataclass
class EngineStack:
    """In place of FleetStack: one change in every operation."""

    name: str
    workspace: Any

    def _perform(self, *, on_event: Callable[[Any], None], **_: Any) -> Self:
        on_event(done("west/remote-secrets", "update"))
        return self

    up = preview = preview_refresh = destroy = _perform


class SweptCheckout:
    """`fresh` sets the home up as after an `up`, for one command."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.checkout = Checkout(folder / "root", folder / "home")
        self.checkout.root.mkdir()
        tools = folder / "tools"
        for name in ("bin", "charts", "gateway-api"):
            (tools / name).mkdir(parents=True)
        (tools / "bin" / "pulumi").write_text(_PULUMI.format(folder=folder), encoding="utf-8")
        (tools / "bin" / "pulumi").chmod(0o755)
        (folder / "stacks").mkdir()
        write_stack(folder / "stacks", STACK, CONFIG)
        outputs = {"fleet": status_of_fleet(), "kubeconfigs": {"west": _KUBECONFIG, "east": _KUBECONFIG}}
        (folder / "outputs.json").write_text(json.dumps(outputs), encoding="utf-8")
        (folder / "export.json").write_text('{"version": 3, "deployment": {}}', encoding="utf-8")
        toolchain = Toolchain(
            tools / "bin", tools / "charts", tools / "gateway-api", tools / "bootstrap.json", {"kubernetes": "v1.35.4"}
        )
        for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("MESHFLEET_HOME", str(self.checkout.home))
        monkeypatch.setenv("MESHFLEET_STACKS", str(folder / "stacks"))
        monkeypatch.setenv("KUBECACHEDIR", str(folder / "kubectl"))
        monkeypatch.setenv("HOME", str(folder / "user"))
        # Of the plugins' processes only the start is of interest here.
        monkeypatch.setattr("sys.executable", "/bin/true")
        # Else there would be as many calls as the machine happens to have processes.
        monkeypatch.setattr("psutil.process_iter", lambda *_, **__: iter([psutil.Process()]))
        monkeypatch.setattr(Checkout, "here", classmethod(lambda cls: self.checkout))
        monkeypatch.setattr("meshfleet.toolchain.ensure", lambda *_, **__: toolchain)
        monkeypatch.setattr("meshfleet.automation.engine.engine.FleetStack", EngineStack)
        report = Report((CheckResult("any", "west", True, "seen", 0.1),))
        monkeypatch.setattr("meshfleet.verification.run", lambda *_, **__: report)
        made = Made({"cluster.env": "A=1\n", "istio-token": "t"}, "2030-01-01T00:00:00Z")
        monkeypatch.setattr("meshfleet.virtual_machines.bundles.make", lambda *_, **__: made)
        granted = UserKubeconfig("kind: Config\n", {"west": "2030-01-01T00:00:00Z"}, {})
        monkeypatch.setattr("meshfleet.identities.user_kubeconfig.user_kubeconfig", lambda *_: granted)
        monkeypatch.setattr("meshfleet.identities.reviewed.review", lambda *_: {"west": Reviewed((), (), ())})
        monkeypatch.setattr("meshfleet.virtual_machines.local_machines.prepared", _nothing_runs_here)
        self._template = folder / "template"
        self._set_up(self._template)

    def _set_up(self, home: Path) -> None:
        checkout = Checkout(self.checkout.root, home)
        state = checkout.state / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json"
        state.parent.mkdir(parents=True)
        state.write_text('{"version": 3, "checkpoint": {"stack": "good", "latest": {}}}', encoding="utf-8")
        checkout.passphrase.write_text("passphrase", encoding="utf-8")
        log = checkout.fleet(STACK) / "clusters" / "west" / "etcd.log"
        log.parent.mkdir(parents=True)
        log.write_text("a line\n", encoding="utf-8")

    def fresh(self) -> None:
        """The home as it was at first, and nothing that a command wrote elsewhere."""
        for path in (self.checkout.home, self.folder / "out", self.checkout.root):
            shutil.rmtree(path, ignore_errors=True)
        self.checkout.root.mkdir()
        # A directory that could not be listed is taken for empty as long as the process lives.
        importlib.invalidate_caches()
        # Python 3.11 leaves out what it has found of distributions.
        cached: Any = importlib.metadata.FastPath.__new__  # type: ignore[attr-defined]
        cached.cache_clear()
        shutil.copytree(self._template, self.checkout.home)


def status_of_fleet() -> dict[str, Any]:
    """What `up` has written of a fleet; of its workloads nothing, which no command here needs."""
    status = copy.deepcopy(STATUS)
    for cluster in status["clusters"]:
        cluster["workloads"] = []
    return status


def _nothing_runs_here(*_: Any, **__: Any) -> Any:
    from meshfleet.errors import UnsupportedError

    raise UnsupportedError("billing: machines cannot run here, this is a test; take a bundle to a real machine")
