"""Additions that contradict the fleet, or say nothing that could be done."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong


def patch(**fields: object) -> dict[str, object]:
    """One patch of all clusters."""
    return {"additions": {"patches": [{"document": "istio-system", **fields}]}}


ADDITIONS = [
    Wrong(
        "identities among the values of all clusters and of one",
        {
            "istio": {"values": {"istiod": {"global": {"meshID": "other"}, "revision": "other"}, "ztunnel": {}}},
            "clusters.west.istio": {"values": {"gateway": {"networkGateway": "other"}}},
        },
        {
            "istio.values.istiod.global.meshID": "set by the fleet from clusters.<name>.mesh",
            "istio.values.istiod.revision": "set by the fleet from istio.revision",
            "clusters.west.istio.values.gateway.networkGateway": "set by the fleet from clusters.<name>.network",
        },
    ),
    Wrong(
        "labels and annotations that are not the user's",
        {
            "additions": {
                "labels": {"istio.io/rev": "other", "app.kubernetes.io/managed-by": "other"},
                "annotations": {"topology.istio.io/controlPlaneClusters": "*"},
            }
        },
        {
            "additions.labels.istio.io/rev": "istio.revision",
            "additions.labels.app.kubernetes.io/managed-by": "is the fleet's own; leave it out",
            "additions.annotations.topology.istio.io/controlPlaneClusters": "clusters.<name>.controlPlane",
        },
    ),
    Wrong("a patch that does nothing", patch(), {"additions.patches[0]": "has no patch"}),
    Wrong("two patches in one", patch(json=[], merge={}), {"additions.patches[0]": "has two patches"}),
    Wrong(
        "steps of a patch that are none",
        patch(
            json=[
                {"op": "add", "path": "/metadata/labels/a"},
                {"op": "move", "path": "/metadata/labels/a"},
                {"op": "remove", "path": "/metadata/labels/a", "value": 1},
                {"op": "remove", "path": "metadata"},
                {"op": "remove", "path": "/a~2"},
                {"op": "put", "path": "/a"},
            ]
        ),
        {
            "additions.patches[0].json[0]": "add needs a value",
            "additions.patches[0].json[1]": "move needs a from",
            "additions.patches[0].json[2]": "remove takes no value",
            "additions.patches[0].json[3].path": "'metadata' is not a JSON pointer",
            "additions.patches[0].json[4].path": "'/a~2' is not a JSON pointer",
            "additions.patches[0].json[5].op": "got 'put'",
        },
    ),
    Wrong(
        "a patch of what the fleet owns",
        patch(
            json=[
                {"op": "replace", "path": "/metadata/name", "value": "other"},
                {"op": "add", "path": "/metadata/labels/topology.istio.io~1network", "value": "other"},
            ]
        ),
        {
            "additions.patches[0].json[0]": "/metadata/name is set by the fleet",
            "additions.patches[0].json[1]": "clusters.<name>.network",
        },
    ),
    Wrong(
        "a merge patch of what the fleet owns",
        patch(merge={"metadata": {"namespace": "other"}, "values": {"global": {"network": "other"}}}),
        {
            "additions.patches[0].merge.metadata.namespace": "is set by the fleet",
            "additions.patches[0].merge.values.global.network": "clusters.<name>.network",
        },
    ),
    Wrong(
        "values that would not arrive",
        {"istio": {"values": {"istiod": {"a": {"b": [None]}}}}},
        {"istio.values.istiod": "a.b.0: null is given to no release"},
    ),
]
