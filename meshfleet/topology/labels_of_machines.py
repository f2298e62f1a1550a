"""Labels that a machine cannot have, since Istio or Kubernetes gives them a meaning, each with the field for it.

istiod takes some of them out of what it registers, so that nothing that selects by them finds a machine, sets others
itself, and by others again decides how a machine is reached. What selects machines, what they are known by and where
they are stand in fields of their own.

Sources: https://istio.io/latest/docs/reference/config/labels/, workloadEntryFromGroup of
pilot/pkg/autoregistration/controller.go and AugmentLabels of pilot/pkg/serviceregistry/util/label/label.go
"""

from __future__ import annotations

from typing import Final

# Taken as they are: istiod and the agent read names and versions for telemetry from them.
PLAIN: Final = frozenset({"service.istio.io/canonical-name", "service.istio.io/canonical-revision"})
RESERVED_DOMAINS: Final = ("istio.io", "kubernetes.io", "k8s.io", "gke.io")
APPLICATION: Final = "app.kubernetes.io"
IN_FIELDS: Final = {
    "istio-locality": "istiod takes it out of what it registers; give region, zone and subzone",
    "failure-domain.beta.kubernetes.io/region": "give region",
    "failure-domain.beta.kubernetes.io/zone": "give zone",
    "topology.kubernetes.io/region": "istiod sets it itself; give region",
    "topology.kubernetes.io/zone": "istiod sets it itself; give zone",
    "topology.istio.io/subzone": "istiod sets it itself; give subzone",
    "topology.istio.io/network": "istiod sets it itself; give network",
    "topology.istio.io/cluster": "istiod sets it itself; give cluster",
    "istio.io/rev": "the bundle names the revision; use meshfleet vm bundle --revision",
    "security.istio.io/tlsMode": "machines take mutual TLS by their serviceAccount; leave it out",
    "service.istio.io/workload-name": "it is the name of the machines in virtualMachines; leave it out",
    "sidecar.istio.io/inject": "nothing is injected on a machine; leave it out",
    "istio": "gateways of the mesh select by it; use another",
    "istio-injection": "nothing is injected on a machine; leave it out",
}


def refused(key: str) -> str:
    """Why a machine cannot have a label, and what to write instead; empty for one that it can have."""
    if key in IN_FIELDS:
        return IN_FIELDS[key]
    domain = key.rpartition("/")[0]
    if key in PLAIN or domain == APPLICATION:
        return ""
    if any(domain == one or domain.endswith(f".{one}") for one in RESERVED_DOMAINS):
        return f"labels of {domain} have a meaning to Istio or Kubernetes; use one without that prefix"
    return ""
