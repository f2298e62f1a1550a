"""A cluster's own Istio control plane: its charts, and istiod itself, once for each revision.

On a cluster whose pods run, the chart's Deployment is istiod. Where they are simulated, istiod is a process beside
the cluster, and the charts make the API server call that process's webhooks.
Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.istiod_process import process_addresses, start_process
from meshfleet.components.registration import Registration
from meshfleet.components.trust import TrustResources
from meshfleet.manifests import ambient, charts, gateway_api, names, reader, revision_tags
from meshfleet.manifests.section import Point
from meshfleet.plugins.meshfleet.sdk import Istiod

CHARTS = (gateway_api.DEFINITIONS, reader.SECTION, charts.SECTION, revision_tags.SECTION)
"""The sections that every cluster has, wherever its istiod runs, before that istiod is ready."""


@dataclass(frozen=True)
class ControlPlaneResources:
    """What a cluster has of its control plane beside documents.

    `ready` is what to wait for before anything in the cluster needs istiod to answer. `processes` are by revision,
    those of istiod processes that are registered with the cluster's name.
    """

    ready: Sequence[pulumi.Resource]
    processes: Mapping[str, Istiod] = field(default_factory=dict)


class ControlPlane(Component):
    """Brings up istiod for one cluster, after its namespace and its `cacerts`."""

    def __init__(
        self, registration: Registration, cluster: str, trust: TrustResources, opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(cluster, opts)
        fleet, access = registration.fleet, registration.access[cluster]
        addresses = process_addresses(self, registration, cluster)
        made = registration.register(self, cluster, *CHARTS)
        istiods = {revision: made[names.istiod_service(revision)] for revision in fleet.istio.installed}
        processes = {
            revision: start_process(self, fleet, access, revision, address, trust, after=[istiods[revision]])
            for revision, address in addresses.items()
        }
        self.resources = ControlPlaneResources(list((processes or istiods).values()), processes)
        registration.reached(cluster, Point.ISTIOD_READY, self.resources.ready)
        registration.register(self, cluster, ambient.NODE_AGENTS)
        self.done()
