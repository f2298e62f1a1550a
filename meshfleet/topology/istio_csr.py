"""istio-csr, which signs the certificates of workloads in place of istiod, and how it comes into a cluster.

Source: https://cert-manager.io/docs/usage/istio-csr/installation/
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from meshfleet.topology.additions import Values
from meshfleet.topology.cert_manager import RELEASE, CertManagerCharts, checked_release
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.owned_paths import Owned, Table

ISTIO_CSR: Final = "istio-csr"
ISTIO_CSR_RELEASE: Final = "0.17.0"
_TRUST: Final = "meshes.<name>.trust"
_ITSELF: Final = ""


_checked_version = checked_release(ISTIO_CSR, ISTIO_CSR_RELEASE)


class IstioCsr(Model):
    """The release of istio-csr in each cluster of a mesh.

    It has cert-manager of its cluster sign the certificates of workloads with the intermediate of that cluster, which
    istiod does not get then. See [rotation](rotation.md).
    """

    charts: CertManagerCharts = Field(default_factory=CertManagerCharts)
    """The source of its chart: `published`, `{repository: URL}`, `{folder: PATH}`."""
    version: Annotated[str, AfterValidator(_checked_version), text(RELEASE)] = ISTIO_CSR_RELEASE
    """The version of its chart, in quotes."""
    values: Values = Field(default_factory=dict)
    """Helm values of its chart, merged last."""


ISTIO_CSR_VALUES: Final = Table(
    *(
        Owned(tuple(path.split(".")), owner)
        for path, owner in {
            "app.certmanager.namespace": _TRUST,
            "app.certmanager.issuer": _TRUST,
            "app.runtimeConfiguration": _TRUST,
            "app.runtimeIssuanceConfigMap": _TRUST,
            "app.tls.trustDomain": "meshes.<name>.trustDomain",
            "app.tls.rootCAFile": _TRUST,
            "app.tls.certificateDNSNames": _TRUST,
            "app.tls.istiodCertificateEnable": _TRUST,
            "app.server.clusterID": "its name in clusters",
            "app.server.serving.port": _TRUST,
            "app.istio": "istio.revisions",
            "service.port": _TRUST,
            "nameOverride": _TRUST,
            "podAnnotations.meshfleet/roots": _ITSELF,
            "volumes": _TRUST,
            "volumeMounts": _TRUST,
            "global.meshfleet": _ITSELF,
        }.items()
    )
)
"""Of the values of its chart, those that the fleet sets, each with the field of the stack file that decides it.

Source: deploy/charts/istio-csr/values.yaml of cert-manager/istio-csr
"""
