"""Names of objects that Kubernetes or Istio makes in every cluster, and writes again when another changes them.

Sources: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings,
https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/ and manifests/charts of istio/istio
"""

from __future__ import annotations

import re
from typing import Final

from meshfleet.topology.propagation.kinds import KUBERNETES_GROUPS, ObjectKey

_KUBERNETES: Final = "Kubernetes"
_ISTIO: Final = "Istio"
_ROLES: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_BY_KUBERNETES: Final = re.compile(r"system:.*|cluster-admin|admin|edit|view")
# Releases of istiod, its readers, the CNI and ztunnel, with a revision and a namespace at their ends or none.
_BY_ISTIO: Final = {
    _ROLES: re.compile(r"(istiod|istio-reader)-.*-istio-system|istiod-gateway-controller.*|istio-cni(-.*)?|ztunnel"),
    _ADMISSION: re.compile(r"istio-(sidecar-injector|revision-tag-|validator).*|istiod-default-validator"),
}
_CLUSTER_ROLES: Final = ("ClusterRole", "ClusterRoleBinding")
# Names of objects in each namespace that has them.
_EVERYWHERE: Final = {("", "ConfigMap"): {"kube-root-ca.crt": _KUBERNETES, "istio-ca-root-cert": _ISTIO}}


def taken_by(key: ObjectKey) -> str:
    """Who makes an object of this name in every cluster; empty for a name that is the user's to take."""
    if owner := _EVERYWHERE.get(key[:2], {}).get(key.name):
        return owner
    if (key.group, key.kind, key.namespace, key.name) == ("", "Service", "default", "kubernetes"):
        return _KUBERNETES
    if key.kind in _CLUSTER_ROLES and key.group == _ROLES and _BY_KUBERNETES.fullmatch(key.name):
        return _KUBERNETES
    if (key.kind, key.group) == ("PriorityClass", "scheduling.k8s.io") and key.name.startswith("system-"):
        return _KUBERNETES
    if (key.kind, key.group) == ("APIService", "apiregistration.k8s.io"):
        # Named <version>.<group>, with an empty group for the core.
        return _KUBERNETES if key.name.partition(".")[2] in KUBERNETES_GROUPS - {"metrics.k8s.io"} else ""
    form = _BY_ISTIO.get(key.group)
    return _ISTIO if not key.namespace and form and form.fullmatch(key.name) else ""
