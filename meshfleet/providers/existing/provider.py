"""What an existing cluster reports: its owner keeps it, and says whether pods run in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from meshfleet.errors.faults import Fault
from meshfleet.providers.base import Capabilities, NamedContext, Provider
from meshfleet.providers.existing.settings import Existing
from meshfleet.redaction.shown import shown

if TYPE_CHECKING:
    from meshfleet.topology.draft import Draft


def _capabilities(settings: Existing) -> Capabilities:
    real = settings.pods == "real"
    return Capabilities(
        pods=settings.pods,
        istiod_runtime="pod" if real else "process",
        gateway_addresses="cluster" if real else "fleet",
        gateway_api="cluster" if real else "fleet",
        api_server="network",
        images="published",
        ends_with_stack=False,
        recreated_by=(),
        service_range="unknown",
        context=NamedContext("existing", settings.kubeconfig, settings.context),
    )


def declared_once(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster reached through the same kubeconfig and context as one before it."""
    reached: dict[NamedContext, str] = {}
    for name, cluster in draft.clusters.items():
        named = cluster.capabilities.context
        if named is None:
            continue
        first = reached.setdefault(named, name)
        if first != name:
            yield Fault(
                f"clusters.{name}.{named.field}.context",
                f"{shown(named.context)} of the same kubeconfig is already {first!r}; "
                "declare a cluster once, or name another context",
            )


PROVIDER: Final = Provider(
    capabilities=_capabilities,
    local=False,
    component="ExistingCluster",
    leads_to="existing.context",
    usage="existing with a kubeconfig and a context",
    rules=(declared_once,),
    examples=(
        {"kubeconfig": "~/.kube/config", "context": "shop"},
        {"kubeconfig": "~/.kube/config", "context": "shop", "pods": "simulated"},
    ),
    docs="""\
Any cluster with a kubeconfig: the stack creates objects in it, removes exactly those, and manages nothing else
([Existing clusters](existing-clusters.md)). `pods: simulated` declares that no pod runs there.""",
)
