"""Why an API server does not serve a kind whose CustomResourceDefinition is there.

Source: https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/ (its status)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meshfleet.kube.api_errors import expected_form
from meshfleet.kube.served_kinds import DEFINITIONS, has_condition
from meshfleet.plugins.kubernetes.faults import RefusedError
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind
from meshfleet.plugins.kubernetes.values import JsonObject
from meshfleet.redaction.shown import shown

_SUBJECT: Final = "the CustomResourceDefinitions"


def not_served(fetch: Callable[[str, str], JsonObject], identity: GroupVersionKind) -> str:
    """What is the matter with the definition of a kind, and what to do; empty without one, or where none may be read.

    `fetch` as `Kinds` has it. Raises ClusterError when the server does not respond, or answers in another form.
    """
    try:
        listed = fetch(f"/{DEFINITIONS}", _SUBJECT)
    except RefusedError:
        return ""
    with expected_form(_SUBJECT):
        for definition in listed.get("items") or []:
            spec = definition["spec"]
            if (spec["group"], spec["names"]["kind"]) == (identity.group, identity.kind):
                return _matter(definition, identity.version)
    return ""


def _matter(definition: JsonObject, version: str) -> str:
    name = f"its CustomResourceDefinition {shown(definition['metadata']['name'])}"
    served = [str(one["name"]) for one in definition["spec"]["versions"] if one["served"]]
    if version not in served:
        return f"{name} serves {', '.join(map(shown, served)) or 'no version'}; use a version that it serves"
    for condition in (definition.get("status") or {}).get("conditions") or []:
        if condition["type"] == "NamesAccepted" and condition["status"] != "True":
            told = condition.get("message") or condition.get("reason") or "no reason is given"
            return f"the names of {name} are not accepted ({shown(str(told))}); rename it, or remove what has its names"
    if not has_condition(definition, "Established"):
        return (
            f"{name} is not established yet; run this again, after five minutes at most where its API server was "
            "started again meanwhile"
        )
    return f"{name} is there, and discovery does not list the kind yet; run this again"
