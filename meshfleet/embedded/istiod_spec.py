"""What an istiod beside a cluster is asked to be, and the flags, environment and files that say so. Pure.

Flags and variables: https://istio.io/latest/docs/reference/commands/pilot-discovery/
Its mesh configuration comes from the cluster's own ConfigMap `istio`, as in a pod: a file is only looked at
when it exists (pilot/pkg/bootstrap/mesh.go), so none is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ISTIOD_PORTS: Final = ("http", "monitoring", "grpc", "secure-grpc", "https")
"""The names of the ports an istiod needs."""

PORT_OPTIONS: Final = {
    "http": "--httpAddr",
    "monitoring": "--monitoringAddr",
    "grpc": "--grpcAddr",
    "secure-grpc": "--secureGRPCAddr",
    "https": "--httpsAddr",
}
"""Name of a port → the option that it is passed by."""

RESERVED_SETTINGS: Final = frozenset(
    {
        "CLUSTER_ID",
        "ISTIOD_CUSTOM_HOST",
        "JWT_POLICY",
        "KUBECONFIG",
        "PILOT_CERT_PROVIDER",
        "POD_NAME",
        "POD_NAMESPACE",
        "REVISION",
        "ROOT_CA_DIR",
        "VALIDATION_WEBHOOK_CONFIG_NAME",
    }
)
"""Environment variables that follow from the other fields and cannot be set beside them."""


@dataclass(frozen=True)
class Authority:
    """An istiod's certificate authority, each field in PEM; `key` is a secret.

    `root` holds every root that is trusted, the one above `certificate` first.
    """

    certificate: str
    key: str = field(repr=False)
    chain: str
    root: str


@dataclass(frozen=True)
class IstiodSpec:
    """One istiod.

    `revision` is `default` when there is none; `kubeconfig` (a secret) leads to its cluster, by `context`
    where it has several; an external istiod serves another cluster, its config cluster, and `config_kubeconfig`
    (a secret) leads to that one. `settings` are further environment variables. `network`, `mesh_id` and
    `trust_domain` reach it through the ConfigMap `istio`, some of them only when it starts: they are here so
    that a change restarts it. `release` is that of Istio, empty for the standard one of the toolchain.
    """

    cluster: str
    revision: str
    network: str
    namespace: str
    mesh_id: str
    trust_domain: str
    kubeconfig: str = field(repr=False)
    context: str | None
    authority: Authority
    settings: Mapping[str, str]
    config_kubeconfig: str | None = field(default=None, repr=False)
    release: str = ""


def istiod_arguments(ports: Mapping[str, int], directory: Path) -> list[str]:
    """The command line after the program. `ports` has an entry for each of ISTIOD_PORTS."""
    return [
        "discovery",
        "--kubeconfig",
        str(directory / "kubeconfig"),
        # All interfaces are the default of each.
        "--httpAddr",
        f"127.0.0.1:{ports['http']}",
        "--monitoringAddr",
        f"127.0.0.1:{ports['monitoring']}",
        "--grpcAddr",
        f"127.0.0.1:{ports['grpc']}",
        "--secureGRPCAddr",
        f"127.0.0.1:{ports['secure-grpc']}",
        "--httpsAddr",
        f"127.0.0.1:{ports['https']}",
        # ControlZ cannot be turned off: 0 is any port that is free. No address is one with a colon.
        "--ctrlz_address",
        "127.0.0.1:off",
        "--domain",
        "cluster.local",
        "--meshConfig",
        str(directory / "absent" / "mesh"),
        "--networksConfig",
        str(directory / "absent" / "meshNetworks"),
        # Ten seconds to drain are for a rolling upgrade behind a Service; here the next one waits for the
        # ports.
        "--shutdownDuration",
        "1s",
        # A server with a single user needs no rate limit.
        "--kubernetesApiQPS",
        "1000",
        "--kubernetesApiBurst",
        "2000",
    ]


def istiod_environment(spec: IstiodSpec, directory: Path) -> dict[str, str]:
    """All of its environment."""
    environment = {
        "HOME": str(directory),
        "CLUSTER_ID": spec.cluster,
        # The same name at every start: it then still holds the leases that it held.
        "POD_NAME": f"istiod-{spec.revision}-{spec.cluster}",
        "POD_NAMESPACE": spec.namespace,
        "REVISION": spec.revision,
        "JWT_POLICY": "third-party-jwt",
        "PILOT_CERT_PROVIDER": "istiod",
        "ROOT_CA_DIR": str(directory / "certificates"),
        # The name the webhooks call it by; it goes into its serving certificate.
        "ISTIOD_CUSTOM_HOST": "localhost",
        "VALIDATION_WEBHOOK_CONFIG_NAME": _validator(spec),
        # Filters that only Istio's own build of Envoy has.
        "PILOT_ENABLE_METADATA_EXCHANGE": "false",
        "PILOT_ENABLE_ALPN_FILTER": "false",
        "PILOT_DISABLE_MX_ALPN": "true",
    }
    return environment | dict(spec.settings)


def certificate_files(authority: Authority) -> dict[str, str]:
    """File name → content of the folder ROOT_CA_DIR names.

    https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
    """
    return {
        "ca-cert.pem": authority.certificate,
        "ca-key.pem": authority.key,
        "cert-chain.pem": authority.chain,
        "root-cert.pem": authority.root,
    }


def same_roots(one: str, other: str) -> bool:
    """Whether two PEM texts hold the same certificates, in whichever order."""
    return _certificates(one) == _certificates(other)


def _certificates(pem: str) -> set[str]:
    return {text.strip() for text in pem.split("-----END CERTIFICATE-----") if text.strip()}


def _validator(spec: IstiodSpec) -> str:
    # manifests/charts/istio-control/istio-discovery/templates/validatingwebhookconfiguration.yaml
    revision = "" if spec.revision == "default" else f"-{spec.revision}"
    return f"istio-validator{revision}-{spec.namespace}"
