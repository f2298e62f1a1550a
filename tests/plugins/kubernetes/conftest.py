"""One embedded API server and one PULUMI_HOME for the whole suite; a stack of its own for each test."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation.engine.kubernetes_plugin import NAME
from tests.kubernetes_plugin import FOLDER, chosen_plugin, installed_plugin, pulumi_home_with
from tests.plugins.kubernetes.engine import Engine

CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True)
class ApiServer:
    """A running cluster."""

    kubeconfig: str
    path: Path

    def kubectl(self, *arguments: str, manifest: Any = None) -> str:
        """Run kubectl on it; `manifest` goes to its standard input as JSON."""
        result = subprocess.run(
            [str(Path(sys.executable).with_name("kubectl")), "--kubeconfig", str(self.path), *arguments],
            input=None if manifest is None else json.dumps(manifest),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"kubectl {' '.join(arguments)}: {result.stderr}"
        return result.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object as it is."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def has(self, *arguments: str) -> bool:
        """Whether there is such an object."""
        return self.kubectl("get", *arguments, "-o", "name", "--ignore-not-found").strip() != ""


@pytest.fixture(scope="session")
def api_server(toolchain: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    directory = tmp_path_factory.mktemp("cluster")
    configuration = directory / "kwokctl.yaml"
    configuration.write_text(
        "kind: KwokctlConfiguration\napiVersion: config.kwok.x-k8s.io/v1alpha1\noptions:\n  bindAddress: 127.0.0.1\n"
    )
    environment = {**os.environ, "KWOK_WORKDIR": str(directory), "KWOK_KUBE_VERSION": "v1.35.4"}
    kwokctl = str(toolchain.bin / "kwokctl")
    binaries = {
        "etcd": "etcd",
        "kube-apiserver": "kube-apiserver",
        "kube-controller-manager": "kube-controller-manager",
        "kube-scheduler": "kube-scheduler",
        "kwok-controller": "kwok",
    }
    chosen = [part for flag, tool in binaries.items() for part in (f"--{flag}-binary", str(toolchain.bin / tool))]
    create = [kwokctl, "--name", "conformance", "--config", str(configuration), "create", "cluster"]
    delete = [kwokctl, "--name", "conformance", "delete", "cluster"]
    options = ["--runtime", "binary", "--disable-qps-limits", "--wait", "60s"]
    try:
        subprocess.run([*create, *options, *chosen], env=environment, check=True, capture_output=True)
        scale = [kwokctl, "--name", "conformance", "scale", "node", "--replicas", "1"]
        subprocess.run(scale, env=environment, check=True, capture_output=True)
        path = directory / "clusters" / "conformance" / "kubeconfig.yaml"
        yield ApiServer(path.read_text(encoding="utf-8"), path)
    finally:
        subprocess.run(delete, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="session")
def official_plugin() -> Path | None:
    """The executable of the official plugin that is chosen or installed; None for the stand-in."""
    return chosen_plugin() or installed_plugin()


@pytest.fixture(scope="session")
def plugin_home(official_plugin: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with the plugin under test."""
    home = tmp_path_factory.mktemp("pulumi")
    if official_plugin is not None:
        return pulumi_home_with(official_plugin, home)
    folder = home / "plugins" / FOLDER
    folder.mkdir(parents=True)
    script = folder / NAME
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{sys.executable}" -m meshfleet.plugins.kubernetes "$@"\n'
    )
    script.chmod(0o755)
    return home


@pytest.fixture
def engine(plugin_home: Path, toolchain: Any, tmp_path: Path) -> Engine:
    """A stack of the test's own; what it leaves goes with the cluster."""
    return Engine(plugin_home, toolchain.bin / "pulumi", tmp_path, toolchain.bin / "helm")


@pytest.fixture
def namespace(api_server: ApiServer, request: pytest.FixtureRequest) -> str:
    """A namespace of its own for the test, made outside of Pulumi; it goes with the cluster."""
    name = f"test-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
    api_server.kubectl("create", "namespace", name)
    return name
