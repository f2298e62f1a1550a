"""What Istio's own start script for virtual machines runs, as command lines and environments. Pure.

Three things differ, for want of a machine of its own: where the programs lie, that the bootstrap is the upstream
Envoy's, and that rules are written by nft.
Source: tools/packaging/common/istio-start.sh and sidecar.env of istio/istio
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from meshfleet.dataplane.machine.bundle_folder import Bundle
from meshfleet.dataplane.node.programs import AGENT, BOOTSTRAP, ECHO, ENVOY, Program, Role
from meshfleet.manifests.bundle import (
    AGENT_FLAGS,
    CLUSTER_ENV,
    CUSTOM_RULES,
    GATEWAY_FLAGS,
    MESH,
    ROOT_CERTIFICATE,
    TOKEN,
)
from meshfleet.manifests.cloud_init import PLACES

CERTIFICATES: Final = "./etc/certs"
"""Where the agent puts its certificate, and looks for one when it starts: below the machine's own root."""
FILES: Final = {name: PLACES[name].lstrip("/") for name in (ROOT_CERTIFICATE, TOKEN, CLUSTER_ENV, MESH)}
"""Where the files of a bundle are on a machine, below its root."""
_MUTUAL_TLS: Final = "MUTUAL_TLS"
# The protocols of meshfleet/topology/virtual_machine.py by the flags of Istio's echo server.
_FLAGS: Final = {"port": ("HTTP", "HTTP2"), "grpc": ("GRPC",), "tcp": ("TCP",)}


def rules(bundle: Bundle) -> tuple[Program, ...]:
    """Remove the rules of an earlier start, and write those by which the proxy takes the machine's traffic.

    Its questions for names are among that. None for a gateway, which takes what comes to its own ports.
    """
    if bundle.variables.get(CUSTOM_RULES) == "true":
        return ()
    return _capture(bundle, "--cleanup-only"), _capture(bundle)


def agent(bundle: Bundle, name: str, address: str, binaries: Path) -> Program:
    """The agent, and with it Envoy. `name` is the machine's host name, `binaries` where its programs lie."""
    variables = dict(bundle.variables)
    istiod = variables.get("PILOT_ADDRESS") or _default_istiod(variables)
    config = {
        "serviceCluster": variables.get("ISTIO_SERVICE", "rawvm"),
        "controlPlaneAuthPolicy": variables.get("ISTIO_CP_AUTH", _MUTUAL_TLS),
        "binaryPath": str(binaries / ENVOY),
        "configPath": "./etc/istio/proxy",
    }
    added = {
        "PROV_CERT": CERTIFICATES,
        "OUTPUT_CERTS": CERTIFICATES,
        "CA_ADDR": variables.get("CA_ADDR") or istiod,
        "PROXY_CONFIG": json.dumps(config),
        "INSTANCE_IP": variables.get("ISTIO_SVC_IP") or address,
        "POD_NAME": name,
        "POD_NAMESPACE": variables.get("ISTIO_NAMESPACE", "default"),
        "ISTIO_BOOTSTRAP": str(binaries / BOOTSTRAP),
    }
    flags = (GATEWAY_FLAGS,) if variables.pop(AGENT_FLAGS, "") == GATEWAY_FLAGS else ()
    return Program(AGENT, ("proxy", *flags), variables | added, Role.PROXY)


def application(ports: Mapping[str, Sequence[int]], cluster: str, version: str) -> Program:
    """The application: it listens at ports by their protocol, and says of which cluster and version it is."""
    listening = []
    for flag, protocols in _FLAGS.items():
        wanted = [port for protocol in protocols for port in ports.get(protocol, ())]
        # What it listens at by itself could be the port of something else; for 0 it takes any that is free.
        listening += [f"--{flag}={port}" for port in wanted or [0]]
    return Program(ECHO, (*listening, f"--cluster={cluster}", f"--version={version}"), {}, Role.APPLICATION)


def _capture(bundle: Bundle, *more: str) -> Program:
    arguments = ("istio-iptables", "--native-nftables", *more)
    return Program(AGENT, arguments, dict(bundle.variables), Role.RULES)


def _default_istiod(variables: Mapping[str, str]) -> str:
    return f"istiod.{variables.get('ISTIO_SYSTEM_NAMESPACE', 'istio-system')}.svc:15012"
