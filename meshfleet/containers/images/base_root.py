"""The root under every node: Debian with systemd, and what kind puts on top of it for its own base image.

Sources: https://github.com/kubernetes-sigs/kind/blob/v0.33.0/images/base/Dockerfile, whose steps these are, and
https://manpages.debian.org/bookworm/debootstrap/debootstrap.8
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Final

from meshfleet.containers.packages import MIRROR_VARIABLE, SUITE, mirror
from meshfleet.containers.programs import ALONE, run_program
from meshfleet.processes.child_environment import download_environment

PACKAGES: Final = (
    *("systemd", "systemd-sysv", "dbus", "conntrack", "iptables", "nftables", "iproute2", "ethtool", "kmod", "socat"),
    *("jq", "curl", "procps", "mount", "ca-certificates", "runc", "containernetworking-plugins"),
)
_PLUGINS: Final = ("bridge", "host-local", "loopback", "portmap", "ptp")
_SECONDS: Final = 1800.0
# Units that start what a machine has and a node has not (Dockerfile: "remove unwanted systemd services").
_UNWANTED: Final = (
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "lib/systemd/system/multi-user.target.wants/*",
    "etc/systemd/system/*.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "lib/systemd/system/basic.target.wants/*",
)
_ENABLED: Final = ("kubelet.service", "containerd.service", "undo-mount-hacks.service")
# systemd-binfmt would register formats with the kernel, for the whole machine.
_MASKED: Final = "systemd-binfmt.service"
_NOT_IN_AN_IMAGE: Final = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def make_base_root(root: Path, packages: Path, kind_files: Path) -> None:
    """Make the root in the folder `root`, which is absent.

    `packages` holds debootstrap (see `packages.ENGINE`), `kind_files` is images/base/files of kind's module. Raises
    ContainersError.
    """
    tools = [str(packages / "usr/sbin"), str(packages / "usr/bin")]
    path = os.pathsep.join([*tools, os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    environment = download_environment(
        {"PATH": path, "DEBOOTSTRAP_DIR": str(packages / "usr/share/debootstrap"), "LC_ALL": "C.UTF-8"}
    )
    options = ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
    run_program(
        [*ALONE, str(packages / "usr/sbin/debootstrap"), *options, SUITE, str(root), mirror()],
        seconds=_SECONDS,
        environment=environment,
        advice=f"check the network, or set {MIRROR_VARIABLE} to a mirror of Debian; its log is in {root}/debootstrap",
    )
    _add_kind_files(root, kind_files)
    for pattern in _UNWANTED:
        for path_found in root.glob(pattern):
            path_found.unlink()
    # The kernel's messages are those of the machine.
    with (root / "etc/systemd/journald.conf").open("a", encoding="utf-8") as journal:
        journal.write("ReadKMsg=no\n")
    run_program([*ALONE, "chroot", str(root), "systemctl", "enable", *_ENABLED], seconds=60)
    run_program([*ALONE, "chroot", str(root), "systemctl", "mask", _MASKED], seconds=60)
    (root / "etc/kubernetes/manifests").mkdir(parents=True, exist_ok=True)
    plugins = root / "opt/cni/bin"
    plugins.mkdir(parents=True, exist_ok=True)
    for name in _PLUGINS:
        shutil.copy2(root / "usr/lib/cni" / name, plugins / name)
    shutil.rmtree(root / "usr/lib/cni")
    for name in _NOT_IN_AN_IMAGE:
        shutil.rmtree(root / name, ignore_errors=True)
    (root / "var/lib/apt/lists").mkdir(parents=True)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)


def _add_kind_files(root: Path, files: Path) -> None:
    """Programs are executable and all else is not, as the Dockerfile says."""
    for source in sorted(files.rglob("*")):
        relative = source.relative_to(files)
        if relative.parts[0] == "LICENSES" or source.is_dir():
            continue
        target = root / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        is_program = relative.as_posix().startswith(("usr/local/bin/", "kind/bin/"))
        target.chmod(0o755 if is_program else 0o644)
    for folder in ("kind", "kind/bin", "usr/local/bin"):
        (root / folder).chmod(0o755)


def without_resource_capability(root: Path) -> None:
    """Have containerd in the node ask for nothing that a machine without CAP_SYS_RESOURCE refuses.

    Without it no process may lower its OOM score (https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html):
    runc then fails with "can't get final child's PID". kind's entrypoint does the same in user namespaces.
    """
    config = root / "etc/containerd/config.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true"), encoding="utf-8")
    service = root / "etc/systemd/system/containerd.service"
    text = service.read_text(encoding="utf-8")
    service.write_text(re.sub(r"^OOMScoreAdjust=.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
