"""The rules of an override policy: what leads from a template to the object that each cluster is to have.

Each rule is for the clusters that need the same patch, so that a cluster has one at most and no order counts. The patch
is computed from what the overrides of the declaration make of the object, not from the overrides themselves: Karmada
has no words for some (variables, strategic merges, `copy` and `test`), and reads others differently (images without a
registry, the order of keys in YAML).

Source: applyPolicyOverriders in pkg/util/overridemanager/overridemanager.go of karmada-io/karmada v1.18.2
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from meshfleet.federation.karmada.differences import difference
from meshfleet.topology.propagation.kinds import JOB, REPLICA_FIELDS, kind_of, mapping

Object = dict[str, Any]


def override_rules(befores: Mapping[str, Object], afters: Mapping[str, Object]) -> list[Object]:
    """The rules for all clusters of `befores`: what each has before overrides, and after them."""
    found: dict[str, tuple[list[str], list[Object]]] = {}
    for cluster, before in befores.items():
        if patch := difference(before, afters[cluster]):
            found.setdefault(json.dumps(patch, sort_keys=True, default=str), ([], patch))[0].append(cluster)
    return [
        {"targetCluster": {"clusterNames": clusters}, "overriders": {"plaintext": patch}}
        for clusters, patch in found.values()
    ]


def before_overrides(template: Object, after: Object, *, divided: bool, stands: bool) -> Object:
    """The template as overrides find it in a cluster, so far as a patch to `after` may count on it.

    A share that stands is taken for the one that `after` has. One that does not is left out, so that the patch writes
    the number whatever it is; and so are the completions of a Job that is divided, which Karmada divides by rules of
    its own.
    """
    kind = kind_of(template)
    if not divided:
        return template
    field = REPLICA_FIELDS[kind]
    spec = {**mapping(template.get("spec"))}
    spec.pop(field, None)
    if stands:
        spec[field] = mapping(after.get("spec")).get(field)
    if kind == JOB:
        spec.pop("completions", None)
    return template | {"spec": spec}
