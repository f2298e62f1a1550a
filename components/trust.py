"""Trust: one root for each mesh, one intermediate for each cluster, and the Secret `cacerts` that carries it.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.kubernetes_object import KubernetesObject
from manifests import trust as manifests
from plugins.meshfleet.sdk import IntermediateCertificateAuthority, RootCertificateAuthority
from topology import Fleet


def root_common_name(mesh: str) -> str:
    """The subject of a mesh's root, told apart from other meshes' at a glance."""
    return f"Root CA of {mesh}"


def authority_of(
    intermediate: IntermediateCertificateAuthority,
) -> pulumi.Output[manifests.CertificateAuthority]:
    """The parts istiod wants, together; secret because the key is."""
    return pulumi.Output.all(
        intermediate.certificate,
        intermediate.private_key,
        intermediate.certificate_chain,
        intermediate.root_certificate,
    ).apply(lambda parts: manifests.CertificateAuthority(*parts))


@dataclass(frozen=True)
class TrustResources:
    """What the trust of the istiod that carries the name of `cluster` consists of."""

    cluster: str
    intermediate: IntermediateCertificateAuthority
    cacerts: KubernetesObject


class MeshTrust(Component):
    """The root of one mesh. Its key stays in the stack's state, encrypted, and reaches no cluster."""

    def __init__(self, fleet: Fleet, mesh: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"mesh {mesh}", opts)
        trust = fleet.meshes[mesh].trust
        self.root = RootCertificateAuthority(
            f"mesh {mesh}/root",
            common_name=root_common_name(mesh),
            organization=trust.organization,
            algorithm=trust.algorithm,
            validity_days=trust.root.validity_days,
            renew_before_days=trust.root.renew_before_days,
            opts=self.child(),
        )
        self.done({"fingerprint": self.root.fingerprint})


class Trust(Component):
    """The intermediate of one istiod and `cacerts` beside it, which must be there before istiod first starts.

    The istiod carries the name of `cluster` and runs in that of `access`, another one when it is external.
    """

    def __init__(
        self,
        fleet: Fleet,
        cluster: str,
        access: ClusterAccess,
        root: RootCertificateAuthority,
        namespace: pulumi.Resource,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(cluster, opts)
        trust = fleet.meshes[fleet.mesh_of(cluster)].trust
        intermediate = IntermediateCertificateAuthority(
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
        authority = authority_of(intermediate)
        data: pulumi.Output[Any] = pulumi.Output.secret(authority.apply(manifests.cacerts_data))
        cacerts = KubernetesObject(
            f"{access.name}/cacerts" if access.name == cluster else f"{access.name}/external-{cluster}-cacerts",
            manifests.cacerts(fleet, cluster, data),
            self.child(
                provider=access.provider,
                after=[namespace],
                deleted_with=access.goes_with,
                secret_outputs=["data"],
            ),
        )
        self.resources = TrustResources(cluster, intermediate, cacerts)
        self.done({"notAfter": intermediate.not_after})
