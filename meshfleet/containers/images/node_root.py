"""The root of a node: the base, the programs of Kubernetes and containerd, and every image that it runs, unpacked.

As `kind build node-image` does, but for containerd, which imports the images while the root is a folder and no
container: in namespaces of its own, so that nothing of it is seen on the machine and all of it ends with the command.

Sources: https://github.com/kubernetes-sigs/kind/tree/v0.33.0/pkg/build/nodeimage and `ctr images import --help`
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meshfleet.containers.programs import ALONE, run_program
from meshfleet.errors import ContainersError

STORAGE_CLASS: Final = """\
# No images: volumes of pods are emptyDir, and a claim stays pending.
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
"""
# kind's service of the kubelet starts it there.
_PROGRAMS: Final = {
    "kubelet": "usr/bin/kubelet",
    "kubeadm": "usr/bin/kubeadm",
    "kubectl": "usr/bin/kubectl",
    "containerd": "usr/local/bin/containerd",
    "ctr": "usr/local/bin/ctr",
    "containerd-shim-runc-v2": "usr/local/bin/containerd-shim-runc-v2",
}
_CRICTL: Final = Path(__file__).with_name("files") / "crictl"
_IMPORT_SECONDS: Final = 900.0
# Runs in the root, as process 1 of its own: when it ends, all it has started is killed.
_IMPORT: Final = r"""
set -eu
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
ip link set lo up
containerd >/tmp/containerd.log 2>&1 &
tries=0
until ctr version >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" = 300 ]; then
        tail -n 20 /tmp/containerd.log >&2
        exit 1
    fi
    sleep 0.1
done
ctr --namespace=k8s.io images import --local --discard-unpacked-layers \
    --label=io.cri-containerd.pinned=pinned --label=io.cri-containerd.image=managed /images.tar
ctr --namespace=k8s.io content prune references >/dev/null
ctr oci spec |
    jq '.hooks.createContainer[.hooks.createContainer | length] |= . + {"path": "/kind/bin/mount-product-files.sh"}' |
    jq 'del(.process.rlimits)' >/etc/containerd/cri-base.json
kill -s TERM $!
wait $! || true
"""


def fill_node_root(root: Path, programs: Mapping[str, Path], kubernetes: str, archive: Path) -> None:
    """Make the node out of `root`, a copy of the base; `archive` (moved into it and removed) holds the images.

    `programs` are files by name, `kubernetes` the version such as v1.35.4. Raises ContainersError, OSError.
    """
    for name, path in _PROGRAMS.items():
        shutil.copyfile(programs[name], root / path)
        (root / path).chmod(0o755)
    shutil.copyfile(_CRICTL, root / "usr/local/bin/crictl")
    (root / "usr/local/bin/crictl").chmod(0o755)
    (root / "kind/version").write_text(kubernetes, encoding="utf-8")
    manifests = root / "kind/manifests"
    manifests.mkdir(exist_ok=True)
    (manifests / "default-storage.yaml").write_text(STORAGE_CLASS, encoding="utf-8")
    # kind reads it even where a cluster says disableDefaultCNI; nothing of it is applied then.
    (manifests / "default-cni.yaml").write_text("", encoding="utf-8")
    inside = root / "images.tar"
    shutil.move(archive, inside)
    command = [*ALONE, "unshare", "--net", "--ipc", "--uts", "chroot", str(root), "/bin/bash", "-c", _IMPORT]
    run_program(command, seconds=_IMPORT_SECONDS)
    inside.unlink()
    if not (root / "etc/containerd/cri-base.json").stat().st_size:
        raise ContainersError(f"{root}/etc/containerd/cri-base.json: empty; run the command again")
