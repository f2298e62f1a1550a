"""What everybody may do, and the roles that Kubernetes has for people: those of 1.35, as an API server of it has them.

Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go of kubernetes/kubernetes,
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from meshfleet.topology.rbac.policy_rule import PolicyRule
from meshfleet.topology.system_names import AUTHENTICATED, SERVICE_ACCOUNTS

READ: Final = "get list watch"
WRITE: Final = "create delete deletecollection patch update"
_CORE: Final = "core"

# API groups, resources, verbs. Of each role what it adds to the one before it.
_VIEW: Final = (
    (
        "core",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
        "replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
        READ,
    ),
    (
        "core",
        "bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status "
        "resourcequotas resourcequotas/status",
        READ,
    ),
    (
        "core",
        "namespaces",
        READ,
    ),
    (
        "core events.k8s.io",
        "events",
        READ,
    ),
    (
        "discovery.k8s.io",
        "endpointslices",
        READ,
    ),
    (
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale "
        "deployments/status replicasets replicasets/scale replicasets/status statefulsets "
        "statefulsets/scale statefulsets/status",
        READ,
    ),
    (
        "autoscaling",
        "horizontalpodautoscalers horizontalpodautoscalers/status",
        READ,
    ),
    (
        "batch",
        "cronjobs cronjobs/status jobs jobs/status",
        READ,
    ),
    (
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses "
        "ingresses/status networkpolicies replicasets replicasets/scale replicasets/status "
        "replicationcontrollers/scale",
        READ,
    ),
    (
        "policy",
        "poddisruptionbudgets poddisruptionbudgets/status",
        READ,
    ),
    (
        "networking.k8s.io",
        "ingresses ingresses/status networkpolicies",
        READ,
    ),
    (
        "resource.k8s.io",
        "resourceclaims resourceclaims/status resourceclaimtemplates",
        READ,
    ),
)
_EDIT: Final = (
    (
        "core",
        "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy",
        READ,
    ),
    (
        "core",
        "serviceaccounts",
        "impersonate",
    ),
    (
        "core",
        "pods pods/attach pods/exec pods/portforward pods/proxy",
        WRITE,
    ),
    (
        "core",
        "pods/eviction",
        "create",
    ),
    (
        "core",
        "configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
        "serviceaccounts services services/proxy",
        WRITE,
    ),
    (
        "core",
        "serviceaccounts/token",
        "create",
    ),
    (
        "core events.k8s.io",
        "events",
        WRITE,
    ),
    (
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale "
        "statefulsets statefulsets/scale",
        WRITE,
    ),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        WRITE,
    ),
    (
        "batch",
        "cronjobs jobs",
        WRITE,
    ),
    (
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies "
        "replicasets replicasets/scale replicationcontrollers/scale",
        WRITE,
    ),
    (
        "policy",
        "poddisruptionbudgets",
        WRITE,
    ),
    (
        "networking.k8s.io",
        "ingresses networkpolicies",
        WRITE,
    ),
    (
        "coordination.k8s.io",
        "leases",
        READ + " " + WRITE,
    ),
    (
        "resource.k8s.io",
        "resourceclaims resourceclaimtemplates",
        WRITE,
    ),
)
_ADMIN: Final = (
    (
        "authorization.k8s.io",
        "localsubjectaccessreviews",
        "create",
    ),
    (
        "rbac.authorization.k8s.io",
        "rolebindings roles",
        READ + " " + WRITE,
    ),
)
_DISCOVERY: Final = "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/"
_ISSUER: Final = "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/"
_EVERYBODY: Final = (
    ("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", "create"),
    ("authentication.k8s.io", "selfsubjectreviews", "create"),
)

# Sources: https://istio.io/latest/docs/reference/config/ and https://gateway-api.sigs.k8s.io/reference/spec/
_MESH: Final = (
    (
        "networking.istio.io",
        "destinationrules envoyfilters gateways proxyconfigs serviceentries sidecars virtualservices "
        "workloadentries workloadgroups",
    ),
    ("security.istio.io", "authorizationpolicies peerauthentications requestauthentications"),
    ("telemetry.istio.io", "telemetries"),
    ("extensions.istio.io", "wasmplugins"),
    ("gateway.networking.k8s.io", "gateways grpcroutes httproutes referencegrants"),
)


def _rules(table: Iterable[tuple[str, str, str]]) -> tuple[PolicyRule, ...]:
    return tuple(
        _rule(
            apiGroups=["" if group == _CORE else group for group in groups.split()],
            resources=resources.split(),
            verbs=verbs.split(),
        )
        for groups, resources, verbs in table
    )


def _urls(urls: str) -> PolicyRule:
    return _rule(nonResourceURLs=urls.split(), verbs=["get"])


def _rule(**fields: list[str]) -> PolicyRule:
    return PolicyRule.model_validate(fields)


EVERYTHING: Final = (
    _rule(apiGroups=["*"], resources=["*"], verbs=["*"]),
    _rule(nonResourceURLs=["*"], verbs=["*"]),
)
"""The rules of `cluster-admin`."""
AGGREGATED: Final[Mapping[str, tuple[PolicyRule, ...]]] = {
    "view": _rules(_VIEW),
    "edit": _rules(_EDIT),
    "admin": _rules(_ADMIN),
}
"""Roles that others are added to → their rules; each has those of the roles before it too."""
GROUP_RULES: Final[Mapping[str, tuple[PolicyRule, ...]]] = {
    AUTHENTICATED: (_urls(_DISCOVERY), *_rules(_EVERYBODY)),
    SERVICE_ACCOUNTS: (_urls(_ISSUER),),
}
"""Groups that every identity, and every service account, is in → what they may do."""
MESH_RULES: Final[Mapping[str, tuple[PolicyRule, ...]]] = {
    "view": _rules((group, resources, READ) for group, resources in _MESH),
    "edit": _rules((group, resources, WRITE) for group, resources in _MESH),
}
"""What is added to roles of Kubernetes for the kinds of Istio and of the Gateway API."""
