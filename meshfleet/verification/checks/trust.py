"""Each cluster's authority chains to the root that signs in its mesh, and workloads are given all roots of the mesh.

They are given what its istiod has loaded, and the bundle of roots is another one in every stage of a change of roots
(the one that signs comes first): so this also tells whether an istiod has reached a stage.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lightkube import ApiError

from meshfleet.verification.bundle import certificates, fingerprint, verify_authority
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import config_map, reach, secret_files
from meshfleet.verification.view import ClusterView, FleetView

CACERTS = "cacerts"
CONFIG_MAP = "istio-ca-root-cert"
ROOT_KEY = "root-cert.pem"


class Trust(Check):
    """Reads Secret cacerts and ConfigMap istio-ca-root-cert of every cluster and verifies the signatures."""

    name = "trust"

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        files: Mapping[str, bytes] = {}
        if cluster.control_plane.kind != "remote":
            # An external istiod has its authority where it runs.
            home = fleet.home_of(cluster)
            with reach(home, patience) as client:
                try:
                    files = secret_files(client, cluster, CACERTS)
                except ApiError as error:
                    if error.status.code != 404:
                        raise
                    return Finding(
                        False,
                        f"{home.name} has no Secret {CACERTS} in {cluster.control_plane.namespace}: the istiod of "
                        f"{cluster.name} signs with a root of its own; run `meshfleet up`",
                    )
        with reach(cluster, patience) as client:
            try:
                given = config_map(client, cluster, CONFIG_MAP)
            except ApiError as error:
                if error.status.code != 404:
                    raise
                return Finding(False, f"{cluster.name} has no ConfigMap {CONFIG_MAP} yet: has its istiod started?")
        return judge(fleet, cluster, files, given, datetime.now(UTC))


def judge(
    fleet: FleetView,
    cluster: ClusterView,
    files: Mapping[str, bytes],
    given: Mapping[str, str],
    now: datetime,
) -> Finding:
    """Whether `files` are an authority under the mesh's root, and `given`, the workloads' roots, are the mesh's.

    `files` is empty for a cluster that another one's istiod serves. Raises CertificateError.
    """
    mesh = fleet.mesh(cluster.mesh)
    if mesh.root_fingerprint is None:
        return Finding(False, f"status gives no rootFingerprint for mesh {mesh.name}; run `meshfleet up`")
    for other in fleet.meshes:
        if other.name != mesh.name and (shared := set(other.bundle) & set(mesh.bundle)):
            return Finding(False, f"meshes {mesh.name} and {other.name} share the root {shown(sorted(shared))}")
    declared = f"mesh {mesh.name} has {shown(mesh.bundle)}"
    roots = tuple(map(fingerprint, certificates(given.get(ROOT_KEY, "").encode(), f"ConfigMap {CONFIG_MAP}")))
    if roots != mesh.bundle:
        return Finding(
            False,
            f"workloads of {cluster.name} are given root {shown(roots)}, {declared}; "
            f"restart its istiod if {CACERTS} was changed after its start",
        )
    if cluster.control_plane.kind == "remote":
        return Finding(True, f"workloads of {cluster.name} are given root {shown(roots)} of {mesh.name}")
    authority = verify_authority(files, now)
    if authority.root_fingerprint != mesh.root_fingerprint:
        return Finding(
            False,
            f"{CACERTS} of {cluster.name} chains to root {short(authority.root_fingerprint)} "
            f"({authority.root_subject}), {declared}; run `meshfleet up`",
        )
    if authority.trusted != mesh.bundle:
        return Finding(
            False,
            f"{CACERTS} of {cluster.name} trusts root {shown(authority.trusted)}, {declared}; run `meshfleet up`",
        )
    beside = f" beside {shown(mesh.other_roots)}" if mesh.other_roots else ""
    return Finding(
        True,
        f"{authority.subject} signed by {authority.root_subject}, root {short(authority.root_fingerprint)}{beside} "
        f"as in mesh {mesh.name} and {CONFIG_MAP}, good until {authority.expires:%Y-%m-%d}",
    )


def shown(roots: Iterable[str]) -> str:
    """Roots by the beginnings of their fingerprints, the one that signs first."""
    return ", ".join(map(short, roots)) or "none"


def short(digits: str) -> str:
    """The first 16 digits of a fingerprint: enough to tell two roots apart in a line."""
    return digits[:16]
