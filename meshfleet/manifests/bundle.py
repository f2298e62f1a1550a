"""The onboarding bundle of virtual machines: the five files with which a machine finds its mesh and is let in.

Their content is that of `istioctl experimental workload entry configure` for the same WorkloadGroup, with two things
more: a gateway that is known by a name is written by its addresses, and a machine with a fixed address and a probe
names its WorkloadEntry, without which its health is not reported. A machine that is a gateway runs Envoy as one.
Sources: istioctl/pkg/workload/workload.go, pkg/kube/labels/labels.go and pilot/pkg/autoregistration of istio/istio
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshfleet.errors import DocumentError
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.manifests import virtual_machines
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.objects import Object
from meshfleet.manifests.yaml_text import yaml_text
from meshfleet.topology import Fleet

CLUSTER_ENV = "cluster.env"
MESH = "mesh.yaml"
ROOT_CERTIFICATE = "root-cert.pem"
TOKEN = "istio-token"  # noqa: S105  (the name of a file)
HOSTS = "hosts"
FILES = (CLUSTER_ENV, MESH, ROOT_CERTIFICATE, TOKEN, HOSTS)

AUDIENCE = "istio-ca"
"""Whom the token is for: istiod's certificate authority."""

ISTIOD_PORT = 15012
# Of istio-start.sh: what the agent is started with, and that nothing is captured.
AGENT_FLAGS, GATEWAY_FLAGS, CUSTOM_RULES = "ISTIO_AGENT_FLAGS", "router", "ISTIO_CUSTOM_IP_TABLES"
# Never captured: SSH, so that a machine can be reached whatever happens, and the agent's own.
NOT_CAPTURED = (22, 15090, 15021)
STATUS_PORT = 15020
# https://istio.io/latest/docs/ops/deployment/application-requirements/#pod-requirements
NAME_LABELS = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
VERSION_LABELS = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")


@dataclass(frozen=True)
class Found:
    """What only the running clusters know.

    `mesh` is the text of that name in the ConfigMap `istio`, or that of the revision, `root_certificate` what
    `istio-ca-root-cert` holds, `gateways` the IP addresses at which istiod is reached, at `istiod_port`. `token` is
    secret.
    """

    mesh: str
    root_certificate: str
    gateways: tuple[str, ...]
    token: str = field(repr=False)
    istiod_port: int = ISTIOD_PORT


def istiod_host(fleet: Fleet, name: str, revision: str) -> str:
    """The name by which machines ask for their istiod, which its certificate has and the gateway routes by."""
    return f"{istiod_service(revision)}.{fleet.system_namespace(fleet.virtual_machines[name].cluster)}.svc"


def bundle(fleet: Fleet, name: str, revision: str, found: Found, address: str = "") -> dict[str, str]:
    """The content of each file of a bundle by the file's name, for a machine of the group `name`.

    `address` is the machine's own, where it is fixed or where it has several; secret as a whole. Raises DocumentError
    for a mesh configuration that cannot be read.
    """
    mesh = _mesh_config(found.mesh)
    host = istiod_host(fleet, name, revision)
    # Of the gateway's port istiod itself knows nothing.
    elsewhere = f"{host}:{found.istiod_port}" if found.istiod_port != ISTIOD_PORT else ""
    proxy = _proxy_config(fleet, name, revision, mesh, address)
    if elsewhere:
        proxy["discoveryAddress"] = elsewhere
    return {
        CLUSTER_ENV: _environment(fleet, name, revision, proxy, address, elsewhere),
        MESH: yaml_text({"defaultConfig": _sorted(proxy)}),
        ROOT_CERTIFICATE: found.root_certificate,
        TOKEN: found.token,
        HOSTS: "".join(f"{gateway} {host}\n" for gateway in found.gateways),
    }


def _mesh_config(text: str) -> Mapping[str, Any]:
    """What of Istio's mesh configuration a machine is given. Raises DocumentError."""
    what = "the mesh configuration of istiod"
    mesh = load_yaml(text, what=what) or {}
    if not isinstance(mesh, dict) or not isinstance(mesh.get("defaultConfig") or {}, dict):
        raise DocumentError(f"{what}: must be a mapping, with a mapping as defaultConfig; correct its ConfigMap")
    return mesh


