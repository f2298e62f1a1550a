"""Each cluster's CA chains to the signing root of its mesh, and its workloads have all roots of the mesh.

Workloads receive the roots that their istiod has loaded, and the trust bundle differs in every stage of a root rotation
(the signing root comes first): so the check also shows whether an istiod has reached a stage.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lightkube import ApiError

from meshfleet.manifests.istio_csr import AUTHORITY, CERTIFICATE, KEY, RELEASE, ROOTS
from meshfleet.verification.bundle import certificates, fingerprint, verify_authority
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import config_map, reach, secret_files
from meshfleet.verification.view import ClusterView, FleetView

CACERTS = "cacerts"
CONFIG_MAP = "istio-ca-root-cert"
ROOT_KEY = "root-cert.pem"


class Trust(Check):
    """Reads Secret cacerts and ConfigMap istio-ca-root-cert of every cluster and verifies the signatures.

    Where istio-csr signs for workloads, the intermediate is in Secret istio-csr-authority.
    """

    name = "trust"

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        files: Mapping[str, bytes] = {}
        if cluster.control_plane.kind != "remote":
            # The CA of an external istiod is in the cluster that runs it.
            home = fleet.istiod_host_of(cluster)
            with reach(home, timeout) as client:
                secret = secret_of(cluster)
                try:
                    files = secret_files(client, cluster, secret)
                except ApiError as error:
                    if error.status.code != 404:
                        raise
                    return Finding(
                        False,
                        f"{home.name} has no Secret {secret} in {cluster.control_plane.namespace}: "
                        f"{_without_authority(cluster)}; run `meshfleet up`",
                    )
        with reach(cluster, timeout) as client:
            try:
                workload_roots = config_map(client, cluster, CONFIG_MAP)
            except ApiError as error:
                if error.status.code != 404:
                    raise
                return Finding(
                    False, f"{cluster.name} has no ConfigMap {CONFIG_MAP} yet: check that its istiod has started"
                )
        return judge(fleet, cluster, as_cacerts(files), workload_roots, datetime.now(UTC))


def secret_of(cluster: ClusterView) -> str:
    """The Secret with the intermediate of a cluster."""
    return AUTHORITY if cluster.ca_address else CACERTS


def as_cacerts(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files of the authority of istio-csr by the names that istiod has for them; those of istiod as they are."""
    if CERTIFICATE not in files:
        return files
    end = b"-----END CERTIFICATE-----"
    first, marker, _ = files[CERTIFICATE].partition(end)
    return {
        "ca-cert.pem": first + marker,
        "ca-key.pem": files.get(KEY, b""),
        "cert-chain.pem": files[CERTIFICATE],
        ROOT_KEY: files.get(ROOTS, b""),
    }


def judge(
    fleet: FleetView,
    cluster: ClusterView,
    files: Mapping[str, bytes],
    workload_roots: Mapping[str, str],
    now: datetime,
) -> Finding:
    """Whether `files` are a CA under the mesh's root, and `workload_roots` are the roots of the mesh.

    `files` is empty for a cluster with a remote istiod. Raises CertificateError.
    """
    mesh = fleet.mesh(cluster.mesh)
    if mesh.root_fingerprint is None:
        return Finding(False, f"status has no rootFingerprint for mesh {mesh.name}; run `meshfleet up`")
    for other in fleet.meshes:
        if other.name != mesh.name and (shared := set(other.bundle) & set(mesh.bundle)):
            return Finding(False, f"meshes {mesh.name} and {other.name} share the root {shown(sorted(shared))}")
    secret = secret_of(cluster)
    declared = f"mesh {mesh.name} has {shown(mesh.bundle)}"
    roots = tuple(map(fingerprint, certificates(workload_roots.get(ROOT_KEY, "").encode(), f"ConfigMap {CONFIG_MAP}")))
    if roots != mesh.bundle:
        return Finding(False, f"workloads of {cluster.name} have root {shown(roots)}, {declared}; {_late(cluster)}")
    if cluster.control_plane.kind == "remote":
        return Finding(True, f"workloads of {cluster.name} have root {shown(roots)} of {mesh.name}")
    authority = verify_authority(files, now)
    if authority.root_fingerprint != mesh.root_fingerprint:
        return Finding(
            False,
            f"{secret} of {cluster.name} chains to root {short(authority.root_fingerprint)} "
            f"({authority.root_subject}), {declared}; run `meshfleet up`",
        )
    if authority.trusted != mesh.bundle:
        return Finding(
            False,
            f"{secret} of {cluster.name} trusts root {shown(authority.trusted)}, {declared}; run `meshfleet up`",
        )
    others = f", other roots {shown(mesh.other_roots)}," if mesh.other_roots else ""
    return Finding(
        True,
        f"{authority.subject} signed by {authority.root_subject}, root {short(authority.root_fingerprint)}{others} "
        f"as in mesh {mesh.name} and {CONFIG_MAP}, valid until {authority.expires:%Y-%m-%d}",
    )


def _without_authority(cluster: ClusterView) -> str:
    """What becomes of a cluster without its intermediate."""
    if cluster.ca_address:
        return f"{RELEASE} of {cluster.name} signs no certificates"
    return f"the istiod of {cluster.name} signs with a self-signed root"


def _late(cluster: ClusterView) -> str:
    """What to do where workloads have other roots than their Secret: it names who gives them to workloads."""
    if cluster.ca_address:
        return f"restart {RELEASE} if {AUTHORITY} was changed after it started"
    return f"restart its istiod if {CACERTS} was changed after istiod started"


def shown(roots: Iterable[str]) -> str:
    """Roots by the prefixes of their fingerprints, the signing root first."""
    return ", ".join(map(short, roots)) or "none"


def short(digits: str) -> str:
    """The first 16 digits of a fingerprint, enough to distinguish two roots."""
    return digits[:16]
