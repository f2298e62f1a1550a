"""What an embedded cluster reports: all of it runs on this machine, and goes with the stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from meshfleet.errors.faults import Fault
from meshfleet.providers.base import Capabilities, Provider
from meshfleet.providers.embedded.address_rules import addresses
from meshfleet.providers.embedded.settings import Embedded
from meshfleet.versions import BUILT_KUBERNETES, EMBEDDED_KUBERNETES, one_of

if TYPE_CHECKING:
    from meshfleet.topology.draft import Draft


def _capabilities(settings: Embedded) -> Capabilities:
    return Capabilities(
        pods=settings.pods,
        istiod_runtime="process",
        gateway_addresses="fleet",
        gateway_api="fleet",
        api_server="loopback",
        images="published",
        ends_with_stack=True,
        # Arguments of the API server and the controllers, given once.
        recreated_by=("podCidr", "serviceCidr"),
        service_range="assigned",
        context=None,
    )


def kubernetes_version(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for a Kubernetes that the toolchain does not build."""
    if draft.kubernetes.version not in BUILT_KUBERNETES:
        yield Fault(
            "kubernetes.version",
            f"embedded clusters run Kubernetes {one_of(BUILT_KUBERNETES)}, not {draft.kubernetes.version}; "
            f"use one of these, or leave it out for {EMBEDDED_KUBERNETES}",
        )


PROVIDER: Final = Provider(
    capabilities=_capabilities,
    local=True,
    component="EmbeddedCluster",
    leads_to="embedded",
    usage="embedded",
    rules=(addresses, kubernetes_version),
    examples=({}, {"pods": "processes"}),
    docs="""\
etcd, the API server, the controller manager and the scheduler run as processes on this machine, without a container
runtime; KWOK provides the nodes. `pods: processes` runs pods of known programs in network namespaces
([decision 1](adr/0001-real-control-planes-as-processes.md)).""",
)
