"""Trust: the roots of each mesh, one intermediate for each cluster, and the Secret `cacerts` that carries them.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.issued_trust import IssuedTrust
from meshfleet.components.registration import Registration
from meshfleet.manifests import cert_manager, istio_csr
from meshfleet.manifests import trust as manifests
from meshfleet.manifests.section import elsewhere
from meshfleet.plugins.meshfleet.cert_manager_intermediate import LATE
from meshfleet.plugins.meshfleet.sdk import (
    CertManagerIntermediate,
    IntermediateCertificateAuthority,
    IssuedIntermediate,
    IssuedRoot,
    RootCertificateAuthority,
)
from meshfleet.topology import Fleet
from meshfleet.topology.names import DEFAULT_ROOT, FILE_ROOT, ISSUER_ROOT, is_read_root, root_common_name


def root_resource(mesh: str, root: str) -> str:
    """The name of a root's resource."""
    return f"mesh {mesh}/root" if root == DEFAULT_ROOT else f"mesh {mesh}/root-{root}"


Intermediate = CertManagerIntermediate | IntermediateCertificateAuthority | IssuedIntermediate
RECORDED = {"certificate", "privateKey", "certificateChain"}
"""The inputs of which the state says more than files that hold the next ones already."""
REQUESTED = {
    "namespace",
    "kubeconfig",
    "context",
    "rootCertificate",
    "request",
    "validityDays",
    "renewBeforeDays",
}
"""The inputs of which the state says more than a stack file with the next issuer."""


