"""Names: DNS labels, how long they may be given what is derived from them, and those that are taken.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from meshfleet.topology.shown import shown

DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
TRUST_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")

# Karmada's limit for a cluster, so that a fleet can be federated later without renaming a member.
# https://github.com/karmada-io/karmada/blob/master/pkg/apis/cluster/validation/validation.go
CLUSTER_LENGTH = 48
# `istio-sidecar-injector-<revision>-istio-system` and `istiod-<revision>` must stay DNS labels.
REVISION_LENGTH = 63 - len("istio-sidecar-injector--istio-system")
# A network is a label value, a namespace a DNS label.
LABEL_LENGTH = 63
# Of a certificate (RFC 5280, appendix A.1).
COMMON_NAME_LENGTH = 64
# `Root CA of <mesh>` is the common name of its first root.
MESH_LENGTH = COMMON_NAME_LENGTH - len("Root CA of ")
# The root of a mesh that names none.
DEFAULT_ROOT = "first"

# `<gateway>-istio` is its Service where istiod makes it; where a chart does, its release has its name.
# https://helm.sh/docs/chart_best_practices/conventions/, pkg/chartutil/validate_name.go of helm.sh/helm
GATEWAY_LENGTH = 63 - len("-istio")
RELEASE_LENGTH = 53

RESERVED_CLUSTERS = frozenset({"all", "fleet", "kubernetes"})
RESERVED_NETWORKS = frozenset({"all", "default"})
RESERVED_NAMESPACES = frozenset({"default", "istio-system", "kube-node-lease", "kube-public", "kube-system"})
# What belongs to istiod is called `istiod-<what>` in Pulumi's state, and so is a revision.
RESERVED_REVISIONS = frozenset({"address", "gateway", "process", "routes", "token"})
RESERVED_REVISION_ENDINGS = ("-address", "-process")
# A ServiceAccount that every namespace has, and what a waypoint is called.
RESERVED_WORKLOADS = frozenset({"default", "waypoint"})
RESERVED_NAMESPACE_PREFIXES = ("kube-", "meshfleet-", "istio-", "istiod-")
# Objects, releases and labels of the fleet that a gateway's would be mistaken for.
RESERVED_GATEWAYS = frozenset(
    {
        "cross-network-gateway",
        "eastwestgateway",
        "gateway-api",
        "istio-base",
        "istio-cni",
        "istio-eastwestgateway",
        "istiod",
        "istiod-gateway",
        "waypoint",
        "ztunnel",
    }
)
RESERVED_GATEWAY_PREFIXES = ("istiod-",)


def label_fault(name: str, longest: int, because: str) -> str | None:
    """What is wrong with `name` as a DNS label of at most `longest` characters; None when nothing is."""
    if not DNS_LABEL.fullmatch(name):
        return (
            f"{shown(name)} is not a DNS label: use lower-case letters, digits and '-', "
            "beginning with a letter and ending with a letter or a digit"
        )
    if len(name) > longest:
        return f"{shown(name)} has {len(name)} characters; at most {longest} are allowed, {because}"
    return None


def root_common_name(mesh: str, root: str) -> str:
    """The subject of a root, told apart at a glance from other meshes' and from the others of its mesh."""
    return f"Root CA of {mesh}" if root == DEFAULT_ROOT else f"Root CA {root} of {mesh}"


def _checked_revision(value: str) -> str:
    because = "since istio-sidecar-injector-<revision>-istio-system is derived from it"
    if fault := label_fault(value, REVISION_LENGTH, because):
        raise ValueError(fault)
    return value


def _checked_trust_domain(value: str) -> str:
    if len(value) > 255 or not TRUST_DOMAIN.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a SPIFFE trust domain: use lower-case letters, digits, '-' and '.', "
            "at most 255 characters"
        )
    return value


Revision = Annotated[str, AfterValidator(_checked_revision)]
TrustDomain = Annotated[str, AfterValidator(_checked_trust_domain)]
