"""Kinds that an API server knows and does not serve yet: those of custom resources, for a moment after it started.

`/readyz` is ok once its informers have read every CustomResourceDefinition; discovery has each of them somewhat later
(the controllers of apiextensions-apiserver/pkg/apiserver of kubernetes/kubernetes). A client that reads in between
gets no such kind, and takes what is there for deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import expected_form
from meshfleet.kube.releases.server import JsonObject, Kind, Server
from meshfleet.processes.waiting import NotYetError, wait_until

_DEFINITIONS: Final = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def await_kinds(server: Server, cluster: str, seconds: float) -> None:
    """Wait until every established custom resource is served, at most `seconds`. Raises ClusterError naming others."""
    subject = f"CustomResourceDefinitions of cluster {cluster}"
    listed = server.get(_DEFINITIONS, subject) or {}
    with expected_form(subject):
        wanted = sorted(set(established(listed)))

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
