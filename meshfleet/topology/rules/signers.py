"""What signs the certificates of workloads: istiod, or istio-csr where it can.

Source: https://cert-manager.io/docs/usage/istio-csr/
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.istio_csr import ISTIO_CSR_VALUES
from meshfleet.topology.owned import refusal
from meshfleet.topology.owned_paths import spelled


def signers(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for settings of istio-csr without it, and for what cannot get a certificate from it."""
    for mesh, declared in draft.meshes.items():
        path, trust = f"meshes.{mesh}.trust", declared.trust
        if not trust.by_istio_csr:
            if "istio_csr" in trust.model_fields_set:
                yield Fault(
                    f"{path}.istioCsr", "belongs to the signer istio-csr; write signer: istio-csr, or leave it out"
                )
            continue
        for place, (owner, _) in ISTIO_CSR_VALUES.found_in(trust.istio_csr.values).items():
            yield Fault(f"{path}.istioCsr.values.{spelled(place)}", refusal(owner, path))
        members = {name: cluster for name, cluster in draft.clusters.items() if draft.mesh_of(cluster) == mesh}
        for name, cluster in members.items():
            if reason := _unsigned(name, cluster):
                yield Fault(f"{path}.signer", f"is istio-csr, and {reason}; leave it out, or take {name} out of {mesh}")
        for name, machine in draft.virtual_machines.items():
            if machine.cluster in members:
                yield Fault(
                    f"{path}.signer",
                    f"is istio-csr, and the virtual machine {shown(name)} requests its certificate from the istiod of "
                    f"{machine.cluster}, which signs none then; leave it out, or take the machine out of {mesh}",
                )


def _unsigned(name: str, cluster: Cluster) -> str:
    """Why istio-csr cannot sign for the pods of a cluster; empty where it can."""
    kind = cluster.control_plane.kind
    if kind != "own":
        # It has each token reviewed by the API server of the cluster that it runs in.
        return f"the control plane of {name} is {kind}, in another cluster than its workloads"
    if cluster.capabilities.istiod_runtime != "pod":
        return f"{name} runs no pods of published images (provider {cluster.provider})"
    if cluster.capabilities.images == "built":
        return f"{name} has no image of it: none is built here, as no package registry has its source"
    if cluster.data_plane == "ambient":
        return f"{name} is ambient, where ztunnel requests certificates for all pods of its node"
    return ""
