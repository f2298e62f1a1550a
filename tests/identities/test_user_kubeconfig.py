"""The kubeconfig of a user, and the answers of members, over API servers that are made up."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import httpx2
import pytest

from meshfleet.cli.identities import who_can_lines
from meshfleet.errors import EngineError, UnreachableError
from meshfleet.errors.causes import Cause
from meshfleet.federation.identities.policy import Request
from meshfleet.federation.identities.resources import resource_of
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.identities.reviewed import Reviewed, review
from meshfleet.identities.user_kubeconfig import clusters_for, seconds_of, user_kubeconfig
from meshfleet.kube.transport import BoundedTransport
from meshfleet.topology import Fleet, TopologyError
from tests.federation.identified import Config, fleet_with

pytestmark = pytest.mark.proof("users may do in each member what is declared", step=0)

PODS: Config = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
DECLARED: Config = {
    "users": {"ada": {}, "bruno": {}, "carla": {}},
    "roles": {"reader": {"rules": [PODS]}},
    "bindings": {
        "everywhere": {"role": "reader", "subjects": {"users": ["ada"]}, "namespaces": ["shop"]},
        "west": {"role": "view", "subjects": {"users": ["bruno"]}, "namespaces": ["shop"]}
        | {"clusterAffinity": {"clusterNames": ["west"]}},
    },
}
SECRET = "administrator-key"


@pytest.fixture
def fleet() -> Fleet:
    return fleet_with(DECLARED)


@pytest.fixture
def status(tmp_path: Path) -> Any:
    """Two clusters, as far as they are read here."""
    clusters = []
    for name in ("west", "east"):
        path = tmp_path / f"{name}.yaml"
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://{name}.example:6443"}}],
            "users": [{"name": "u", "user": {"token": SECRET}}],
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        clusters.append(SimpleNamespace(name=name, kubeconfig=str(path), context=None))
    return SimpleNamespace(clusters=clusters)


def answer(_: BoundedTransport, request: httpx2.Request) -> httpx2.Response:
    """West grants tokens and says that everybody may do everything; east does not answer."""
    if request.url.host == "east.example":
        raise UnreachableError(str(request.url), Cause.REFUSED)
    if request.url.path.endswith("/token"):
        seconds = json.loads(request.content)["spec"]["expirationSeconds"]
        body: dict[str, Any] = {
            "status": {"token": f"token-of-{seconds}", "expirationTimestamp": "2026-11-28T12:00:00Z"}
        }
    else:
        body = {"status": {"allowed": True}}
    return httpx2.Response(201, headers={"Content-Type": "application/json"}, content=json.dumps(body))


def test_a_member_that_does_not_answer_is_named_and_left_out(fleet: Fleet, status: Any) -> None:
    with patch.object(BoundedTransport, "handle_request", answer):
        made = user_kubeconfig(fleet, status, "ada", 3600)
    assert list(made.expires) == ["west"]
    assert list(made.failed) == ["east"]
    assert made.failed["east"].startswith("east: a token of ServiceAccount meshfleet-users/ada")
    found: Any = load_yaml(made.text, what="kubeconfig")
    assert found["current-context"] == "west"
    assert found["contexts"] == [
        {"name": "west", "context": {"cluster": "west", "user": "ada@west", "namespace": "shop"}}
    ]
    assert found["users"] == [{"name": "ada@west", "user": {"token": "token-of-3600"}}]
    # Neither what the administrator has, nor a token where the object is shown.
    assert SECRET not in made.text
    assert "token-of" not in repr(made)


def test_neither_the_administrators_proxy_password_nor_a_missing_account_is_passed_on_as_it_is(
    fleet: Fleet, status: Any
) -> None:
    path = Path(status.clusters[0].kubeconfig)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["clusters"][0]["cluster"]["proxy-url"] = f"http://admin:{SECRET}@proxy.example:3128"
    path.write_text(json.dumps(document), encoding="utf-8")

    def refusing(transport: BoundedTransport, request: httpx2.Request) -> httpx2.Response:
        if request.url.host != "east.example":
            return answer(transport, request)
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "message": "not found"}
        return httpx2.Response(404, headers={"Content-Type": "application/json"}, content=json.dumps(body))

    with patch.object(BoundedTransport, "handle_request", refusing):
        made = user_kubeconfig(fleet, status, "ada", 3600)
    assert SECRET not in made.text
    found: Any = load_yaml(made.text, what="kubeconfig")
    assert found["clusters"][0]["cluster"]["proxy-url"] == "http://proxy.example:3128"
    assert made.failed == {"east": "east: there is no account of ada there yet; run meshfleet up"}


def test_only_a_declared_user_with_a_binding_has_a_kubeconfig(fleet: Fleet, status: Any) -> None:
    assert clusters_for(fleet, "bruno") == ("west",)
    with pytest.raises(TopologyError, match="nothing is bound to carla"):
        clusters_for(fleet, "carla")
    with pytest.raises(TopologyError, match="no user is named 'eve'; known are ada, bruno, carla"):
        clusters_for(fleet, "eve")
    status.clusters.pop()
    with pytest.raises(EngineError, match="east is not deployed; run meshfleet up first"):
        user_kubeconfig(fleet, status, "ada", 600)


@pytest.mark.parametrize("duration", ["9m", "25h", "1d", "", "forever"])
def test_a_lifetime_out_of_bounds_is_refused(duration: str) -> None:
    assert (seconds_of("10m"), seconds_of("1h30m"), seconds_of("24h")) == (600, 5400, 86400)
    with pytest.raises(TopologyError, match="is not a duration from 10m to 24h"):
        seconds_of(duration)


def test_answers_that_are_not_as_declared_are_told(fleet: Fleet, status: Any) -> None:
    request = Request("get", "pods", namespace="shop")
    with patch.object(BoundedTransport, "handle_request", answer):
        found = review(fleet, status, request, ["west", "east"])
    west = found["west"]
    assert isinstance(west, Reviewed)
    assert west.users == ("ada", "bruno", "carla")
    assert [(one.kind, one.name) for one in west.more] == [("user", "carla"), ("account", "carla")]
    assert west.less == ()
    lines = list(who_can_lines(request, {"west": west}, {"east": str(found["east"])}))
    assert lines[:3] == [
        "get pods in shop",
        "  west: ada, bruno, carla",
        "    carla may in west, and not by the stack file",
    ]
    assert lines[-1].startswith("  east: no answer: ")


def test_a_resource_is_in_the_group_that_has_it(fleet: Fleet) -> None:
    declared = fleet.identities
    for text, expected in (
        ("pods/log", ("", "pods/log")),
        ("deployments", ("apps", "deployments")),
        ("deployments.apps/scale", ("apps", "deployments/scale")),
        ("networkpolicies", ("networking.k8s.io", "networkpolicies")),
        ("virtualservices", ("networking.istio.io", "virtualservices")),
        ("widgets.shop.example", ("shop.example", "widgets")),
    ):
        assert resource_of(text, declared) == expected
    with pytest.raises(ValueError, match=r"gateways\.gateway\.networking\.k8s\.io or gateways\.networking\.istio\.io"):
        resource_of("gateways", declared)
    with pytest.raises(ValueError, match="is in no API group that is known here"):
        resource_of("widgets", declared)
