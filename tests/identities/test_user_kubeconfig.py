"""The kubeconfig of a user, and the answers of members, over API servers that are made up."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import httpx2
import pytest

from meshfleet.cli.identities import who_can_lines
from meshfleet.errors import EngineError, FileError, UnreachableError
from meshfleet.errors.causes import Cause
from meshfleet.federation.identities.policy import Request
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.identities.portal_access import PortalPlace
from meshfleet.identities.reviewed import Reviewed, review
from meshfleet.identities.user_kubeconfig import clusters_for, require_own, seconds_of, user_kubeconfig
from meshfleet.kube.transport import BoundedTransport
from meshfleet.status import Status
from meshfleet.topology import Fleet, TopologyError, load
from meshfleet.topology.portal import Portal
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
    """West grants tokens and says that everybody may do everything; east does not respond."""
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


def test_a_member_that_does_not_respond_is_named_and_left_out(fleet: Fleet, status: Any) -> None:
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


def test_no_two_entries_have_one_name_whatever_clusters_are_called(tmp_path: Path) -> None:
    """A client takes one of two users of one name, and sends its token to the cluster of the other."""
    clusters = {name: {"embedded": {}, "network": "one"} for name in ("portal", "portal-west")}
    people = {"users": {"portal": {}, "ada": {}}, "roles": DECLARED["roles"]}
    binding = {"role": "reader", "subjects": {"users": ["ada", "portal"]}, "namespaces": ["shop"]}
    config: Config = {"host": "portal", "clusters": clusters, "networks": {"one": {}}, "namespaces": {"shop": {}}}
    made = load(
        "named", config | {"identities": people | {"bindings": {"all": binding}}, "portal": {"hostAccounts": True}}
    )
    found = []
    for name in clusters:
        path = tmp_path / f"{name}.yaml"
        cluster = {"name": "c", "cluster": {"server": f"http://{name}.example:6443"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        written = {"current-context": "c", "contexts": [context], "clusters": [cluster]}
        path.write_text(json.dumps(written | {"users": [{"name": "u", "user": {"token": SECRET}}]}), encoding="utf-8")
        found.append(SimpleNamespace(name=name, kubeconfig=str(path), context=None))
    for user in ("ada", "portal"):
        with patch.object(BoundedTransport, "handle_request", answer):
            text = user_kubeconfig(
                made,
                cast("Status", SimpleNamespace(clusters=found)),
                user,
                600,
                PortalPlace("https://127.0.0.1:1", "pem"),
            ).text
        parsed: Any = load_yaml(text, what="kubeconfig")
        for section in ("contexts", "clusters", "users"):
            names = [one["name"] for one in parsed[section]]
            assert len(names) == len(set(names)), section
        users = {one["name"] for one in parsed["users"]}
        assert {one["context"]["user"] for one in parsed["contexts"]} == users
        assert len(parsed["contexts"]) == 4


def test_no_context_leads_through_a_portal_that_takes_no_tokens_of_accounts(fleet: Fleet, status: Any) -> None:
    provider = {"issuer": "https://login.example", "audiences": ["a"], "jwksUri": "https://login.example/keys"}
    for portal, contexts in (
        (Portal.model_validate({}), ["west", "portal/west", "portal/east"]),
        (Portal.model_validate({"hostAccounts": False, "oidc": {"login": provider}}), ["west"]),
        (None, ["west"]),
    ):
        with patch.object(BoundedTransport, "handle_request", answer):
            made = user_kubeconfig(
                fleet.model_copy(update={"portal": portal}), status, "ada", 600, PortalPlace("https://p", "pem")
            )
        assert list(made.expires) == contexts


OTHER = f"kind: Config\nusers: [{{name: ada@west}}, {{name: admin, user: {{token: {SECRET}}}}}]\n"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "old",
        "a: [",
        "\xff",
        "kind: Config\nusers: [{name: ada@west}, {name: portal/ada}]\n",
        "kind: Config\nusers: 1\n",
    ],
)
def test_the_file_of_a_user_replaces_an_earlier_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ada.yaml"
    require_own(path, "ada")
    path.write_bytes(content.encode("latin-1"))
    require_own(path, "ada")


def test_the_file_of_a_user_replaces_no_other_kubeconfig(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(OTHER)
    with pytest.raises(
        FileError, match="is a kubeconfig with another user, 'admin', which would be lost; give another"
    ) as no:
        require_own(path, "ada")
    assert SECRET not in str(no.value)
    with pytest.raises(FileError, match="another user, 'ada@west'"):
        require_own(path, "bruno")
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(FileError, match="is a link"):
        require_own(tmp_path / "link", "ada")


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
    assert lines[-1].startswith("  east: no response: ")
