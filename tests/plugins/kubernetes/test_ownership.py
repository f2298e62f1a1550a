"""Who owns the fields of an object: the resource takes over what it created, and what kubectl set."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.plugins.kubernetes.ownership import taken_over

pytestmark = pytest.mark.proof("drift of Kubernetes objects is detected and repaired", step=0)

OURS = "pulumi-kubernetes-12ab34cd"
KEY: dict[str, Any] = {"f:data": {"f:key": {}}}
LABEL: dict[str, Any] = {"f:metadata": {"f:labels": {"f:theirs": {}}}}
BOTH = {"f:data": {"f:key": {}}, "f:metadata": {"f:labels": {"f:theirs": {}}}}


def entry(manager: str, operation: str, fields: Any, **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]] | None]] = {
    "applied by itself alone": ([entry(OURS, "Apply", KEY)], None),
    "applied beside a controller": ([entry(OURS, "Apply", KEY), entry("istiod", "Update", LABEL)], None),
    "created": ([entry("pulumi-kubernetes", "Update", KEY)], [entry(OURS, "Apply", KEY)]),
    "created and labelled": (
        [entry("pulumi-kubernetes", "Update", KEY), entry("kubectl-label", "Update", LABEL)],
        [entry(OURS, "Apply", BOTH)],
    ),
    "applied and labelled": (
        [entry("kubectl-label", "Update", LABEL), entry(OURS, "Apply", KEY)],
        [entry(OURS, "Apply", BOTH)],
    ),
    "the status of kubectl": ([entry("kubectl-edit", "Update", {}, subresource="status")], None),
    "nothing": ([], None),
}


@pytest.mark.parametrize("case", CASES)
def test_it_takes_over_what_its_creator_and_kubectl_set_and_no_more(case: str) -> None:
    before, after = CASES[case]
    assert taken_over(before, OURS) == after
    assert after is None or taken_over(after, OURS) is None
