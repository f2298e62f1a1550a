"""Labels and annotations: what their keys and values may be, and which the fleet sets itself.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from topology.shown import shown

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
PREFIX_LENGTH = 253

# Written on every namespace by the fleet or by Kubernetes; a second writer would only be overruled.
OWNED_BY_THE_FLEET = frozenset(
    {
        "app.kubernetes.io/managed-by",
        "istio-injection",
        "istio.io/rev",
        "kubernetes.io/metadata.name",
        "topology.istio.io/network",
    }
)


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


LabelKey = Annotated[str, AfterValidator(_checked_key)]
LabelValue = Annotated[str, AfterValidator(_checked_value)]
NamespaceLabelKey = Annotated[LabelKey, AfterValidator(_not_owned)]
