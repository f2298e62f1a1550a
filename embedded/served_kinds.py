"""Kinds that an API server knows and does not serve yet: those of custom resources, for a moment after it started.

`/readyz` is ok once its informers have read every CustomResourceDefinition; discovery has each of them somewhat later
(the controllers of apiextensions-apiserver/pkg/apiserver of kubernetes/kubernetes). Whoever asks in between is told
that there is no such kind, and takes what is there for deleted.
"""

from __future__ import annotations

from typing import Final

from embedded.api_errors import expected_form
from embedded.releases.server import JsonObject, Server
from embedded.waiting import NotYetError, wait_until
from topology.errors import ClusterError

_DEFINITIONS: Final = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def await_kinds(server: Server, cluster: str, seconds: float) -> None:
    """Wait until every established custom resource is served, at most `seconds`. Raises ClusterError naming others."""
    subject = f"CustomResourceDefinitions of cluster {cluster}"
    listed = server.get(_DEFINITIONS, subject) or {}
    with expected_form(subject):
        wanted = sorted(set(established(listed)))

    def served() -> None:
        server.forget_kinds()
        missing = [f"{kind} in {version}" for version, kind in wanted if server.kind(version, kind) is None]
        if missing:
            raise NotYetError(f"it does not serve {', '.join(missing[:3])}")

    if wanted:
        wait_until(
            served,
            f"the API server of cluster {cluster} to serve every custom resource",
            seconds,
            "look into its kube-apiserver.log, and run the same command again",
            failure=ClusterError,
        )


def established(listed: JsonObject) -> list[tuple[str, str]]:
    """API version and kind of each version that is to be served of a list of definitions. Pure.

    Raises KeyError, TypeError or AttributeError for another form.
    """
    return [
        (f"{spec['group']}/{version['name']}", str(spec["names"]["kind"]))
        for spec, status in ((one["spec"], one.get("status") or {}) for one in listed.get("items") or [])
        if any(one["type"] == "Established" and one["status"] == "True" for one in status.get("conditions") or [])
        for version in spec["versions"]
        if version["served"]
    ]
