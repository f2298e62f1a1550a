"""The engine `karmada`: clusters joined to a control plane of Karmada, and the objects that it brings to them.

Source: https://karmada.io/docs/userguide/clustermanager/cluster-registration/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi

from meshfleet.components.account_credentials import token_and_authority
from meshfleet.components.cluster import kubernetes_provider
from meshfleet.components.component import Component
from meshfleet.components.kubernetes_object import ExistingKubernetesObject, data_of
from meshfleet.components.registration import Registration
from meshfleet.errors import ClusterError
from meshfleet.kube.identity import SUBJECT
from meshfleet.manifests import karmada_members as members
from meshfleet.manifests import karmada_propagations as objects
from meshfleet.manifests.karmada_credentials import IMPERSONATOR, IMPERSONATOR_TOKEN, TOKEN, account, credentials_data
from meshfleet.manifests.section import KARMADA, Point
from meshfleet.plugins.meshfleet.sdk import KarmadaClusters
from meshfleet.topology import Discovery


def credentials_of(cluster: str, name: str, discovery: Discovery, data: dict[str, str]) -> dict[str, str]:
    """The `data` of the Secret in Karmada for an account of a cluster, from that of its token Secret there.

    Raises ClusterError for a Secret that is not one of a token.
    """
    token, authority = token_and_authority(cluster, "Karmada's account", discovery, data)
    return credentials_data(name, token, authority)


def distinct_id(cluster: str, ids: dict[str, str]) -> str:
    """The ID of a cluster. Raises ClusterError where another cluster has the same one, which Karmada would take."""
    others = [name for name, found in ids.items() if name != cluster and found == ids[cluster]]
    if others:
        raise ClusterError(
            f"{cluster} is the same cluster as {others[0]} (the namespace {SUBJECT} has the same UID in both), so that "
            "Karmada would bring everything there twice; declare it once"
        )
    return ids[cluster]


class KarmadaMember(Component):
    """The accounts of Karmada in a cluster, and what it may do there."""

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        access, known = registration.access[cluster], registration.known
        made = registration.register(self, cluster, members.ACCOUNTS)
        discovery = registration.fleet.clusters[cluster].discovery
        for name, document in ((account(cluster), TOKEN), (IMPERSONATOR, IMPERSONATOR_TOKEN)):
            if document in made:
                known.karmada_accounts[cluster, name] = _credentials(cluster, name, discovery, data_of(made[document]))
        known.api_endpoints[cluster] = discovery.server or access.server
        system = ExistingKubernetesObject(
            f"{cluster}/karmada-identity", "v1", "Namespace", SUBJECT, self.child(provider=access.provider)
        )
        self.uid: pulumi.Output[str] = pulumi.get(system, "metadata").apply(lambda metadata: str(metadata["uid"]))
        self.done()


def _credentials(
    cluster: str, name: str, discovery: Discovery, data: pulumi.Output[dict[str, str]]
) -> pulumi.Output[dict[str, str]]:
    found: pulumi.Output[dict[str, str]] = data.apply(lambda known: credentials_of(cluster, name, discovery, known))
    return found


@dataclass(frozen=True)
class KarmadaAccess:
    """How Karmada's API server is reached: its kubeconfig, which is secret, and `ready`, after which it serves."""

    kubeconfig: pulumi.Output[str]
    context: str
    ready: Sequence[pulumi.Resource] = ()


class KarmadaEngine(Component):
    """What is in Karmada's API server: the clusters, then definitions, then all other objects with their policies."""

    def __init__(self, registration: Registration, access: KarmadaAccess, opts: pulumi.ResourceOptions) -> None:
        fleet, self._registration, self._access = registration.fleet, registration, access
        super().__init__(fleet.host, opts)
        registration.servers[KARMADA] = kubernetes_provider(
            fleet.host,
            f"{fleet.name}/{KARMADA}",
            access.kubeconfig,
            access.context,
            # What is in it is removed before what serves it.
            self.child(after=access.ready),
            wholly_ours=False,
            name=KARMADA,
        )
        joined = {name: KarmadaMember(registration, name, opts) for name in fleet.clusters}
        ids = pulumi.Output.all(**{name: member.uid for name, member in joined.items()})
        for name in fleet.clusters:
            registration.known.cluster_ids[name] = ids.apply(_distinct(name))
        clusters: list[pulumi.Resource] = []
        for name in fleet.clusters:
            registration.register(self, name, members.CLUSTERS)
            clusters += registration.waits(fleet.host, (members.cluster_document(name),))
        self._wait("karmada-joined", Point.KARMADA_JOINED, clusters, defined=False)
        definitions = registration.register(self, fleet.host, objects.DEFINITIONS)
        self._wait("karmada-defined", Point.KARMADA_DEFINED, [*clusters, *definitions.values()], defined=True)
        registration.register(self, fleet.host, objects.SECTION, members.PEOPLE)
        for name in fleet.clusters:
            for section in (objects.DEFINITIONS, objects.SECTION, members.PEOPLE):
                if name != fleet.host:
                    registration.register(self, name, section)
        self.done()

    def _wait(self, name: str, point: Point, after: list[pulumi.Resource], *, defined: bool) -> None:
        fleet = self._registration.fleet
        waiting = KarmadaClusters(
            f"{fleet.host}/{name}",
            cluster=fleet.host,
            kinds=objects.needed_kinds(fleet, defined=defined),
            kubeconfig=self._access.kubeconfig,
            context=self._access.context,
            opts=self.child(after=after),
        )
        self._registration.reached(fleet.host, point, [waiting])


def _distinct(cluster: str) -> Callable[[dict[str, str]], str]:
    return lambda ids: distinct_id(cluster, ids)
