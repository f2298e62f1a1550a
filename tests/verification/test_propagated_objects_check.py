"""A cluster has exactly what propagations place in it, and nothing of them is left elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.federation.copies import content
from meshfleet.manifests.propagated_mark import Mark, mark_of
from meshfleet.verification.checks.propagated_objects import PropagatedObjects, differing, judge, left_over
from meshfleet.verification.propagated_view import PropagatedView, propagated_views
from tests.components.fleets import fleet_called

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=0)

Json = dict[str, Any]


def marked(name: str, stack: str = "dev", *, kept: bool = False, **metadata: Any) -> Json:
    annotations = Mark(stack, "web", content({"a": 1}), kept).annotation()
    return {"name": name, "namespace": "shop", "annotations": annotations} | metadata


def test_a_mark_is_read_as_it_is_written_and_stands_for_the_content_alone() -> None:
    mark = Mark("dev", "web", content({"a": 1, "b": [2]}), kept=True)
    assert mark_of({"metadata": {"annotations": mark.annotation()}}) == mark
    assert content({"b": [2], "a": 1}) == mark.content != content({"b": [3], "a": 1})
    for written in ("", "7", "{}", '{"stack": 7, "propagation": "web", "content": "x"}', "[" * 10_000):
        assert mark_of({"metadata": {"annotations": {"meshfleet/propagated": written}}}) is None
    assert mark_of({}) is None


def test_fields_that_applying_would_change_are_named() -> None:
    there = {"metadata": {"name": "web", "resourceVersion": "7", "labels": {"app": "web"}}, "data": {"a": "1"}}
    same = {"metadata": {"name": "web", "resourceVersion": "8", "labels": {"app": "web"}}, "data": {"a": "1"}}
    assert differing(there | {"status": {"phase": "x"}}, same) == ()
    other = {"metadata": {"name": "web", "labels": {"app": "shop"}}, "data": {"a": "2", "b": "1"}, "spec": 7}
    assert differing(there, other) == ("data.a", "data.b", "metadata.labels", "spec")


def test_what_is_left_is_named_unless_it_may_stay_or_is_of_somebody_else() -> None:
    found = [
        marked("declared"),
        marked("left"),
        marked("preserved", kept=True),
        marked("of-another-stack", "other"),
        marked("owned", ownerReferences=[{"kind": "Service"}]),
        {"name": "unmarked", "namespace": "shop"},
    ]
    assert list(left_over(found, "dev", frozenset({("shop", "declared")}))) == ["shop/left"]


def test_a_cluster_is_judged_by_what_it_lacks_and_what_is_left() -> None:
    declared = PropagatedView(({}, {}), ())
    assert judge("west", declared, []).detail == "west has exactly the 2 propagated objects placed in it"
    failed = judge("west", declared, ["ConfigMap web in shop is not there"])
    assert (failed.passed, failed.detail) == (
        False,
        "west: ConfigMap web in shop is not there; run meshfleet up --refresh",
    )


def test_every_cluster_of_a_fleet_with_propagations_is_asked_for_the_kinds_of_all() -> None:
    views = propagated_views(fleet_called("propagations"))
    assert set(views) == set(fleet_called("propagations").clusters)
    assert len({view.kinds for view in views.values()}) == 1
    assert ("apps/v1", "Deployment") in next(iter(views.values())).kinds
    fleet: Any = SimpleNamespace(
        clusters=(SimpleNamespace(name="west"), SimpleNamespace(name="elsewhere")), propagated=views
    )
    assert [cluster.name for cluster in PropagatedObjects().targets(fleet)] == ["west"]
    for view in views.values():
        assert all(mark_of(body) for body in view.objects)