def authority_of(
    intermediate: Intermediate, bundle: pulumi.Output[str]
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
    intermediate: Intermediate
    bundle: pulumi.Output[str]


class MeshTrust(Component):
    """The roots of one mesh. Their keys stay in the stack's state, encrypted, and reach no cluster.

    Its input `bundle` is in the state before any cluster changes: after a killed run it shows
    which change was in progress (meshfleet/automation/state/deployment.py).
    """

    def __init__(self, fleet: Fleet, mesh: str, issued: IssuedTrust, opts: pulumi.ResourceOptions) -> None:
        bundle = fleet.meshes[mesh].trust.bundle
        super().__init__(f"mesh {mesh}", opts, {"bundle": list(bundle)})
        self.issued = issued.intermediates
        """The intermediates in files, by cluster; those of another root than the one that signs are the next ones."""
        self.read = issued.roots.get(mesh)
        """The root that the stack file names by a file; while another one signs, the next one."""
        self.roots: dict[str, RootCertificateAuthority | IssuedRoot] = {
            root: self._root(fleet, mesh, root) for root in fleet.meshes[mesh].trust.roots
        }
        self.signing = self.roots[bundle[0]]
        self.signing_name = bundle[0]
        self.authority = (
            (self.signing.certificate, self.signing.private_key)
            if isinstance(self.signing, RootCertificateAuthority)
            else None
        )
        """The root that signs, with its key; None for one of which something else has the key."""
        in_order = [self.roots[root] for root in bundle]
        self.bundle: pulumi.Output[str] = pulumi.Output.all(*(root.certificate for root in in_order)).apply(
            manifests.root_bundle
        )
        self.fingerprints: pulumi.Output[str] = pulumi.Output.all(*(root.fingerprint for root in in_order)).apply(
            ",".join
        )
        self.done({"fingerprint": self.signing.fingerprint})

    def _root(self, fleet: Fleet, mesh: str, root: str) -> RootCertificateAuthority | IssuedRoot:
        trust = fleet.meshes[mesh].trust
        if is_read_root(root):
            text = self.read.certificate if self.read and self.read.name == root else ""
            return IssuedRoot(
                root_resource(mesh, root),
                certificate=text,
                opts=pulumi.ResourceOptions.merge(
                    self.child(), pulumi.ResourceOptions(ignore_changes=[] if text else ["certificate"])
                ),
            )
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


def _warn(cluster: str, state: str | None, resource: pulumi.Resource) -> None:
    # It works until it ends; by then cert-manager has to be well again.
    if state and state.startswith(LATE):
        pulumi.log.warn(f"the intermediate of {cluster} was {state}; check cert-manager and its issuer", resource)


class Trust(Component):
    """The intermediate of the istiod that is registered with `cluster`, and `cacerts` where that istiod runs."""

    def __init__(self, registration: Registration, cluster: str, mesh: MeshTrust, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet = registration.fleet
        intermediate = (
            self._issued(cluster, mesh)
            or self._by_cert_manager(registration, cluster, mesh)
            or self._own(fleet, cluster, mesh)
        )
        registration.known.authorities[cluster] = authority_of(intermediate, mesh.bundle)
        registration.register(self, cluster, manifests.SECTION, istio_csr.SECTION)
        self.resources = TrustResources(cluster, intermediate, mesh.bundle)
        self.done({"notAfter": intermediate.not_after})

    def _issued(self, cluster: str, mesh: MeshTrust) -> IssuedIntermediate | None:
        """The intermediate in files, or the one before that while its root signs; None where the stack issues it."""
        if not FILE_ROOT.fullmatch(mesh.signing_name):
            return None
        found = mesh.issued.get(cluster)
        kept = found is None or found.name != mesh.signing_name
        return IssuedIntermediate(
            f"{cluster}/issued-intermediate",
            certificate="" if found is None or kept else found.certificate,
            private_key="" if found is None or kept else found.key,
            certificate_chain="" if found is None or kept else found.chain,
            opts=pulumi.ResourceOptions.merge(
                self.child(), pulumi.ResourceOptions(ignore_changes=sorted(RECORDED) if kept else [])
            ),
        )

    def _by_cert_manager(
        self, registration: Registration, cluster: str, mesh: MeshTrust
    ) -> CertManagerIntermediate | None:
        """The one that cert-manager issues; None where it does not.

        One below the root of an issuer that the stack file does not name any more is kept while that root signs.
        """
        fleet = registration.fleet
        name = fleet.mesh_of(cluster)
        if ISSUER_ROOT.fullmatch(mesh.signing_name) and (mesh.read is None or mesh.read.name != mesh.signing_name):
            return self._kept(cluster)
        if not (issuing := fleet.issuing_cluster(name)):
            return None
        access, validity = registration.access[issuing], fleet.meshes[name].trust.intermediate
        document = elsewhere(issuing, cert_manager.intermediate(cluster))
        made = CertManagerIntermediate(
            f"{cluster}/issued-by-cert-manager",
            cluster=cluster,
            namespace=cert_manager.NAMESPACE,
            name=cert_manager.intermediate(cluster),
            kubeconfig=access.kubeconfig,
            context=access.context or None,
            root_certificate=mesh.signing.certificate,
            request=cert_manager.certificate_spec(fleet, cluster),
            validity_days=validity.validity_days,
            renew_before_days=validity.renew_before_days,
            opts=self.child(after=registration.waits(cluster, (document,), cert_manager.intermediate(cluster))),
        )
        made.state.apply(lambda state: _warn(cluster, state, made))
        return made

    def _kept(self, cluster: str) -> CertManagerIntermediate:
        """The one that is recorded, whatever its issuer does meanwhile."""
        return CertManagerIntermediate(
            f"{cluster}/issued-by-cert-manager",
            cluster=cluster,
            namespace=cert_manager.NAMESPACE,
            name=cert_manager.intermediate(cluster),
            kubeconfig="",
            root_certificate="",
            request={},
            validity_days=0,
            renew_before_days=0,
            keep=True,
            opts=pulumi.ResourceOptions.merge(self.child(), pulumi.ResourceOptions(ignore_changes=sorted(REQUESTED))),
        )

    def _own(self, fleet: Fleet, cluster: str, mesh: MeshTrust) -> IntermediateCertificateAuthority:
        """One that the root of the stack issues."""
        trust = fleet.meshes[fleet.mesh_of(cluster)].trust
        root = mesh.signing
        assert isinstance(root, RootCertificateAuthority)  # the others have a name of their own
        return IntermediateCertificateAuthority(
            f"{cluster}/intermediate",
            root_certificate=root.certificate,
            root_private_key=root.private_key,
            cluster=cluster,
            organization=trust.organization,
            algorithm=trust.algorithm,
            validity_days=trust.intermediate.validity_days,
            renew_before_days=trust.intermediate.renew_before_days,
            namespace=fleet.system_namespace(cluster),
            opts=self.child(),
        )
