"""Every image that a cluster in containers runs: what it is called here, what it is made of, and what it is elsewhere.

Where image registries answer nothing here is built: `in_registry` is then the image, and `reason` says why this one is
used where they do not. The tags here are those that kubeadm, kind's containerd and the charts ask for.

Sources: https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-config/#cmd-config-images-list,
https://github.com/cert-manager/cert-manager/blob/master/deploy/charts/cert-manager/values.yaml,
https://github.com/istio/istio/blob/master/pilot/docker/Dockerfile.pilot, Dockerfile.proxyv2 and
https://github.com/istio/istio/blob/master/pkg/test/echo/docker/Dockerfile.app
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.containers.images.archive import Content, ImageFile
from meshfleet.toolchain.wording import shorten

ISTIO_HUB: Final = "meshfleet.local/istio"
NODE_REPOSITORY: Final = "meshfleet.local/kind-node"
_REGISTRY: Final = "registry.k8s.io"
# What kubeadm of the pinned release asks for (cmd/kubeadm/app/constants/constants.go), and kind's containerd
# (images/base/files/etc/containerd/config.toml), whose pause is not kubeadm's.
COREDNS_TAG: Final = "v1.13.1"
ETCD_TAG: Final = "3.6.6-0"
PAUSE_TAG: Final = "3.10"
_PROXY_USER: Final = 1337
_BOOTSTRAP: Final = "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"
# In an image, where no other user is.
_TEMPORARY: Final = {"/tmp": 0o1777}  # noqa: S108
_NETWORK: Final = "the programs that set up packet filters are Debian's, without a distribution around them"
CERT_MANAGER_HUB: Final = "quay.io/jetstack/cert-manager"
_OWN_MAIN: Final = "a main of ours around upstream's packages, since its own is in a module that no index serves"
_CERT_MANAGER: Final = {
    "controller": f"{_OWN_MAIN}; without ACME, Venafi, ingresses, metrics and configuration files",
    "webhook": f"{_OWN_MAIN}; without configuration files",
    "cainjector": f"{_OWN_MAIN}; without configuration files",
}
_ONE_BINARY: Final = "one program, built from its Go module; nothing else is in it"


@dataclass(frozen=True)
class Component:
    """One image. `program` is its main program, `in_registry` the published image, `reason` why this one differs."""

    name: str
    program: str
    content: Content
    in_registry: str
    reason: str


def components(programs: Mapping[str, Path], network: Path, versions: Mapping[str, str]) -> tuple[Component, ...]:
    """Every image that is put into a node.

    `programs` are the built programs by name, `network` is the root with iptables, nft and conntrack, `versions` are
    those of the toolchain by tool.
    """
    kubernetes = versions["kubernetes"]
    control_plane = (
        Component(
            name=f"{_REGISTRY}/{program}:{kubernetes}",
            program=program,
            content=_one(programs[program], f"/usr/local/bin/{program}", mount_points=True),
            in_registry=f"{_REGISTRY}/{program}:{kubernetes}",
            reason=_ONE_BINARY,
        )
        for program in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    )
    return (
        *control_plane,
        Component(
            name=f"{_REGISTRY}/kube-proxy:{kubernetes}",
            program="kube-proxy",
            content=Content(base=network, files=_at("/usr/local/bin/kube-proxy", programs["kube-proxy"])),
            in_registry=f"{_REGISTRY}/kube-proxy:{kubernetes}",
            reason=_NETWORK,
        ),
        Component(
            name=f"{_REGISTRY}/etcd:{ETCD_TAG}",
            program="etcd",
            content=_one(programs["etcd"], "/usr/local/bin/etcd"),
            in_registry=f"{_REGISTRY}/etcd:{ETCD_TAG}",
            reason=f"etcd {versions['etcd']}, which the toolchain has; kubeadm asks for the tag",
        ),
        Component(
            name=f"{_REGISTRY}/coredns/coredns:{COREDNS_TAG}",
            program="coredns",
            content=_one(programs["coredns"], "/coredns", entrypoint=True),
            in_registry=f"{_REGISTRY}/coredns/coredns:{COREDNS_TAG}",
            reason=f"CoreDNS {versions['coredns']} with the plugins of a Corefile; kubeadm asks for the tag",
        ),
        Component(
            name=f"{_REGISTRY}/pause:{PAUSE_TAG}",
            program="pause",
            content=_one(programs["pause"], "/pause", entrypoint=True, user="65535:65535"),
            in_registry=f"{_REGISTRY}/pause:{PAUSE_TAG}",
            reason="twenty lines of Go that do what its C does; the tag is the one of kind's containerd",
        ),
        *istio_components(programs, network, versions["istio"]),
        *cert_manager_components(programs, versions["cert-manager"]),
    )


def cert_manager_images(version: str) -> tuple[str, ...]:
    """The names of cert-manager's images of a version, such as v1.21.2."""
    return tuple(f"{CERT_MANAGER_HUB}-{name}:{version}" for name in _CERT_MANAGER)


