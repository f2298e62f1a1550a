"""Trust: the roots of each mesh, one intermediate for each cluster, and the Secret `cacerts` that carries them.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.registration import Registration
from meshfleet.manifests import trust as manifests
from meshfleet.plugins.meshfleet.sdk import IntermediateCertificateAuthority, RootCertificateAuthority
from meshfleet.topology import Fleet
from meshfleet.topology.names import DEFAULT_ROOT, root_common_name


def root_resource(mesh: str, root: str) -> str:
    """The name of a root's resource."""
    return f"mesh {mesh}/root" if root == DEFAULT_ROOT else f"mesh {mesh}/root-{root}"


def authority_of(
    intermediate: IntermediateCertificateAuthority, bundle: pulumi.Output[str]
) -> pulumi.Output[manifests.CertificateAuthority]:
    """The parts istiod wants, together; secret because the key is. `bundle` is `root-cert.pem`."""
    return pulumi.Output.all(
        intermediate.certificate, intermediate.private_key, intermediate.certificate_chain, bundle
    ).apply(lambda parts: manifests.CertificateAuthority(*parts))


@dataclass(frozen=True)
class TrustResources:
    """What the istiod that is registered with `cluster` signs with and trusts.

    `bundle` is what its `root-cert.pem` holds.
    """

    cluster: str
    intermediate: IntermediateCertificateAuthority
    bundle: pulumi.Output[str]


class MeshTrust(Component):
    """The roots of one mesh. Their keys stay in the stack's state, encrypted, and reach no cluster.

    Its input `bundle` is in the state before any cluster changes: after a killed run it shows
    which change was in progress (meshfleet/automation/state/deployment.py).
    """

    def __init__(self, fleet: Fleet, mesh: str, opts: pulumi.ResourceOptions) -> None:
        bundle = fleet.meshes[mesh].trust.bundle
        super().__init__(f"mesh {mesh}", opts, {"bundle": list(bundle)})
        self.roots = {root: self._root(fleet, mesh, root) for root in fleet.meshes[mesh].trust.roots}
        self.signing = self.roots[bundle[0]]
        in_order = [self.roots[root] for root in bundle]
        self.bundle: pulumi.Output[str] = pulumi.Output.all(*(root.certificate for root in in_order)).apply(
            manifests.root_bundle
        )
        self.fingerprints: pulumi.Output[str] = pulumi.Output.all(*(root.fingerprint for root in in_order)).apply(
            ",".join
        )
        self.done({"fingerprint": self.signing.fingerprint})

    def _root(self, fleet: Fleet, mesh: str, root: str) -> RootCertificateAuthority:
        trust = fleet.meshes[mesh].trust
        # Another subject or kind of key would make another root in its place, all at once; a root is changed by a
        # new one beside it.
        kept = pulumi.ResourceOptions(ignore_changes=["organization", "algorithm"])
        return RootCertificateAuthority(
            root_resource(mesh, root),
            common_name=root_common_name(mesh, root),
            organization=trust.organization,
            algorithm=trust.algorithm,
            validity_days=trust.root.validity_days,
            renew_before_days=trust.root.renew_before_days,
            opts=pulumi.ResourceOptions.merge(self.child(), kept),
        )


class Trust(Component):
    """The intermediate of the istiod that is registered with `cluster`, and `cacerts` where that istiod runs."""

    def __init__(self, registration: Registration, cluster: str, mesh: MeshTrust, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet = registration.fleet
        trust = fleet.meshes[fleet.mesh_of(cluster)].trust
        intermediate = IntermediateCertificateAuthority(
            f"{cluster}/intermediate",
            root_certificate=mesh.signing.certificate,
            root_private_key=mesh.signing.private_key,
            cluster=cluster,
            organization=trust.organization,
            algorithm=trust.algorithm,
            validity_days=trust.intermediate.validity_days,
            renew_before_days=trust.intermediate.renew_before_days,
            namespace=fleet.system_namespace(cluster),
            opts=self.child(),
        )
        registration.known.authorities[cluster] = authority_of(intermediate, mesh.bundle)
        registration.register(self, cluster, manifests.SECTION)
        self.resources = TrustResources(cluster, intermediate, mesh.bundle)
        self.done({"notAfter": intermediate.not_after})
