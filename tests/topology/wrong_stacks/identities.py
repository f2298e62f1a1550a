"""Identities: names that nothing has, names of Kubernetes itself, and rights that are not said explicitly."""

from __future__ import annotations

from typing import Any

from tests.topology.wrong_stacks.wrong import Wrong

Config = dict[str, Any]
PODS: Config = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
GIVEN: Config = {
    "users": {"ada": {}, "bruno": {}},
    "groups": {"staff": {"users": ["ada"]}},
    "serviceAccounts": {"deployer": {"namespace": "shop"}},
    "roles": {"reader": {"rules": [PODS]}},
    "bindings": {"readers": {"role": "reader", "subjects": {"groups": ["staff"]}, "namespaces": ["shop"]}},
}
RULE = "identities.roles.reader.rules[0]"
BINDING = "identities.bindings.readers"


def wrong(title: str, changes: dict[str, object], faults: dict[str, str | tuple[str, ...]]) -> Wrong:
    """A wrong section: paths within it, from the given one, to new values."""
    return Wrong(
        title, {"identities": GIVEN, **{f"identities.{path}": value for path, value in changes.items()}}, faults
    )


def ruled(title: str, fault: str, **rule: Any) -> Wrong:
    """A wrong rule: the given one with other fields."""
    return wrong(title, {"roles.reader.rules": [PODS | rule]}, {RULE: fault})


def bound(title: str, faults: dict[str, str | tuple[str, ...]], **binding: Any) -> Wrong:
    """A wrong binding: the given one with other fields."""
    return wrong(title, {"bindings.readers": GIVEN["bindings"]["readers"] | binding}, faults)


