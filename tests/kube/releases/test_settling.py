"""Every state that a killed helm can leave a release in, and what is made of it for the next run.

Helm's own rules are written down here as `refusal_of`, from pkg/action/{install,upgrade}.go of helm/helm v3; the
conformance suite of the Kubernetes plugin holds them to the real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from meshfleet.kube.releases.owner import MARK, Owner
from meshfleet.kube.releases.record import pack, unpack
from meshfleet.kube.releases.settling import Known, settle

pytestmark = pytest.mark.proof("what an interrupted run left of a release is settled above the plugin", step=0)

OWNER = Owner("dev", "west")
NAME = ("istio-system", "istiod")
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")


def secret(number: int, status: str, owner: Owner | None, name: tuple[str, str] = NAME) -> dict[str, Any]:
    namespace, release = name
    content = {
        "name": release,
        "namespace": namespace,
        "version": number,
        "info": {"status": status},
        "config": {"global": {MARK: owner.as_value()}} if owner else {},
        "chart": {"metadata": {"name": release}},
    }
    labels = {"owner": "helm", "name": release, "version": str(number), "status": status}
    metadata = {"name": f"sh.helm.release.v1.{release}.v{number}", "namespace": namespace, "labels": labels}
    return {"type": "helm.sh/release.v1", "metadata": metadata, "data": {"release": pack(content)}}


@dataclass
class MadeUpServer:
    """The Secrets of a cluster, by path."""

    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, *secrets: dict[str, Any]) -> MadeUpServer:
        for each in secrets:
            metadata = each["metadata"]
            self.secrets[f"api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}"] = each
        return self

    def metadata(self, path: str, labels: str, subject: str) -> list[dict[str, Any]]:
        return [each["metadata"] for each in self.secrets.values()]

    def get(self, path: str, subject: str) -> dict[str, Any] | None:
        return self.secrets.get(path)

    def delete(self, path: str, subject: str) -> None:
        self.secrets.pop(path, None)

    def replace(self, path: str, body: dict[str, Any], subject: str, *, manager: str) -> dict[str, Any]:
        self.secrets[path] = body
        return body

    def statuses(self) -> list[str]:
        """Of the revisions that are left, oldest first; what the labels say and what the record says must agree."""
        found = sorted(self.secrets.values(), key=lambda each: int(each["metadata"]["labels"]["version"]))
        for each in found:
            inside = unpack(each["data"]["release"], "s")["info"]["status"]
            assert inside == each["metadata"]["labels"]["status"]
        return [each["metadata"]["labels"]["status"] for each in found]


def server_with(*statuses: str, owner: Owner | None = OWNER) -> Any:
    return MadeUpServer().put(*(secret(number, status, owner) for number, status in enumerate(statuses, start=1)))


def refusal_of(statuses: list[str], *, recorded: bool) -> str | None:
    """Why Helm refuses what the engine does next: an upgrade of what it has recorded, else an installation."""
    if not recorded:
        return "still in use" if statuses else None
    if not statuses or statuses[-1] in PENDING:
        return "in progress" if statuses else "no release"
    return None if "deployed" in statuses or statuses[-1] in ("failed", "superseded") else "no deployed releases"


HISTORIES = (
    *product(("deployed", "failed", *PENDING, "uninstalling")),
    *product(("deployed", "superseded"), ("failed", *PENDING, "uninstalling")),
    ("superseded", "deployed"),
    ("superseded", "superseded", "deployed", "pending-upgrade"),
    ("superseded", "deployed", "failed", "pending-rollback"),
    ("failed", "pending-upgrade"),
)


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "unknown"])
@pytest.mark.parametrize("history", HISTORIES, ids=" ".join)
def test_whatever_was_left_helm_refuses_nothing_once_it_is_settled(history: tuple[str, ...], recorded: bool) -> None:
    server = server_with(*history)
    known = Known(frozenset({NAME}) if recorded else frozenset(), interrupted=True)
    done = settle(server, OWNER, known)
    assert refusal_of(server.statuses(), recorded=recorded) is None
    was_fine = refusal_of(list(history), recorded=recorded) is None
    assert bool(done) is not was_fine or history[-1] == "uninstalling"
    # And a second time there is nothing to do.
    assert settle(server, OWNER, known) == []


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "unknown"])
@pytest.mark.parametrize("history", HISTORIES, ids=" ".join)
@pytest.mark.parametrize("owner", [None, Owner("dev", "east"), Owner("prod", "west")], ids=["none", "east", "prod"])
def test_a_release_of_somebody_else_is_never_touched(
    owner: Owner | None, history: tuple[str, ...], recorded: bool
) -> None:
    server = server_with(*history, owner=owner)
    known = Known(frozenset({NAME}) if recorded else frozenset(), frozenset({NAME}), interrupted=True)
    assert settle(server, OWNER, known) == []
    assert server.statuses() == list(history)


def test_a_whole_release_that_nothing_says_was_ours_to_make_is_left() -> None:
    server = server_with("deployed")
    assert settle(server, OWNER, Known(frozenset())) == []
    assert settle(server, OWNER, Known(frozenset(), pending=frozenset({NAME})))[0].half_done is False
    assert server.statuses() == []


def test_the_revision_before_counts_again_and_its_objects_are_to_be_looked_at() -> None:
    server = server_with("superseded", "deployed", "pending-upgrade")
    (done,) = settle(server, OWNER, Known(frozenset({NAME})))
    assert done.half_done
    assert str(done) == "release istio-system/istiod: was left pending-upgrade; revision 2 counts again"
    assert server.statuses() == ["superseded", "deployed"]


def test_a_damaged_record_is_left_since_its_owner_is_unknown() -> None:
    server = server_with("deployed", "pending-upgrade")
    newest = server.secrets["api/v1/namespaces/istio-system/secrets/sh.helm.release.v1.istiod.v2"]
    newest["data"]["release"] = "damaged"
    assert settle(server, OWNER, Known(frozenset({NAME}))) == []
    assert len(server.secrets) == 2


def test_each_release_is_settled_by_itself_in_whatever_namespace() -> None:
    server: Any = MadeUpServer().put(
        secret(1, "pending-install", OWNER, ("a", "istiod")),
        secret(1, "deployed", OWNER, ("b", "istiod")),
        secret(2, "pending-upgrade", OWNER, ("b", "istiod")),
        secret(1, "pending-install", Owner("prod", "west"), ("c", "istiod")),
    )
    done = settle(server, OWNER, Known(frozenset({("b", "istiod")})))
    assert [each.name for each in done] == ["a/istiod", "b/istiod"]
    assert sorted(path.split("/")[3] for path in server.secrets) == ["b", "c"]
