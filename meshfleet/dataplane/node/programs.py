"""Which program of this machine stands for a container. Pure.

There are no images here: a container is known by what Istio's charts, its injector and this project's own workloads
call it. Any other container is not run, and its pod is said to run as KWOK would say it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from meshfleet.dataplane.network.users import Users
from meshfleet.errors import UnsupportedError
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.versions import BUILT_ISTIO, further_istio

AGENT: Final = "pilot-agent"
ENVOY: Final = "envoy"
ECHO: Final = "echo-server"
PROGRAMS: Final = (AGENT, ENVOY, ECHO, "echo-client")
"""What must be at hand in a namespace: istioctl's kin, the proxy, the application and who calls it."""
BOOTSTRAP: Final = "envoy_bootstrap.json"


class Role(Enum):
    """As whom a program runs, of the users of its pod; RELAY is no program of the pod's but the node's own."""

    PROXY = "proxy"
    APPLICATION = "application"
    RULES = "rules"
    """As the proxy, with the right to change the pod's network."""
    RELAY = "relay"


RELAY: Final = "relay"
PROXY_CONTAINER: Final = "istio-proxy"
_INIT_CONTAINERS: Final = ("istio-init", "istio-validation")
_ISTIOD_CONTAINER: Final = "discovery"
_ECHO_IMAGE: Final = "/istio/app:"
_TAG: Final = re.compile(r":([0-9]{1,4}\.[0-9]{1,4})(?![0-9])[^:/]*$")
_BOOTSTRAP_VARIABLE: Final = "ISTIO_BOOTSTRAP"


@dataclass(frozen=True)
class Program:
    """What runs for a container: `name` of PROGRAMS, or RELAY; `environment` is all it sees.

    `release` is that of Istio in the image's tag, where it is not the standard one.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    role: Role
    release: str = ""

    def user(self, users: Users) -> int:
        """Its user, of those of its pod."""
        return users.application if self.role is Role.APPLICATION else users.proxy


def passing_by(arguments: Sequence[str], users: Users) -> tuple[str, ...]:
    """The arguments of istio-iptables, with the proxy whose traffic is not captured; the last of a flag counts."""
    return (*arguments, "-u", str(users.proxy), "-g", str(users.proxy))


def program_of(
    container: str, image: str, arguments: tuple[str, ...], environment: Mapping[str, str], binaries: Path
) -> Program | None:
    """The program of a container by its name and image; None when nothing here stands for it.

    `binaries` is where its programs lie as it sees them. Raises UnsupportedError for a PROXY_CONFIG that is none.
    """
    program = Program(AGENT, arguments, environment, Role.PROXY, _release(image))
    if container in _INIT_CONTAINERS and arguments[:1] == ("istio-iptables",):
        # One tool for all rules; iptables would be a second one to install.
        return replace(program, arguments=(*arguments, "--native-nftables"), role=Role.RULES)
    if container == PROXY_CONTAINER:
        return replace(program, environment=_proxy_environment(environment, binaries))
    if container == _ISTIOD_CONTAINER:
        return replace(program, name=RELAY, role=Role.RELAY)
    if _ECHO_IMAGE in image:
        return replace(program, name=ECHO, role=Role.APPLICATION)
    return None


def _release(image: str) -> str:
    """The further release of Istio that an image is of; empty for the standard one and any that is not built."""
    found = _TAG.search(image)
    release = further_istio(found.group(1)) if found else ""
    return release if release in BUILT_ISTIO else ""


def _proxy_environment(environment: Mapping[str, str], binaries: Path) -> dict[str, str]:
    config = _config(environment.get("PROXY_CONFIG") or "{}")
    config["binaryPath"] = str(binaries / ENVOY)
    config.setdefault("configPath", "./etc/istio/proxy")
    added = {"PROXY_CONFIG": json.dumps(config), _BOOTSTRAP_VARIABLE: str(binaries / BOOTSTRAP)}
    return {**environment, **added}


def _config(text: str) -> dict[str, Any]:
    """Istio's ProxyConfig as its injector writes it, of mesh configuration and an annotation of the pod."""
    try:
        found = parse_json(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnsupportedError(
            f"PROXY_CONFIG of {PROXY_CONTAINER} must be a JSON object, got {shown(text)}; correct the annotation "
            "proxy.istio.io/config of the pod, or remove the variable from its container"
        )
    return found
