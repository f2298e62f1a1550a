"""Which values of Karmada's chart the fleet owns, each with the field of the stack file that decides it.

Source: charts/karmada/values.yaml of karmada-io/karmada v1.18.2
"""

from __future__ import annotations

from typing import Final

from meshfleet.topology.owned_paths import Owned, Table

RELEASE: Final = "karmada-release"
"""The document of the release."""
KARMADA: Final = ("karmada", RELEASE)
"""What values of releases select it by: its chart, and its document."""
_CHART: Final = "federation.karmada.chart"
_TRUST: Final = "meshes.<name>.trust"
_NAMESPACE: Final = f"{_CHART}.namespace"
_ITSELF: Final = ""
RESTARTED: Final = (
    "apiServer",
    "aggregatedApiServer",
    "controllerManager",
    "kubeControllerManager",
    "scheduler",
    "schedulerEstimator",
    "webhook",
    "search",
    "metricsAdapter",
    "descheduler",
)
"""The parts of the chart whose pods read certificates when they start."""
FINGERPRINT: Final = "meshfleet.dev/certificates"
"""The annotation, and for etcd the label, of pods with the certificates that they were started with."""

KARMADA_VALUES: Final = Table(
    *(
        Owned(tuple(path.split(".")), owner)
        for path, owner in {
            "installMode": _CHART,
            "systemNamespace": _NAMESPACE,
            "clusterDomain": "kubernetes",
            "certs": _TRUST,
            "etcd.mode": _TRUST,
            "etcd.external": _TRUST,
            "apiServer.serviceType": f"{_CHART}.type",
            "apiServer.nodePort": f"{_CHART}.nodePort",
            "apiServer.serviceAnnotations": f"{_CHART}.serviceAnnotations",
            "agent": "clusters",
            "global.meshfleet": _ITSELF,
        }.items()
    ),
    *(Owned((part, "podAnnotations", FINGERPRINT), _ITSELF) for part in RESTARTED),
    Owned(("etcd", "podLabels", FINGERPRINT), _ITSELF),
)
"""Of the values of Karmada's chart."""