def cert_manager_components(programs: Mapping[str, Path], version: str) -> tuple[Component, ...]:
    """The images that cert-manager's own chart of this version asks for, whose pods may not run as root."""
    return tuple(
        Component(
            name=image,
            program=f"cert-manager-{name}",
            content=_one(programs[f"cert-manager-{name}"], f"/usr/local/bin/{name}", entrypoint=True, user="1000"),
            in_registry=image,
            reason=reason,
        )
        for image, (name, reason) in zip(cert_manager_images(version), _CERT_MANAGER.items(), strict=True)
    )


def istio_components(programs: Mapping[str, Path], network: Path, version: str) -> tuple[Component, ...]:
    """Istio's images, under the tag that `istio_tag` gives for `version`."""
    tag = istio_tag(version)
    user = f"{_PROXY_USER}:{_PROXY_USER}"
    accounts = {
        "/etc/passwd": f"root:x:0:0:root:/root:/bin/false\nistio-proxy:x:{user}::/var/lib/istio:/bin/false\n",
        "/etc/group": f"root:x:0:\nistio-proxy:x:{_PROXY_USER}:\n",
    }
    folders = {**_TEMPORARY, "/var/lib/istio": 0o755, "/etc/istio": 0o755, "/etc/istio/proxy": 0o755}
    owned = dict.fromkeys(("/var/lib/istio", "/etc/istio", "/etc/istio/proxy"), _PROXY_USER)
    return (
        Component(
            name=f"{ISTIO_HUB}/pilot:{tag}",
            program="pilot-discovery",
            content=Content(
                files=_at("/usr/local/bin/pilot-discovery", programs["pilot-discovery"]),
                texts=accounts,
                folders=folders,
                owned=owned,
                entrypoint=("/usr/local/bin/pilot-discovery",),
                user=user,
            ),
            in_registry="docker.io/istio/pilot:RELEASE",
            reason="a commit of the release branch, since releases are no Go modules",
        ),
        Component(
            name=f"{ISTIO_HUB}/proxyv2:{tag}",
            program="pilot-agent",
            content=Content(
                base=network,
                files={
                    **_at("/usr/local/bin/pilot-agent", programs["pilot-agent"]),
                    **_at("/usr/local/bin/envoy", programs["envoy"]),
                    _BOOTSTRAP: ImageFile(programs["envoy_bootstrap.json"], 0o644),
                },
                texts=accounts,
                folders={**folders, "/var/lib/istio/envoy": 0o755},
                owned={**owned, "/var/lib/istio/envoy": _PROXY_USER},
                entrypoint=("/usr/local/bin/pilot-agent",),
                user=user,
            ),
            in_registry="docker.io/istio/proxyv2:RELEASE",
            reason="upstream Envoy from its wheel, which has not all of Istio's filters: no telemetry, and three "
            "settings of istiod (docs/kind-images.md)",
        ),
        Component(
            name=f"{ISTIO_HUB}/app:{tag}",
            program="echo-server",
            content=Content(
                files={
                    **_at("/usr/local/bin/server", programs["echo-server"]),
                    **_at("/usr/local/bin/client", programs["echo-client"]),
                },
                texts=accounts,
                folders=_TEMPORARY,
                entrypoint=("/usr/local/bin/server",),
            ),
            in_registry="gcr.io/istio-testing/app:RELEASE",
            reason="Istio's echo application, which is published for its own tests only",
        ),
    )


def istio_tag(version: str) -> str:
    """The tag of Istio's images for a version of its module: the commit, as the toolchain's tables show it."""
    return shorten(version)


def _one(program: Path, path: str, *, entrypoint: bool = False, user: str = "", mount_points: bool = False) -> Content:
    return Content(
        files=_at(path, program),
        folders={**_TEMPORARY, **({"/etc": 0o755, "/usr/share": 0o755} if mount_points else {})},
        entrypoint=(path,) if entrypoint else (),
        user=user,
    )


def _at(path: str, program: Path) -> dict[str, ImageFile]:
    return {path: ImageFile(program)}