def _proxy_config(fleet: Fleet, name: str, revision: str, mesh: Mapping[str, Any], address: str) -> Object:
    declared = fleet.virtual_machines[name]
    spec = virtual_machines.group(fleet, name)["spec"]
    proxy: Object = dict(mesh.get("defaultConfig") or {})
    if revision != "default" and not proxy.get("discoveryAddress"):
        proxy["discoveryAddress"] = f"{istiod_host(fleet, name, revision)}:{ISTIOD_PORT}"
    if "probe" in spec:
        proxy["readinessProbe"] = spec["probe"]
    selected: dict[str, str] = spec["metadata"]["labels"]
    canonical = _first(selected, NAME_LABELS, name), _first(selected, VERSION_LABELS, "latest")
    known = selected | {NAME_LABELS[0]: canonical[0], VERSION_LABELS[0]: canonical[1]}
    told = {
        "CANONICAL_SERVICE": canonical[0],
        "CANONICAL_REVISION": canonical[1],
        "POD_NAMESPACE": declared.namespace,
        "SERVICE_ACCOUNT": virtual_machines.account(fleet, name),
        "TRUST_DOMAIN": mesh.get("trustDomain", ""),
        "ISTIO_META_CLUSTER_ID": fleet.primary_of(declared.cluster),
        "ISTIO_META_MESH_ID": proxy.get("meshId", ""),
        "ISTIO_META_NETWORK": spec["template"].get("network", ""),
        "ISTIO_META_WORKLOAD_NAME": name,
        "ISTIO_METAJSON_LABELS": json.dumps(known, sort_keys=True, separators=(",", ":")),
        "ISTIO_META_DNS_CAPTURE": "true",
    }
    if not declared.addresses:
        told["ISTIO_META_AUTO_REGISTER_GROUP"] = name
    elif declared.probe and address:
        told["ISTIO_META_WORKLOAD_ENTRY"] = virtual_machines.entry_name(name, address)
    if declared.gateway:
        # As Istio's chart for the gateways of clusters: of what it leads to it knows its own network alone.
        told |= {"ISTIO_META_REQUESTED_NETWORK_VIEW": told["ISTIO_META_NETWORK"], "ISTIO_META_DNS_CAPTURE": "false"}
    proxy["proxyMetadata"] = (proxy.get("proxyMetadata") or {}) | told
    return proxy


def _environment(fleet: Fleet, name: str, revision: str, proxy: Mapping[str, Any], address: str, elsewhere: str) -> str:
    """The file cluster.env: shell variables, which `istio-start.sh` and the agent read."""
    declared = fleet.virtual_machines[name]
    status = int(proxy.get("statusPort") or STATUS_PORT)
    excluded = dict.fromkeys((*NOT_CAPTURED, status))
    variables = proxy["proxyMetadata"] | {
        "ISTIO_INBOUND_PORTS": "*",
        "ISTIO_NAMESPACE": declared.namespace,
        "ISTIO_SERVICE": f"{name}.{declared.namespace}",
        "ISTIO_SERVICE_CIDR": "*",
        "ISTIO_LOCAL_EXCLUDE_PORTS": ",".join(map(str, excluded)),
        "SERVICE_ACCOUNT": virtual_machines.account(fleet, name),
    }
    if declared.gateway:
        variables |= {AGENT_FLAGS: GATEWAY_FLAGS, CUSTOM_RULES: "true"}
    if elsewhere or revision != "default":
        variables["CA_ADDR"] = elsewhere or f"{istiod_host(fleet, name, revision)}:{ISTIOD_PORT}"
    if address:
        variables["ISTIO_SVC_IP"] = address
    return "".join(f"{key}={_quoted(value)}\n" for key, value in sorted(variables.items()))


def _quoted(value: str) -> str:
    """A value as a shell reads it, whatever is in it."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _first(labels: Mapping[str, str], keys: Sequence[str], otherwise: str) -> str:
    return next((labels[key] for key in keys if key in labels), otherwise)


def _sorted(value: Any) -> Any:
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value
