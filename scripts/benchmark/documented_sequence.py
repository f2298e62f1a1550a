"""The way Istio's documentation tells people to do it: one command after the other, cluster by cluster.

https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/ with helm, kubectl and istioctl.
The clusters, the certificates and the istiod processes are the same as meshfleet's; certificates are made beforehand.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.embedded.istiod import Istiod
from meshfleet.embedded.istiod_spec import Authority, IstiodSpec
from meshfleet.manifests import gateways, trust
from meshfleet.plugins.meshfleet.certificates import IntermediateSpec, RootSpec, create_intermediate, create_root
from meshfleet.processes.child_environment import client_environment
from meshfleet.topology.system_names import EAST_WEST_GATEWAY
from meshfleet.versions import EMBEDDED_KUBERNETES
from meshfleet.workspace.home import Workspace

MESH = "mesh1"
NAMESPACE = "istio-system"


@dataclass(frozen=True)
class Tools:
    """Where the programs and Istio's charts are."""

    bin: Path
    charts: Path


@dataclass
class Member:
    """One cluster of the baseline; `address` is that of its east-west gateway."""

    name: str
    kubeconfig: Path
    server: str
    authority: trust.CertificateAuthority
    address: str


def spec(name: str) -> ClusterSpec:
    """The cluster that a stack file with `embedded: {}` makes."""
    return ClusterSpec(name, EMBEDDED_KUBERNETES)


def certificates(folder: Path, names: tuple[str, ...]) -> dict[str, trust.CertificateAuthority]:
    """An intermediate for each cluster under one root, also as files for kubectl."""
    now = datetime.now(UTC)
    root = create_root(RootSpec("Root CA", "Istio", "ecdsa-p256", 3650), now)
    made: dict[str, trust.CertificateAuthority] = {}
    for name in names:
        authority = create_intermediate(root, IntermediateSpec(name, "Istio", "ecdsa-p256", 730, NAMESPACE), now)
        chain = authority.certificate + root.certificate
        made[name] = trust.CertificateAuthority(authority.certificate, authority.private_key, chain, root.certificate)
        for file, content in made[name].files().items():
            path = folder / name / file
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(0o600)
            path.write_text(content, encoding="utf-8")
    return made


def install(tools: Tools, workspace: Workspace, folder: Path, members: list[Member]) -> None:
    """The whole sequence on clusters that run."""
    for member in members:
        _control_plane(tools, workspace, folder, member)
        _gateway(tools, member)
    remote_secrets(tools, members)


def _control_plane(tools: Tools, workspace: Workspace, folder: Path, member: Member) -> None:
    istiod = Istiod(workspace, member.name, "default")
    ports = istiod.reserve()
    webhook = f"https://localhost:{ports['https']}"
    system_namespace(tools, folder, member)
    helm(tools, member, "istio-base", "base", f"base.validationURL={webhook}/validate")
    helm(
        tools,
        member,
        "istiod",
        "istiod",
        f"global.meshID={MESH}",
        f"global.multiCluster.clusterName={member.name}",
        f"global.network={network_of(member)}",
        f"istiodRemote.injectionURL={webhook}/inject/cluster/{member.name}/net/{network_of(member)}",
        f"base.validationURL={webhook}/validate",
        "autoscaleEnabled=false",
        wait=True,
    )
    authority = member.authority
    istiod.start(
        IstiodSpec(
            cluster=member.name,
            revision="default",
            network=network_of(member),
            namespace=NAMESPACE,
            mesh_id=MESH,
            trust_domain="cluster.local",
            kubeconfig=member.kubeconfig.read_text(encoding="utf-8"),
            context=None,
            authority=Authority(authority.certificate, authority.key, authority.chain, authority.root),
            settings={},
        ),
        ports,
    )


def system_namespace(tools: Tools, folder: Path, member: Member) -> None:
    """The namespace of Istio with the network of the cluster and its certificates."""
    kubectl(tools, member, "create", "namespace", NAMESPACE)
    kubectl(tools, member, "label", "namespace", NAMESPACE, f"topology.istio.io/network={network_of(member)}")
    files = [f"--from-file={folder / member.name / file}" for file in member.authority.files()]
    kubectl(tools, member, "create", "secret", "generic", "cacerts", "-n", NAMESPACE, *files)


def _gateway(tools: Tools, member: Member) -> None:
    name = EAST_WEST_GATEWAY
    values = (f"name={name}", f"networkGateway={network_of(member)}", "service.allocateLoadBalancerNodePorts=false")
    helm(tools, member, name, "gateway", *values)
    status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": member.address}]}}})
    patch = ("--subresource=status", "--type=merge", "-p", status)
    kubectl(tools, member, "patch", "service", name, "-n", NAMESPACE, *patch)
    kubectl(tools, member, "rollout", "status", f"deployment/{name}", "-n", NAMESPACE, "--timeout=60s")
    kubectl(tools, member, "apply", "-f", "-", stdin=json.dumps(gateways.cross_network_gateway(NAMESPACE)))


def remote_secrets(tools: Tools, members: Sequence[Member]) -> None:
    """What each control plane reads each other cluster with."""
    for peer in members:
        for member in members:
            if member is not peer:
                _remote_secret(tools, peer, member)


def _remote_secret(tools: Tools, peer: Member, member: Member) -> None:
    arguments = ["create-remote-secret", "--name", peer.name, "--server", peer.server]
    secret = run([str(tools.bin / "istioctl"), "--kubeconfig", str(peer.kubeconfig), *arguments])
    kubectl(tools, member, "apply", "-f", "-", stdin=secret)


def network_of(member: Member) -> str:
    """The network of a cluster."""
    return f"network-{member.name}"


def kubectl(tools: Tools, member: Member, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl on a cluster; what it printed. Raises CalledProcessError."""
    return run([str(tools.bin / "kubectl"), "--kubeconfig", str(member.kubeconfig), *arguments], stdin)


def helm(tools: Tools, member: Member, release: str, chart: str, *values: str, wait: bool = False) -> None:
    """Install a release of a chart in a cluster. Raises CalledProcessError."""
    command = [str(tools.bin / "helm"), "--kubeconfig", str(member.kubeconfig), "install", release]
    command += [str(tools.charts / chart), "-n", NAMESPACE, *(["--wait"] if wait else [])]
    run([*command, *(part for value in values for part in ("--set", value))])


def run(command: list[str], stdin: str | None = None) -> str:
    """Run a program; what it printed. Raises CalledProcessError."""
    done = subprocess.run(command, env=client_environment(), input=stdin, capture_output=True, text=True, check=True)
    return done.stdout