SHAPES = [
    Wrong("identities that are a list", {"identities": []}, {"identities": "must be a map of keys to values"}),
    wrong(
        "a misspelt field of a user",
        {"users.ada": {"nmae": "ada"}},
        {"identities.users.ada.nmae": "did you mean name?"},
    ),
    wrong("a role without rules", {"roles.reader": {"rules": []}}, {"identities.roles.reader": "has no rules"}),
    ruled("a rule without verbs", "has no verbs", verbs=[]),
    ruled("a rule without resources", "has no resources", resources=[]),
    ruled("a rule without API groups", "has no apiGroups", apiGroups=[]),
    ruled("a rule of resources and URLs", "has both resources and nonResourceURLs", nonResourceURLs=["/metrics"]),
    ruled(
        "a rule that restricts create by name",
        "restricts create by resourceNames",
        verbs=["create"],
        resourceNames=["a"],
    ),
    wrong(
        "a verb in capitals",
        {"roles.reader.rules": [PODS | {"verbs": ["GET"]}]},
        {f"{RULE}.verbs[0]": "'GET' is not a verb; write it as in get"},
    ),
    wrong(
        "an API group with its version",
        {"roles.reader.rules": [PODS | {"apiGroups": ["apps/v1"]}]},
        {f"{RULE}.apiGroups[0]": "'apps/v1' is not an API group"},
    ),
    wrong(
        "a kind in place of a resource",
        {"roles.reader.rules": [PODS | {"resources": ["Pod"]}]},
        {f"{RULE}.resources[0]": "'Pod' is not a resource; write it in the plural"},
    ),
    wrong(
        "a URL without a slash",
        {
            "roles.reader.rules": [{"nonResourceURLs": ["metrics"], "verbs": ["get"]}],
            "bindings.readers": {"role": "reader", "subjects": {"users": ["ada"]}, "allNamespaces": True},
        },
        {f"{RULE}.nonResourceURLs[0]": "'metrics' is not a path of an API server"},
    ),
    bound("a binding without subjects", {BINDING: "has no subjects"}, subjects={}),
    bound("a binding without namespaces", {BINDING: "has no namespaces"}, namespaces=[]),
    bound("a binding of some and of all namespaces", {BINDING: "has both namespaces and all"}, allNamespaces=True),
    wrong(
        "a role with an author that is added to others",
        {"roles.reader": {"rules": [PODS], "aggregateTo": ["view"], "author": "ada"}},
        {"identities.roles.reader": "has an author and aggregateTo"},
    ),
]
NAMES = [
    wrong("a user whose name is no DNS label", {"users.Ada": {}}, {"identities.users.Ada": "'Ada' is not a DNS label"}),
    wrong(
        "a role with a name of Kubernetes",
        {"roles.view": {"rules": [PODS]}, "bindings.readers.role": "view"},
        {
            "identities.roles.view": "view is a role of Kubernetes itself",
            "identities.roles.reader": "is in no binding",
        },
    ),
    wrong(
        "a group called system:masters",
        {"groups.staff": {"name": "system:masters", "users": ["ada"]}},
        {"identities.groups.staff.name": "'system:masters' begins with system:"},
    ),
    wrong(
        "a user called as a node is",
        {"users.ada": {"name": "system:node:west"}},
        {"identities.users.ada.name": "'system:node:west' begins with system:"},
    ),
    wrong(
        "a prefix of Kubernetes itself",
        {"oidc": {"groupsPrefix": "system:"}},
        {"identities.oidc.groupsPrefix": "is a prefix of Kubernetes itself"},
    ),
    wrong(
        "a group that is system:masters with its prefix",
        {"oidc": {"groupsPrefix": "system"}, "groups.staff": {"name": ":masters", "users": ["ada"]}},
        {"identities.groups.staff": "is 'system:masters' with its prefix"},
    ),
    wrong(
        "a group of administrators of kind clusters",
        {"groups.staff": {"name": "kubeadm:cluster-admins", "users": ["ada"]}},
        {"identities.groups.staff.name": "'kubeadm:cluster-admins' begins with kubeadm:"},
    ),
    wrong(
        "a user of EKS by its prefix",
        {"oidc": {"usernamePrefix": "e"}, "users.ada": {"name": "ks:addon-manager"}},
        {"identities.users.ada": "is 'eks:addon-manager' with its prefix"},
    ),
    wrong(
        "system:masters in capitals",
        {"groups.staff": {"name": "SYSTEM:masters", "users": ["ada"]}},
        {"identities.groups.staff.name": "'SYSTEM:masters' begins with system:"},
    ),
    wrong(
        "a name that is another one in a header",
        {"users.bruno": {"name": "ada "}, "oidc": {"groupsPrefix": " p:"}},
        {
            "identities.users.bruno.name": "'ada ' begins or ends with a space, which gets lost on the way",
            "identities.oidc.groupsPrefix": "' p:' begins or ends with a space",
        },
    ),
    wrong("a user for everybody", {"users.ada": {"name": "*"}}, {"identities.users.ada.name": "'*' names no user"}),
    wrong("an empty name", {"users.ada": {"name": " "}}, {"identities.users.ada.name": "is empty"}),
    wrong(
        "two users of one name",
        {"users.bruno": {"name": "ada"}},
        {"identities.users.bruno": "is called 'ada', as ada is"},
    ),
    wrong(
        "two service accounts of one name",
        {"serviceAccounts.twice": {"namespace": "shop", "name": "deployer"}},
        {"identities.serviceAccounts.twice": "is called 'shop/deployer', as deployer is"},
    ),
    wrong(
        "an account in a namespace of Kubernetes",
        {"serviceAccounts.deployer.namespace": "kube-system"},
        {"identities.serviceAccounts.deployer.namespace": "is of Kubernetes, of Istio or of the fleet"},
    ),
    wrong(
        "the account that Kubernetes creates",
        {"serviceAccounts.deployer": {"namespace": "shop", "name": "default"}},
        {"identities.serviceAccounts.deployer": "Kubernetes creates the account default in every namespace"},
    ),
]
REFERENCES = [
    wrong(
        "a group of an unknown user",
        {"groups.staff": {"users": ["aad"]}},
        {"identities.groups.staff.users[0]": "there is no user 'aad'; known are ada, bruno"},
    ),
    wrong(
        "a group with system:masters in it",
        {"groups.staff": {"groups": ["system:masters"]}},
        {"identities.groups.staff.groups[0]": "'system:masters' is a name of Kubernetes itself"},
    ),
    wrong(
        "groups in a cycle",
        {"groups": {"staff": {"groups": ["inner"]}, "inner": {"groups": ["staff"]}}},
        {"identities.groups.inner.groups": "is a cycle: inner → staff → inner"},
    ),
    wrong(
        "a group in itself",
        {"groups.staff": {"groups": ["staff"]}},
        {"identities.groups.staff.groups": "is a cycle: staff → staff"},
    ),
    bound(
        "subjects that nobody declared",
        {
            f"{BINDING}.subjects.groups[0]": "there is no group 'stuff'; known are staff",
            f"{BINDING}.subjects.serviceAccounts[0]": "there is no service account 'robot'; known are deployer",
            f"{BINDING}.subjects.users[1]": "'ada' is given twice",
        },
        subjects={"users": ["ada", "ada"], "groups": ["stuff"], "serviceAccounts": ["robot"]},
    ),
    bound(
        "everybody as a subject",
        {f"{BINDING}.subjects.groups[0]": "'system:authenticated' is a name of Kubernetes itself"},
        subjects={"groups": ["system:authenticated"]},
    ),
    bound(
        "a role that nobody declared",
        {
            f"{BINDING}.role": "there is no role 'raeder'; known are reader, cluster-admin, admin",
            "identities.roles.reader": "is in no binding",
        },
        role="raeder",
    ),
    wrong(
        "a role that nobody has",
        {"roles.other": {"rules": [PODS]}},
        {"identities.roles.other": "is in no binding; name it in a binding"},
    ),
    bound("an unknown author", {f"{BINDING}.author": "there is no user 'eve'"}, author="eve"),
    wrong(
        "an unknown author of a role",
        {"roles.reader.author": "eve"},
        {"identities.roles.reader.author": "there is no user 'eve'; known are ada, bruno"},
    ),
    bound("a namespace that is given twice", {f"{BINDING}.namespaces[1]": "given twice"}, namespaces=["shop", "shop"]),
    bound(
        "a binding in a namespace of the fleet",
        {f"{BINDING}.namespaces[0]": "the namespace 'meshfleet-users' is of Kubernetes, of Istio or of the fleet"},
        namespaces=["meshfleet-users"],
    ),
    bound(
        "a binding in an unknown cluster",
        {f"{BINDING}.clusterAffinity.clusterNames[0]": "there is no cluster 'wst'; known are west, east"},
        clusterAffinity={"clusterNames": ["wst"]},
    ),
]
RIGHTS = [
    ruled("all verbs", "has the wildcard '*'", verbs=["*"]),
    ruled("all resources", "has the wildcard '*'", apiGroups=["apps"], resources=["*"]),
    wrong(
        "all resources to read, kubelets among them",
        {"roles.reader": {"rules": [PODS | {"resources": ["*"]}], "allowWildcards": True}},
        {RULE: "allows to run commands in every pod of a node"},
    ),
    ruled("all API groups", "has the wildcard '*'", apiGroups=["*"]),
    ruled("a subresource of all resources", "has the wildcard '*/scale'", resources=["*/scale"]),
    ruled(
        "a role that may bind roles",
        "allows to bind roles that one does not have",
        apiGroups=["rbac.authorization.k8s.io"],
        resources=["clusterroles"],
        verbs=["bind"],
    ),
    ruled(
        "a role that may escalate",
        "allows to write roles with rights that one does not have",
        apiGroups=["rbac.authorization.k8s.io"],
        resources=["roles"],
        verbs=["get", "escalate"],
    ),
    ruled("a role that may impersonate", "allows to impersonate others", resources=["users"], verbs=["impersonate"]),
    ruled(
        "a role that may create tokens",
        "allows to create tokens of service accounts",
        resources=["serviceaccounts/token"],
        verbs=["create"],
    ),
    ruled(
        "a role that may have certificates signed",
        "allows to have certificates of others signed",
        apiGroups=["certificates.k8s.io"],
        resources=["signers"],
        resourceNames=["kubernetes.io/kube-apiserver-client"],
        verbs=["approve"],
    ),
    ruled(
        "a role that reaches kubelets",
        "allows to run commands in every pod of a node",
        resources=["nodes/proxy"],
    ),
    ruled(
        "a role that may write webhooks",
        "allows to read or change all that others create",
        apiGroups=["admissionregistration.k8s.io"],
        resources=["validatingwebhookconfigurations"],
        verbs=["get", "patch"],
    ),
    wrong(
        "all objects by name",
        {"roles.reader.rules": [PODS | {"resourceNames": ["*"]}]},
        {f"{RULE}.resourceNames[0]": "'*' is the name of no object here, and no wildcard"},
    ),
    wrong(
        "wildcards that allow to escalate as well",
        {
            "roles.reader": {
                "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
                "allowWildcards": True,
            },
        },
        {RULE: "allows to bind roles that one does not have"},
    ),
    bound(
        "everything for somebody",
        {f"{BINDING}.role": "cluster-admin may do everything", "identities.roles.reader": "is in no binding"},
        role="cluster-admin",
    ),
    bound(
        "edit in all namespaces",
        {f"{BINDING}.role": "edit may become any service account", "identities.roles.reader": "is in no binding"},
        role="edit",
        namespaces=[],
        allNamespaces=True,
    ),
    wrong(
        "URLs in a namespace",
        {"roles.reader.rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]},
        {f"{BINDING}.role": "reader has nonResourceURLs, which are in no namespace"},
    ),
]
IDENTITIES = [*SHAPES, *NAMES, *REFERENCES, *RIGHTS]
