"""Kinds that an API server knows and does not serve yet: those of custom resources, for a moment after it started.

`/readyz` is ok once its informers have read every CustomResourceDefinition; discovery has each of them somewhat later
(the controllers of apiextensions-apiserver/pkg/apiserver of kubernetes/kubernetes). A client that reads in between
gets no such kind, and takes what is there for deleted.

A server that was killed between accepting the names of a definition and establishing it does not go on with that when
it starts: only an update of the definition puts it into the queue (updateCustomResourceDefinition in
customresource_handler.go there), and by itself one comes with the resync of its informers, after five minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import RefusedError, expected_form
from meshfleet.kube.releases.server import JsonObject, Kind, Server
from meshfleet.processes.waiting import NotYetError, wait_until

DEFINITIONS: Final = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
"""The path of the collection."""
_MANAGER: Final = "meshfleet"


def await_kinds(server: Server, cluster: str, seconds: float) -> None:
    """Wait until every custom resource whose names are accepted is served, at most `seconds`.

    Definitions that an API server left half established are updated, so that it goes on with them. Raises ClusterError
    naming what is not served.
    """
    subject = f"CustomResourceDefinitions of cluster {cluster}"
    listed = server.get(DEFINITIONS, subject) or {}
    with expected_form(subject):
        wanted = sorted(set(accepted(listed)))
        halfway = [with_requeued_status(one) for one in _of(listed) if not has_condition(one, "Established")]
    for definition in halfway:
        _requeue(server, definition)
    if wanted:
        wait_until(
            lambda: served(server, wanted),
            f"the API server of cluster {cluster} to serve every custom resource",
            seconds,
            "check its kube-apiserver.log, and run the same command again",
            failure=ClusterError,
        )


def served(server: Server, wanted: Sequence[tuple[str, str]]) -> list[Kind]:
    """These kinds, each by API version and name, as the server has them now. Raises NotYetError naming the others."""
    server.forget_kinds()
    found = [server.kind(version, kind) for version, kind in wanted]
    missing = [f"{kind} in {version}" for (version, kind), known in zip(wanted, found, strict=True) if known is None]
    if missing:
        raise NotYetError(f"the API server has no kind {', '.join(missing[:3])}")
    return [known for known in found if known]


def accepted(listed: JsonObject) -> list[tuple[str, str]]:
    """API version and kind of each version that is to be served of a list of definitions. Pure.

    Raises KeyError, TypeError or AttributeError for another form.
    """
    return [
        (f"{spec['group']}/{version['name']}", str(spec["names"]["kind"]))
        for spec in (one["spec"] for one in _of(listed))
        for version in spec["versions"]
        if version["served"]
    ]


def with_requeued_status(definition: JsonObject) -> JsonObject:
    """A definition without the condition that says that it is not established, which is an update of it. Pure."""
    status = definition["status"]
    conditions = [condition for condition in status["conditions"] if condition["type"] != "Established"]
    return {**definition, "status": {**status, "conditions": conditions}}


def _of(listed: JsonObject) -> list[JsonObject]:
    """The definitions whose names are accepted, without those that are being deleted."""
    return [
        one
        for one in listed.get("items") or []
        if one["spec"]
        and has_condition(one, "NamesAccepted")
        and not (one.get("metadata") or {}).get("deletionTimestamp")
    ]


def has_condition(definition: JsonObject, condition: str) -> bool:
    """Whether a condition of a definition is true. Pure. Raises KeyError, TypeError or AttributeError likewise."""
    conditions = (definition.get("status") or {}).get("conditions") or []
    return any(one["type"] == condition and one["status"] == "True" for one in conditions)


def _requeue(server: Server, definition: JsonObject) -> None:
    name = str((definition.get("metadata") or {}).get("name"))
    subject = f"CustomResourceDefinition {name}"
    try:
        server.replace(f"{DEFINITIONS}/{name}/status", definition, subject, manager=_MANAGER)
    except RefusedError as error:
        # Changed or deleted meanwhile, so the server has an update of it.
        if not error.conflict and not error.not_found:
            raise
