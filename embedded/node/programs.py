"""Which program of this machine stands for a container. Pure.

There are no images here: a container is known by what Istio's charts, its injector and this project's own workloads
call it. Any other container is not run, and its pod is said to run as KWOK would say it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

AGENT: Final = "pilot-agent"
ENVOY: Final = "envoy"
ECHO: Final = "echo-server"
PROGRAMS: Final = (AGENT, ENVOY, ECHO, "echo-client")
"""What must be at hand in a namespace: istioctl's kin, the proxy, the application and who calls it."""
BOOTSTRAP: Final = "envoy_bootstrap.json"
ROOT: Final = 0
PROXY: Final = 1337
"""The user of proxies, whose traffic is not captured (-u of istio-iptables)."""
NOBODY: Final = 65534

RELAY: Final = "relay"
PROXY_CONTAINER: Final = "istio-proxy"
_INIT_CONTAINERS: Final = ("istio-init", "istio-validation")
_ISTIOD_CONTAINER: Final = "discovery"
_ECHO_IMAGE: Final = "/istio/app:"
_BOOTSTRAP_VARIABLE: Final = "ISTIO_BOOTSTRAP"


@dataclass(frozen=True)
class Program:
    """What runs for a container: `name` of PROGRAMS, or RELAY, as the user of that number.

    `environment` is all it sees.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    user: int


def program_of(
    container: str, image: str, arguments: tuple[str, ...], environment: Mapping[str, str], binaries: Path
) -> Program | None:
    """The program of a container by its name and image; None when nothing here stands for it.

    `binaries` is where its programs lie as it sees them.
    """
    program = Program(AGENT, arguments, environment, PROXY)
    if container in _INIT_CONTAINERS and arguments[:1] == ("istio-iptables",):
        # One tool for all rules; iptables would be a second one to install.
        return replace(program, arguments=(*arguments, "--native-nftables"), user=ROOT)
    if container == PROXY_CONTAINER:
        return replace(program, environment=_proxy_environment(environment, binaries))
    if container == _ISTIOD_CONTAINER:
        return replace(program, name=RELAY, user=ROOT)
    if _ECHO_IMAGE in image:
        return replace(program, name=ECHO, user=NOBODY)
    return None


def _proxy_environment(environment: Mapping[str, str], binaries: Path) -> dict[str, str]:
    config = json.loads(environment.get("PROXY_CONFIG") or "{}")
    config["binaryPath"] = str(binaries / ENVOY)
    # An image has it at a path of its root; here the working directory stands for the root.
    config.setdefault("configPath", "./etc/istio/proxy")
    added = {"PROXY_CONFIG": json.dumps(config), _BOOTSTRAP_VARIABLE: str(binaries / BOOTSTRAP)}
    return {**environment, **added}
