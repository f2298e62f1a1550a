"""How the Docker engine is set up so that it changes nothing in the network of the machine and meets no other engine.

No bridge of its own, no packet filter, no masquerading and no forwarding: kind needs none of them. Its nodes talk over
the bridge of their network, the API server is published by docker-proxy on loopback, and names are resolved by Docker's
own server. Since forwarding stays off and nothing is masqueraded, no packet of a node or a pod can leave the machine.

Sources: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file and
https://github.com/kubernetes-sigs/kind/blob/v0.33.0/pkg/cluster/internal/providers/docker/network.go
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from meshfleet.containers.place import Place

NETWORK: Final = "kind"
"""The network that kind puts its nodes into, made beforehand so that its bridge has a name that we know."""
ADDRESSES: Final = "172.30.0.0/16"
RESTRICTED: Final = "restricted"
_EACH_NETWORK: Final = 24
_SHUTDOWN_SECONDS: Final = 30


def daemon_settings(place: Place, *, restricted: bool) -> dict[str, Any]:
    """The content of daemon.json; `restricted` where the machine lacks CAP_SYS_RESOURCE."""
    runtime = {
        "runtimes": {RESTRICTED: {"path": str(place.engine / RESTRICTED)}},
        "default-runtime": RESTRICTED,
    }
    return {
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "ip-forward": False,
        "ip-masq": False,
        "default-address-pools": [{"base": ADDRESSES, "size": _EACH_NETWORK}],
        "data-root": str(place.data),
        "exec-root": str(place.exec),
        "pidfile": str(place.engine / "docker.pid"),
        "hosts": [f"unix://{place.socket}"],
        # Who reaches the socket is root of the machine.
        "group": "root",
        "storage-driver": "overlay2",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        # At the top of every hierarchy, with all containers in it; without the slash it would be in the cgroup of who
        # starts the daemon, which is another one in each hierarchy.
        "cgroup-parent": f"/{place.identity}",
        "shutdown-timeout": _SHUTDOWN_SECONDS,
        **(runtime if restricted else {}),
    }


def daemon_text(place: Place, *, restricted: bool) -> str:
    """daemon.json."""
    return json.dumps(daemon_settings(place, restricted=restricted), indent=1) + "\n"


def runtime_text(script: Path, runc: Path, python: Path | None = None) -> str:
    """What containerd's shim starts in place of runc: `script` (restricted_runtime.py), given the path of runc."""
    words = [str(python or sys.executable), "-I", "-S", str(script), str(runc)]
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'


def network_arguments(place: Place) -> Sequence[str]:
    """The words for `docker` that make kind's network; IPv6, which kind would ask for, has no addresses here."""
    return (
        *("network", "create", "--driver=bridge"),
        *("--opt", f"com.docker.network.bridge.name={place.bridge}"),
        *("--opt", "com.docker.network.bridge.enable_ip_masquerade=false"),
        *("--label", "meshfleet=containers", NETWORK),
    )
