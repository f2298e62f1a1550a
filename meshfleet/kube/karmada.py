"""What Karmada's API server says of the clusters that joined it: whether they are ready, and which kinds they serve.

Plain JSON of its API (https://karmada.io/docs/reference/karmada-api/cluster-resources/cluster-v1alpha1/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from meshfleet.errors import RefusedError, UnreachableError
from meshfleet.kube.api_errors import expected_form
from meshfleet.kube.releases.server import JsonObject, Server
from meshfleet.processes.waiting import NotYetError

_CLUSTERS: Final = "apis/cluster.karmada.io/v1alpha1/clusters"
_SHOWN: Final = 3
_SERVERS_FAULT: Final = 500


def require_clusters(server: Server, wanted: Mapping[str, Sequence[str]]) -> None:
    """Require each cluster to be ready, and its kinds, such as `apps/v1/Deployment`, to be known.

    Raises NotYetError that names the first cluster with what it lacks, RefusedError and UnreachableError.
    """
    for name, kinds in wanted.items():
        subject = f"Cluster {name} in Karmada"
        found = server.get(f"{_CLUSTERS}/{name}", subject)
        if found is None:
            raise NotYetError(f"{subject}: there is none")
        with expected_form(subject):
            if why := _not_ready(found):
                raise NotYetError(f"{subject}: {why}")
            known = _kinds(found)
        if missing := [kind for kind in kinds if kind not in known]:
            raise NotYetError(f"{subject}: it does not know {', '.join(missing[:_SHOWN])} of it")


def require_served(server: Server) -> None:
    """Require that clusters are served, by the aggregated API server behind that of Karmada.

    Raises NotYetError, also while one of the two does not respond, and RefusedError for who may not see them.
    """
    subject = "the clusters of Karmada"
    try:
        found = server.get(_CLUSTERS, subject)
    except UnreachableError as error:
        raise NotYetError(str(error)) from None
    except RefusedError as error:
        if error.code < _SERVERS_FAULT:
            raise
        raise NotYetError(str(error)) from None
    if found is None:
        raise NotYetError(f"{subject}: they are not served")


def _not_ready(cluster: JsonObject) -> str:
    """Why a cluster is not ready; empty if it is."""
    conditions = (cluster.get("status") or {}).get("conditions") or []
    found = next((one for one in conditions if one["type"] == "Ready"), None)
    if found is None:
        return "Karmada has not looked at it"
    return (
        "" if found["status"] == "True" else f"not ready: {found.get('message') or found.get('reason') or 'no reason'}"
    )


def _kinds(cluster: JsonObject) -> frozenset[str]:
    enabled = cluster["status"].get("apiEnablements") or []
    return frozenset(
        f"{one['groupVersion']}/{resource['kind']}" for one in enabled for resource in one.get("resources") or []
    )
