"""A live object against what its chart rendered: what is a difference, what is not, and what is restored."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.kube.releases.comparison import differences, restored

pytestmark = pytest.mark.proof("releases are compared object by object with what their chart rendered", step=0)

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "reader", "labels": {"app": "istiod"}},
    "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    ],
}
WEBHOOKS = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "validator"},
    "webhooks": [
        {
            "name": "rev.validation.istio.io",
            "clientConfig": {"caBundle": "", "service": {"name": "istiod", "namespace": "istio-system"}},
            "failurePolicy": "Ignore",
            "rules": [{"operations": ["CREATE"], "apiGroups": ["*"]}],
        }
    ],
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "istiod"},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": {"app": "istiod"}, "annotations": None},
            "spec": {
                "containers": [
                    {
                        "name": "discovery",
                        "image": "istiod:1",
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
                        "resources": {"requests": {"cpu": "1000m", "memory": "0.5Gi"}},
                        "securityContext": {"privileged": False},
                        "args": ["discovery"],
                    }
                ],
                "tolerations": [],
            },
        },
    },
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"token": "abc"}}
SECRET |= {"data": {"key": "YWJj\n"}}


def served(rendered: dict[str, Any]) -> dict[str, Any]:
    """As an API server has it: defaults added, empty fields left out, quantities written in one way."""
    live = copy.deepcopy(rendered)
    live["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": [{"manager": "helm"}]}
    live["status"] = {"observed": True}
    if rendered is DEPLOYMENT:
        pod = live["spec"]["template"]["spec"]
        del live["spec"]["template"]["metadata"]["annotations"]
        del pod["tolerations"]
        pod["dnsPolicy"] = "ClusterFirst"
        container = pod["containers"][0]
        container |= {"imagePullPolicy": "Always", "resources": {"requests": {"cpu": "1", "memory": "512Mi"}}}
        container["env"] = [{"name": "A", "value": "1"}, {"name": "B"}]
        container["securityContext"] = {}
    if rendered is WEBHOOKS:
        live["webhooks"][0] |= {"timeoutSeconds": 10, "failurePolicy": "Fail"}
        live["webhooks"][0]["clientConfig"]["caBundle"] = "of istiod"
    if rendered is SECRET:
        del live["stringData"]
        live["data"] = {"token": "YWJj", "key": "YWJj"}
    return live


ALL = {str(each["kind"]): each for each in (ROLE, WEBHOOKS, DEPLOYMENT, SECRET)}


@pytest.mark.parametrize("kind", ALL)
def test_what_servers_and_controllers_make_of_it_is_no_difference(kind: str) -> None:
    rendered = ALL[kind]
    assert differences(rendered, served(rendered)) == []
    assert differences(rendered, restored(rendered, served(rendered))) == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "named"),
    [
        ("ClusterRole", ("rules", 0, "verbs"), ["get"], "rules[0].verbs"),
        ("ClusterRole", ("rules", 0, "verbs", 1), "watch", "rules[0].verbs[1]"),
        ("ClusterRole", ("rules",), [], "rules"),
        ("ClusterRole", ("metadata", "labels", "app"), "other", "metadata.labels.app"),
        ("ClusterRole", ("metadata", "labels"), None, "metadata.labels"),
        (
            "ValidatingWebhookConfiguration",
            ("webhooks", 0, "clientConfig", "service", "name"),
            "evil",
            "webhooks[rev.validation.istio.io].clientConfig.service.name",
        ),
        ("ValidatingWebhookConfiguration", ("webhooks", 0, "name"), "other", "webhooks[rev.validation.istio.io]"),
        ("ValidatingWebhookConfiguration", ("webhooks",), None, "webhooks"),
        ("Deployment", ("spec", "replicas"), 0, "spec.replicas"),
        (
            "Deployment",
            ("spec", "template", "spec", "containers", 0, "image"),
            "istiod:2",
            "spec.template.spec.containers[discovery].image",
        ),
        (
            "Deployment",
            ("spec", "template", "spec", "containers", 0, "resources", "requests", "cpu"),
            "2",
            "spec.template.spec.containers[discovery].resources.requests.cpu",
        ),
        (
            "Deployment",
            ("spec", "template", "spec", "containers", 0, "securityContext"),
            {"privileged": True},
            "spec.template.spec.containers[discovery].securityContext.privileged",
        ),
        ("Secret", ("data", "token"), "eHl6", "data.token"),
    ],
)
def test_a_changed_field_is_named_and_set_again(kind: str, path: tuple[Any, ...], value: Any, named: str) -> None:
    rendered = ALL[kind]
    live = served(rendered)
    place: Any = live
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert differences(rendered, live) == [named]
    assert differences(rendered, restored(rendered, live)) == []


def test_an_item_that_was_added_is_a_difference_and_goes() -> None:
    live = served(WEBHOOKS)
    live["webhooks"].append({"name": "another"})
    assert differences(WEBHOOKS, live) == ["webhooks"]
    assert restored(WEBHOOKS, live)["webhooks"] == served(WEBHOOKS)["webhooks"]


def test_the_authority_that_istiod_wrote_stays_when_something_beside_it_is_set_again() -> None:
    live = served(WEBHOOKS)
    live["webhooks"][0]["rules"] = []
    again = restored(WEBHOOKS, live)["webhooks"][0]
    assert again["rules"] == WEBHOOKS["webhooks"][0]["rules"]  # type: ignore[index]
    assert (again["clientConfig"]["caBundle"], again["failurePolicy"]) == ("of istiod", "Fail")


def test_replicas_belong_to_an_autoscaler_where_there_is_one() -> None:
    live = served(DEPLOYMENT)
    live["spec"]["replicas"] = 5
    assert differences(DEPLOYMENT, live, scaled=True) == []
    assert restored(DEPLOYMENT, live, scaled=True)["spec"]["replicas"] == 5


def test_rules_of_an_aggregated_role_belong_to_its_controller() -> None:
    rendered = {**ROLE, "aggregationRule": {"clusterRoleSelectors": []}, "rules": []}
    assert differences(rendered, served(ROLE) | {"aggregationRule": {"clusterRoleSelectors": []}}) == []


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of every scalar."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path


SWEPT = [
    (kind, path)
    for kind, rendered in ALL.items()
    for path in leaves({key: value for key, value in rendered.items() if key not in ("apiVersion", "kind", "metadata")})
    if kind != "Secret" and path[-1] not in ("caBundle", "failurePolicy") and path[-1] != "annotations"
]


@pytest.mark.parametrize(("kind", "path"), SWEPT, ids=lambda part: ".".join(map(str, part)) if part else "")
def test_each_field_of_each_object_is_compared_and_restored(kind: str, path: tuple[Any, ...]) -> None:
    live = copy.deepcopy(ALL[kind])
    place: Any = live
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "changed by hand"
    assert len(differences(ALL[kind], live)) == 1
    assert differences(ALL[kind], restored(ALL[kind], live)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab1m", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "spec", "data", "x"]), inner, max_size=3)
    ),
    max_leaves=15,
)


@given(rendered=st.dictionaries(st.sampled_from(["spec", "data", "rules"]), JSON), live=JSON)
def test_whatever_was_made_of_an_object_it_is_as_rendered_once_restored(rendered: Any, live: Any) -> None:
    present = live if isinstance(live, dict) else {}
    again = restored(rendered, present)
    assert differences(rendered, again) == []
    assert restored(rendered, again) == again
