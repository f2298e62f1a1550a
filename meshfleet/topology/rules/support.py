"""What can be declared and is not built yet is refused by name, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.topology.cluster import PROVIDERS
from meshfleet.topology.draft import Draft

IMPLEMENTED_PROVIDERS = ("embedded", "existing")


def support(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each provider that this release does not bring up."""
    for name, cluster in draft.clusters.items():
        path = f"clusters.{name}"
        if cluster.provider not in IMPLEMENTED_PROVIDERS:
            missing = ", ".join(provider for provider in PROVIDERS if provider not in IMPLEMENTED_PROVIDERS)
            yield Fault(
                f"{path}.{cluster.provider}",
                f"this release does not create such clusters ({missing} are to come); "
                "use embedded, or existing with a kubeconfig and a context",
            )
