"""User data with which cloud-init sets up a new machine: it installs Istio's sidecar and the bundle, and starts it.

The files wait in a folder of root's until the package is there: it makes the user and the folders they belong to.
Sources: https://cloudinit.readthedocs.io/en/latest/reference/modules.html and, for the places,
https://istio.io/latest/docs/setup/install/virtual-machine/#configure-the-virtual-machine
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.manifests.bundle import CLUSTER_ENV, HOSTS, MESH, ROOT_CERTIFICATE, TOKEN
from meshfleet.manifests.objects import Object
from meshfleet.manifests.yaml_text import Block, yaml_text

HEAD = "#cloud-config\n"
PACKAGES = (".deb", ".rpm")
SIDECAR = "istio-sidecar"
USER = "istio-proxy"
WAITING = "/var/lib/meshfleet"
PLACES = {
    ROOT_CERTIFICATE: "/etc/certs/root-cert.pem",
    TOKEN: "/var/run/secrets/tokens/istio-token",
    CLUSTER_ENV: "/var/lib/istio/envoy/cluster.env",
    MESH: "/etc/istio/config/mesh",
}
# Those of the agent: it writes certificates, Envoy's configuration and its sockets.
OWNED = ("/var/lib/istio", "/etc/certs", "/etc/istio/proxy", "/etc/istio/config", "/var/run/secrets")


def user_data(files: Mapping[str, str], package: str = "") -> str:
    """The user data for the files of a bundle; secret as a whole, since the token is in it.

    `package` is the URL of Istio's sidecar as a .deb or .rpm file. Without it the package comes from the machine's own
    package sources, unless its image has it already.
    """
    waiting = [
        {"path": f"{WAITING}/{name}", "owner": "root:root", "permissions": "0600", "content": Block(files[name])}
        for name in PLACES
    ]
    hosts = {"path": "/etc/hosts", "append": True, "content": Block(files[HOSTS])}
    data: Object = {
        # With it cloud-init would overwrite /etc/hosts at every start.
        "manage_etc_hosts": False,
        "package_update": True,
        "packages": ["curl"] if package else [SIDECAR],
        "write_files": [*waiting, hosts],
        "runcmd": [*_install(package), *_configure(), ["systemctl", "enable", "--now", "istio"]],
    }
    return HEAD + yaml_text(data)


def _install(package: str) -> list[list[str]]:
    if not package:
        return []
    file = f"{WAITING}/{SIDECAR}{next(ending for ending in PACKAGES if package.endswith(ending))}"
    program = "apt-get" if file.endswith(".deb") else "dnf"
    return [
        ["curl", "--fail", "--location", "--proto", "=https", "--output", file, package],
        [program, "install", "--assume-yes" if program == "apt-get" else "--assumeyes", file],
    ]


def _configure() -> list[list[str]]:
    # Each is a list, so that no shell reads anything of it.
    moved = [
        ["install", "-D", "--owner", USER, "--mode", "0600", f"{WAITING}/{name}", place]
        for name, place in PLACES.items()
    ]
    return [
        ["mkdir", "--parents", *OWNED],
        *moved,
        ["chown", "--recursive", USER, *OWNED],
        ["rm", "--recursive", WAITING],
    ]
