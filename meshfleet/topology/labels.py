"""Labels and annotations: what their keys and values may be, and which the fleet sets itself.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text
from meshfleet.topology.text import Text

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
PREFIX_LENGTH = 253

# Written on every namespace by the fleet or by Kubernetes; a second writer would only be overruled.
OWNED_BY_THE_FLEET = frozenset(
    {
        "app.kubernetes.io/managed-by",
        "istio-injection",
        "istio.io/dataplane-mode",
        "istio.io/global",
        "istio.io/rev",
        "istio.io/use-waypoint",
        "kubernetes.io/metadata.name",
        "topology.istio.io/network",
    }
)
# Read by Helm and by Pulumi, which would treat the object in another way than the fleet does: keep it when its release
# goes, take it for a hook, not wait for it.
_TOOLS = ("helm.sh", "meta.helm.sh", "pulumi.com")
# Of all annotations of an object together: ValidateAnnotationsSize of k8s.io/apimachinery/pkg/api/validation. What
# Istio's charts and load balancers' controllers add has to fit as well.
ANNOTATIONS_SIZE = 224 * 1024

# https://kubernetes.io/docs/concepts/security/pod-security-admission/#pod-security-admission-labels-for-namespaces
_POD_SECURITY = "pod-security.kubernetes.io/"
POD_SECURITY_ENFORCE = f"{_POD_SECURITY}enforce"
_POD_SECURITY_MODES = ("enforce", "audit", "warn")
_POD_SECURITY_LEVELS = ("privileged", "baseline", "restricted")
_POD_SECURITY_VERSION = re.compile(r"latest|v1\.[0-9]{1,3}")


def _checked_key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    prefix_holds = len(prefix) <= PREFIX_LENGTH and PREFIX.fullmatch(prefix) if slash else True
    if not (prefix_holds and NAME.fullmatch(name)):
        raise ValueError(
            f"{shown(value)} is not the key of a label or annotation: use at most 63 letters, digits, '-', "
            "'_' and '.', with a DNS name and '/' before them if wanted"
        )
    return value


def _checked_value(value: str) -> str:
    if value and not NAME.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not the value of a label: use at most 63 letters, digits, '-', '_' and '.', "
            "beginning and ending with a letter or a digit"
        )
    return value


def _not_owned(value: str) -> str:
    if value in OWNED_BY_THE_FLEET:
        raise ValueError(f"the label {value} is set by the fleet; remove it, and use `injection` to inject sidecars")
    return value


def _not_of_a_tool(value: str) -> str:
    prefix = value.rpartition("/")[0]
    if prefix in _TOOLS:
        raise ValueError(f"the annotation {value} is read by {prefix.split('.')[-2].title()} itself; remove it")
    return value


def checked_annotations(value: dict[str, str]) -> dict[str, str]:
    """The annotations of one object. Raises ValueError when they are larger than an API server takes."""
    size = sum(len(key.encode()) + len(text.encode()) for key, text in value.items())
    if size > ANNOTATIONS_SIZE:
        raise ValueError(f"the annotations have {size} bytes together; at most {ANNOTATIONS_SIZE} are allowed")
    return value


def pod_security_fault(key: str, value: str) -> str | None:
    """What is wrong with a label of pod security, by which an API server would refuse the namespace; None if nothing.

    Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/
    """
    if not key.startswith(_POD_SECURITY):
        return None
    mode = key.removeprefix(_POD_SECURITY)
    if mode.removesuffix("-version") not in _POD_SECURITY_MODES:
        known = ", ".join(f"{known}, {known}-version" for known in _POD_SECURITY_MODES)
        return f"{shown(key)} is not a label of pod security; known are {known}"
    if mode.endswith("-version"):
        fits, allowed = bool(_POD_SECURITY_VERSION.fullmatch(value)), "latest, or a version such as v1.35"
    else:
        fits, allowed = value in _POD_SECURITY_LEVELS, ", ".join(_POD_SECURITY_LEVELS)
    return None if fits else f"{shown(value)} is not allowed; use {allowed}"


LabelKey = Annotated[str, AfterValidator(_checked_key), text(rf"({PREFIX.pattern}/)?{NAME.pattern}")]
LabelValue = Annotated[str, AfterValidator(_checked_value), text(rf"({NAME.pattern})?")]
AnnotationKey = Annotated[LabelKey, AfterValidator(_not_of_a_tool)]
AnnotationValue = Text
NamespaceLabelKey = Annotated[LabelKey, AfterValidator(_not_owned)]
