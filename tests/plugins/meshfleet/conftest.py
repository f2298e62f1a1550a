"""One embedded cluster with Istio's charts in it, shared by the tests that need a real istiod."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshfleet.dataplane.sweep import sweep
from meshfleet.plugins.meshfleet.embedded_cluster import EmbeddedClusterHandler
from meshfleet.plugins.meshfleet.handler import Properties
from meshfleet.plugins.meshfleet.intermediate_certificate_authority import IntermediateCertificateAuthorityHandler
from meshfleet.plugins.meshfleet.istiod_address import PORT_NAMES, IstiodAddressHandler
from meshfleet.plugins.meshfleet.root_certificate_authority import RootCertificateAuthorityHandler
from meshfleet.toolchain import Toolchain

FLEET = "plugin-tests"


@dataclass(frozen=True)
class MeshCluster:
    """A cluster that is ready for its istiod: charts installed, ports reserved, certificates issued."""

    home: Path
    tools: Path
    kubeconfig: str = field(repr=False)
    istiod: Properties = field(repr=False)

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl against it and return what it prints."""
        path = self.home / "kubectl.yaml"
        if not path.exists():
            path.write_text(self.kubeconfig, encoding="utf-8")
        command = [str(self.tools / "kubectl"), "--kubeconfig", str(path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="session")
def mesh_cluster(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeshCluster]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MESHFLEET_HOME", str(home))
        environment.setenv("MESHFLEET_TOOLS", str(toolchain.bin))
        try:
            yield _prepare(home, toolchain)
        finally:
            sweep(FLEET, home)


def _prepare(home: Path, toolchain: Toolchain) -> MeshCluster:
    clusters = EmbeddedClusterHandler()
    inputs, faults = clusters.check({"fleet": FLEET, "name": "west", "kubernetesVersion": "v1.35.4"})
    assert not faults
    kubeconfig = clusters.create(inputs, 0).outputs["kubeconfig"]
    addresses = IstiodAddressHandler()
    address = addresses.create({"fleet": FLEET, "cluster": "west", "revision": "default"}, 0).outputs
    cluster = MeshCluster(home, toolchain.bin, kubeconfig, _istiod(kubeconfig, address))
    cluster.kubectl("create", "namespace", "istio-system")
    _install(
        cluster, toolchain.charts / "base", "istio-base", {"base.validationURL": f"{address['webhookUrl']}/validate"}
    )
    _install(
        cluster,
        toolchain.charts / "istiod",
        "istiod",
        {
            "global.meshID": "mesh1",
            "global.multiCluster.clusterName": "west",
            "global.network": "network1",
            "istiodRemote.injectionURL": f"{address['webhookUrl']}/inject/cluster/west/net/network1",
            "base.validationURL": f"{address['webhookUrl']}/validate",
            "telemetry.enabled": "false",
            "autoscaleEnabled": "false",
        },
    )
    return cluster


def _istiod(kubeconfig: str, address: Properties) -> Properties:
    roots = RootCertificateAuthorityHandler()
    root_inputs, _ = roots.check({"commonName": "Root CA of mesh1"})
    root = roots.create(root_inputs, 0).outputs
    intermediates = IntermediateCertificateAuthorityHandler()
    issued, _ = intermediates.check(
        {"rootCertificate": root["certificate"], "rootPrivateKey": root["privateKey"], "cluster": "west"}
    )
    authority = intermediates.create(issued, 0).outputs
    return {
        "fleet": FLEET,
        "cluster": "west",
        "network": "network1",
        "meshId": "mesh1",
        "trustDomain": "cluster.local",
        "kubeconfig": kubeconfig,
        "address": {name: address[name] for name in PORT_NAMES},
        "certificateAuthority": {
            "caCertificate": authority["certificate"],
            "caKey": authority["privateKey"],
            "certificateChain": authority["certificateChain"],
            "rootCertificate": root["certificate"],
        },
    }


def _install(cluster: MeshCluster, chart: Path, release: str, values: dict[str, str]) -> None:
    settings = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    kubeconfig = cluster.home / "kubectl.yaml"
    command = [
        str(cluster.tools / "helm"),
        "install",
        release,
        str(chart),
        "--kubeconfig",
        str(kubeconfig),
        "--namespace",
        "istio-system",
        *settings,
    ]
    environment = os.environ | {"HOME": str(cluster.home)}
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, env=environment)
