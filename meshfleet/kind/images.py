"""The node image of a cluster, and what its nodes need on this machine; found before anything is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from meshfleet.errors import EmbeddedError
from meshfleet.kind.engine import DockerEngine
from meshfleet.kind.faults import docker_fault
from meshfleet.kind.nodes import has_image
from meshfleet.kind.own_engine import built_node_image
from meshfleet.kind.spec import KindSpec, published_image

PULL_SECONDS: Final = 600.0
# With version 2 there is one hierarchy, which has this file at its top.
_CGROUP_V2: Final = Path("/sys/fs/cgroup/cgroup.controllers")


def node_image(engine: DockerEngine, spec: KindSpec) -> str:
    """The image of the nodes, which the engine has when this returns; a built one is never pulled.

    Raises EmbeddedError for one that is not there.
    """
    if spec.built:
        image = built_node_image()
        if not has_image(engine, image):
            raise EmbeddedError(f"{engine.where}: it has no image {image}; run scripts/kind-images, which builds it")
        return image
    image = published_image(spec)
    if not has_image(engine, image):
        ended = engine.run("pull", "--quiet", image, seconds=PULL_SECONDS)
        if ended.code:
            raise docker_fault(engine.where, ended.err, f"pull {image}")
    return image


def cluster_patches(*, built: bool) -> list[str]:
    """Patches of kubeadm's configuration that this machine and these images need.

    The kubelet refuses version 1 of cgroups since 1.35; and once a pull failed it does not use an image that is loaded
    later, unless it does not verify who pulled it. Keys on elliptic curves, of which kubeadm makes sixteen, take a
    small part of the time of RSA. Sources: https://kubernetes.io/docs/concepts/architecture/cgroups/,
    https://kubernetes.io/docs/concepts/containers/images/#ensureimagepullcredentialverification and
    https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-init/#feature-gates
    """
    kubelet: dict[str, object] = {}
    found: list[dict[str, object]] = []
    if not _CGROUP_V2.exists():
        kubelet["failCgroupV1"] = False
    if built:
        kubelet["imagePullCredentialsVerificationPolicy"] = "NeverVerify"
        # Of the version that is built; others may have another name for it.
        found.append({"kind": "ClusterConfiguration", "featureGates": {"PublicKeysECDSA": True}})
    if kubelet:
        found.append({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", **kubelet})
    return [json.dumps(one) for one in found]
