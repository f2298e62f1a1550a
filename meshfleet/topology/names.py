"""Names: DNS labels, how long they may be given what is derived from them, and those that are taken.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text

# RFC 1123, without what YAML reads as a number or a date where a chart or a person does not quote it.
# https://yaml.org/type/int.html, https://yaml.org/type/float.html, https://yaml.org/type/timestamp.html
_NUMBER = r"[0-9]+(e[0-9]+)?|0x[0-9a-f]+|0b[01]+|0o[0-7]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
DNS_LABEL = re.compile(rf"(?!({_NUMBER})$)[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# RFC 1035, as Kubernetes has it for the name of a Service. The name of a port takes no less here.
SERVICE_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# RFC 1123, as Kubernetes has it for the names of most objects and for API groups.
SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
SUBDOMAIN_LENGTH = 253
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
TRUST_DOMAIN_LENGTH = 255
# The root of a mesh that names none.
DEFAULT_ROOT = "first"
_FINGERPRINT_LENGTH = 16
FILE_ROOT = re.compile(rf"file-[0-9a-f]{{{_FINGERPRINT_LENGTH}}}")
"""The name of a root whose intermediates are files: the first 16 digits of its SHA-256 fingerprint."""
ISSUER_ROOT = re.compile(rf"issuer-[0-9a-f]{{{_FINGERPRINT_LENGTH}}}")
"""The name of a root below which an issuer of the user's own signs through cert-manager, likewise."""

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
        "cert-manager",
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


@dataclass(frozen=True)
class SectionNames:
    """The names of a section of the stack file: of `form`, at most `longest` characters, and none of `taken`."""

    longest: int
    because: str
    taken: frozenset[str] = frozenset()
    form: re.Pattern[str] = DNS_LABEL


SECTION_NAMES: dict[str, SectionNames] = {
    "clusters": SectionNames(
        CLUSTER_LENGTH, "since it names the cluster in every system it is registered with", RESERVED_CLUSTERS
    ),
    "networks": SectionNames(
        LABEL_LENGTH, "since it is the value of the label topology.istio.io/network", RESERVED_NETWORKS
    ),
    "meshes": SectionNames(MESH_LENGTH, "since it is part of the common name of its root certificate"),
    "namespaces": SectionNames(LABEL_LENGTH, "since it names a namespace", RESERVED_NAMESPACES),
    "workloads": SectionNames(LABEL_LENGTH, "since it names a Service", RESERVED_WORKLOADS, SERVICE_NAME),
    "virtualMachines": SectionNames(LABEL_LENGTH, "since it names a Service", form=SERVICE_NAME),
    "multiClusterServices": SectionNames(LABEL_LENGTH, "since it names a Service", form=SERVICE_NAME),
    "dnsEndpoints": SectionNames(LABEL_LENGTH, "since it names an object", frozenset({"definition"})),
    "propagations": SectionNames(LABEL_LENGTH, "since it is part of the names of its documents"),
}


def section_names(section: str) -> SectionNames:
    """The rule for the names of a section."""
    return SECTION_NAMES.get(section, SectionNames(LABEL_LENGTH, "since objects are named by it"))


def section_name_fault(section: str, name: str) -> str | None:
    """What is wrong with a name of a section; None when nothing is."""
    rule = section_names(section)
    if fault := label_fault(name, rule.longest, rule.because, rule.form):
        return fault
    if name in rule.taken:
        return f"{name!r} is reserved; reserved are {', '.join(sorted(rule.taken))}"
    if section == "namespaces" and name.startswith(RESERVED_NAMESPACE_PREFIXES):
        return f"{name!r} begins with a reserved prefix; reserved are {', '.join(RESERVED_NAMESPACE_PREFIXES)}"
    return None


def label_fault(name: str, longest: int, because: str, form: re.Pattern[str] = DNS_LABEL) -> str | None:
    """What is wrong with `name` as a DNS label of this form, of at most `longest` characters; None when nothing is.

    `form` is DNS_LABEL or SERVICE_NAME.
    """
    if not form.fullmatch(name):
        use = "use lower-case letters, digits and '-', beginning"
        if form is SERVICE_NAME:
            return (
                f"{shown(name)} is not a DNS label: {use} with a letter and ending with a letter or a digit, {because}"
            )
        return f"{shown(name)} is not a DNS label: {use} and ending with a letter or a digit, and no number or date"
    if len(name) > longest:
        return f"{shown(name)} has {len(name)} characters; at most {longest} are allowed, {because}"
    return None


def remote_gateway(cluster: str, gateway: str) -> str:
    """The name of the Istio Gateway of an ingress gateway of a remote cluster, in the config cluster of its istiod."""
    return f"{cluster}-{gateway}"


def file_root(fingerprint: str) -> str:
    """What the root with this SHA-256 fingerprint is called where its intermediates are files."""
    return f"file-{fingerprint[:_FINGERPRINT_LENGTH]}"


def issuer_root(fingerprint: str) -> str:
    """What it is called where an issuer of the user's own signs below it."""
    return f"issuer-{fingerprint[:_FINGERPRINT_LENGTH]}"


def is_read_root(root: str) -> bool:
    """Whether a root by its name is one that was read from a file, of which the stack has no key."""
    return bool(FILE_ROOT.fullmatch(root) or ISSUER_ROOT.fullmatch(root))


def is_same_root(one: str, other: str) -> bool:
    """Whether two names are of one root: a root that is read has one for each way to its intermediates."""
    read = is_read_root(one) and is_read_root(other)
    return one == other or (read and one.partition("-")[2] == other.partition("-")[2])


def root_common_name(mesh: str, root: str) -> str:
    """The subject of a root, told apart at a glance from other meshes' and from the others of its mesh."""
    return f"Root CA of {mesh}" if root == DEFAULT_ROOT else f"Root CA {root} of {mesh}"


def _checked_revision(value: str) -> str:
    because = "since istio-sidecar-injector-<revision>-istio-system is derived from it"
    if fault := label_fault(value, REVISION_LENGTH, because):
        raise ValueError(fault)
    return value


def _checked_trust_domain(value: str) -> str:
    if len(value) > TRUST_DOMAIN_LENGTH or not TRUST_DOMAIN.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a SPIFFE trust domain: use lower-case letters, digits, '-' and '.', "
            f"at most {TRUST_DOMAIN_LENGTH} characters"
        )
    return value


# Rules check these, which say it with what is derived from the name; to a schema they are names all the same.
Label = Annotated[str, text(DNS_LABEL, LABEL_LENGTH)]
ServiceName = Annotated[str, text(SERVICE_NAME, LABEL_LENGTH)]
OptionalLabel = Annotated[str, text(rf"({DNS_LABEL.pattern})?", LABEL_LENGTH)]
Revision = Annotated[str, AfterValidator(_checked_revision), text(DNS_LABEL, REVISION_LENGTH)]
TrustDomain = Annotated[str, AfterValidator(_checked_trust_domain), text(TRUST_DOMAIN, TRUST_DOMAIN_LENGTH)]
