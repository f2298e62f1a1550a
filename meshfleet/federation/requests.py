"""What a pod of a template asks for, as the scheduler of Kubernetes counts it.

Sources: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers,
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers and
PodRequests of k8s.io/component-helpers/resource/helpers.go. A LimitRange of the namespace is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from math import ceil
from typing import Any, Final

from meshfleet.federation.capacity import Requests
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.capacity import quantity
from meshfleet.topology.propagation.kinds import mapping

_PLAIN: Final = re.compile(r"\+?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})(?P<power>[eE][+-]?[0-9]{1,2}|[nu])?")
"""Quantities of manifests that a declared capacity may not have: 1e3, 100u, .5"""
_SMALL: Final = {"n": "e-9", "u": "e-6"}


def requests_of(template: Mapping[str, Any]) -> Requests:
    """The requests of a pod template: its containers and sidecars, or the init container that needs more, and overhead.

    A request that is left out is the limit, as API servers fill it in. Requests of the pod itself replace the sum.
    Raises ValueError, with its path below the template, for an amount that is no quantity.
    """
    spec = mapping(template.get("spec"))
    return Requests(ceil(_total(spec, "cpu") * 1000), ceil(_total(spec, "memory")))


def _total(spec: Mapping[str, Any], resource: str) -> Decimal:
    containers = [_asked(each, resource, f"containers[{at}]") for at, each in enumerate(_list(spec, "containers"))]
    running, most = Decimal(0), Decimal(0)
    named = any(each is not None for each in containers)
    for at, each in enumerate(_list(spec, "initContainers")):
        found = _asked(each, resource, f"initContainers[{at}]")
        named = named or found is not None
        asked = found or Decimal(0)
        # An init container runs beside the sidecars that started before it; those go on beside the containers.
        most = max(most, running + asked)
        if mapping(each).get("restartPolicy") == "Always":
            running += asked
    total = max(most, running + sum((each or Decimal(0) for each in containers), Decimal(0)))
    of_the_pod = mapping(spec.get("resources"))
    if resource in mapping(of_the_pod.get("requests")) or not named:
        own = _asked(spec, resource, "spec")
        total = total if own is None else own
    overhead = mapping(spec.get("overhead")).get(resource)
    return total + (Decimal(0) if overhead is None else _amount(overhead, f"overhead.{resource}"))


def _asked(owner: Any, resource: str, where: str) -> Decimal | None:
    resources = mapping(mapping(owner).get("resources"))
    for kind in ("requests", "limits"):
        if (value := mapping(resources.get(kind)).get(resource)) is not None:
            return _amount(value, f"{where}.resources.{kind}.{resource}")
    return None


def _amount(value: object, where: str) -> Decimal:
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if plain := _PLAIN.fullmatch(text):
        power = plain["power"] or ""
        return Decimal(text.removesuffix(power) + _SMALL.get(power, power))
    try:
        return quantity(f"0{text}" if text.startswith(".") else text)
    except ValueError:
        raise ValueError(f"{where}: {shown(value)} is not a quantity; write it as in 500m, 2 or 4Gi") from None


def _list(spec: Mapping[str, Any], key: str) -> list[Any]:
    found = spec.get(key)
    return found if isinstance(found, list) else []
