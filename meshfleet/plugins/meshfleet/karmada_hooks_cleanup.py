"""`meshfleet:index:KarmadaHooksCleanup`: removes what the hooks of Karmada's chart leave in a cluster.

Helm does not remove objects of hooks with their release. Those of the chart are in its namespace, which goes, but for a
ClusterRole that may write everything, and its binding. It creates no object. The release depends on it, so that it is
deleted after the release.
Source: charts/karmada/templates/pre-install-job.yaml of karmada-io/karmada v1.18.2
"""

from __future__ import annotations

from typing import Final

from meshfleet.kube.releases.server import connected
from meshfleet.plugins.meshfleet.handler import Properties
from meshfleet.plugins.meshfleet.istiod_configmap_cleanup import IstiodConfigMapCleanupHandler

# The binding first: without it the role gives no rights.
_LEFT: Final = {
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings/karmada-hook-job",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles/karmada-hook-job",
}
_HOOK: Final = "helm.sh/hook"


class KarmadaHooksCleanupHandler(IstiodConfigMapCleanupHandler):
    """Life cycle of the clean-up, which differs from the other one's in what is removed."""

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Removes the binding and the role, where they are of a hook."""
        with connected(inputs["kubeconfig"], inputs.get("context")) as server:
            for kind, path in _LEFT.items():
                subject = f"the {kind} of Karmada's hooks"
                found = server.get(path, subject) or {}
                described = found.get("metadata")
                annotations = described.get("annotations") if isinstance(described, dict) else None
                if isinstance(annotations, dict) and _HOOK in annotations:
                    server.delete(path, subject)
