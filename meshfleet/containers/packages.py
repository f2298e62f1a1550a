"""Debian packages in the cache: downloaded by apt with lists and folders of its own, unpacked, never installed.

Always those of bookworm, whatever the machine has: its systemd still runs where cgroups are of version 1. Signatures
are checked as ever, with Debian's keys.

Sources: https://manpages.debian.org/bookworm/apt/apt-get.8 and https://manpages.debian.org/bookworm/apt/apt.conf.5
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from meshfleet.containers.programs import run_program
from meshfleet.errors import ContainersError
from meshfleet.files import make_directory, read_text, write_file
from meshfleet.processes.child_environment import download_environment

SUITE: Final = "bookworm"
MIRROR_VARIABLE: Final = "MESHFLEET_DEBIAN_MIRROR"
_KEYS: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SECONDS: Final = 900.0
_ASKING_SECONDS: Final = 30.0
_NEEDED: Final = ("apt-get", "dpkg", "dpkg-deb", "tar", "setpriv", "unshare", "chroot", "umount")

ENGINE: Final = (
    "docker.io",
    "containerd",
    "runc",
    "tini",
    "debootstrap",
    # Docker's name server is reached through rules that dockerd writes in each container's own namespace.
    *("iptables", "libxtables12", "libip4tc2", "libip6tc2", "libnetfilter-conntrack3", "libnfnetlink0"),
    *("libmnl0", "libnftnl11"),
)
"""What the engine is, and what makes a base: programs are found in `usr/sbin` and `usr/bin` of the folder."""
NETWORK: Final = (
    *("libc6", "iptables", "libxtables12", "libip4tc2", "libip6tc2", "libnetfilter-conntrack3", "libnfnetlink0"),
    *("libmnl0", "libnftnl11", "nftables", "libnftables1", "libjansson4", "libgmp10", "libedit2", "libbsd0", "libmd0"),
    *("libtinfo6", "conntrack", "kmod", "libkmod2", "liblzma5", "libzstd1", "libssl3"),
)
"""iptables, nft, conntrack and modprobe with all libraries they load: the root of images that set up packet filters."""


def mirror() -> str:
    """The mirror of Debian to use: MESHFLEET_DEBIAN_MIRROR, else the one of this machine's own apt that has the suite.

    Raises ContainersError where there is neither.
    """
    if given := os.environ.get(MIRROR_VARIABLE):
        return given
    found = run_program(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {SUITE}", "Component: main"],
        seconds=_ASKING_SECONDS,
        environment=download_environment({"LC_ALL": "C.UTF-8"}),
    )
    for address in found.out.splitlines():
        return address.rstrip("/")
    raise ContainersError(
        f"the apt of this machine has no packages of Debian {SUITE}; set {MIRROR_VARIABLE} to a mirror of Debian, as "
        "http://mirror.example/debian"
    )


def unpacked(names: Sequence[str], folder: Path, *, merged: bool = False) -> Path:
    """A folder below `folder` in which these packages are unpacked; made if it is not there.

    With `merged`, /bin, /sbin and /lib are links into /usr, as in every Debian since bookworm, so that the folder can
    be the root of an image. Raises ContainersError when a program or a package cannot be had.
    """
    place = unpacked_folder(names, folder, merged=merged)
    if place.is_dir():
        return place
    require_programs()
    staging = make_directory(folder) / f".{place.name}-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    archives = make_directory(staging / "archives")
    _download(names, folder / "apt", archives)
    root = make_directory(staging / "root")
    root.chmod(0o755)
    if merged:
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")
    for archive in sorted(archives.glob("*.deb")):
        _unpack(archive, root)
    _link_iptables(root)
    if merged:
        # Libraries are found by their folder, and translations and documents are read by people.
        for name in ("doc", "man", "locale", "lintian", "info"):
            shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    root.rename(place)
    shutil.rmtree(staging)
    return place


def unpacked_folder(names: Sequence[str], folder: Path, *, merged: bool = False) -> Path:
    """Where `unpacked` puts these packages."""
    key = hashlib.sha256(repr((SUITE, tuple(names), merged)).encode()).hexdigest()[:12]
    return folder / f"{'root' if merged else 'unpacked'}-{key}"


def require_programs() -> None:
    """Raise ContainersError, with what to do, where Debian's own programs or keys are missing."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        raise ContainersError(
            f"not on PATH: {', '.join(missing)}; images are made from Debian packages: build them on Debian or Ubuntu"
        )
    if not _KEYS.is_file():
        raise ContainersError(
            f"{_KEYS}: missing, and packages are not used unchecked; install the package debian-archive-keyring"
        )


def _download(names: Sequence[str], apt: Path, archives: Path) -> None:
    for part in ("state/lists/partial", "cache/archives/partial", "etc"):
        make_directory(apt / part)
    debian = mirror().rstrip("/")
    sources = "".join(
        f"deb [signed-by={_KEYS}] {address} {suite} main\n"
        for address, suite in ((debian, SUITE), (debian, f"{SUITE}-updates"), (_security(debian), f"{SUITE}-security"))
    )
    if read_text(apt / "etc/sources.list") != sources:
        write_file(apt / "etc/sources.list", sources)
    if read_text(apt / "etc/status") is None:
        # No package is installed, so that the newest of each is chosen.
        write_file(apt / "etc/status", "")
    options = {
        "Dir::State": apt / "state",
        "Dir::State::status": apt / "etc/status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::sourcelist": apt / "etc/sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferencesparts": "-",
        # Its own user may not enter the folder of this one.
        "APT::Sandbox::User": "root",
        "Acquire::Retries": 3,
        "Acquire::Languages": "none",
        # A list of some suite that is not served must fail, not be passed over.
        "APT::Update::Error-Mode": "any",
    }
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    environment = download_environment({"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
    advice = f"check the network, or set {MIRROR_VARIABLE} to a mirror of Debian that this machine reaches"
    for command in (["update", "-q"], ["download", "-q", *names]):
        run_program(
            ["apt-get", *given, *command],
            seconds=_SECONDS,
            advice=advice,
            environment=environment,
            directory=archives,
        )


def _security(mirrored: str) -> str:
    return f"{mirrored}-security" if mirrored.endswith("/debian") else mirrored


def _unpack(archive: Path, root: Path) -> None:
    """As `dpkg -x` does, which would put folders where a merged root has links."""
    tar = root.with_name("package.tar")
    script = 'dpkg-deb --fsys-tarfile "$1" > "$2" && tar -x -C "$3" --keep-directory-symlink -f "$2"'
    run_program(["sh", "-c", script, "sh", str(archive), str(tar), str(root)], seconds=_SECONDS)
    tar.unlink()


def _link_iptables(root: Path) -> None:
    """What Debian does with alternatives when it installs: the names lead to the variant on nftables."""
    folder = root / "usr/sbin"
    if not (folder / "xtables-nft-multi").exists():
        return
    for name in ("iptables", "ip6tables"):
        for end in ("", "-save", "-restore"):
            link = folder / f"{name}{end}"
            link.unlink(missing_ok=True)
            link.symlink_to("xtables-nft-multi")
