"""WorkloadEntries of a fleet's machines compared with what the stack declares. Pure.

istiod creates an entry from its WorkloadGroup once, when a machine registers, and does not update it when the machine
reconnects. A change of the group therefore does not reach existing entries.

Source: registerWorkload of pilot/pkg/autoregistration/controller.go of istio/istio
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from meshfleet.manifests.virtual_machines import entry_name
from meshfleet.verification.machine_view import MachineView

GROUP: Final = "istio.io/autoRegistrationGroup"


@dataclass(frozen=True)
class Entry:
    """A WorkloadEntry: its name, its annotations, and its `spec`."""

    name: str
    namespace: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address of the machine."""
        return str(self.spec.get("address") or "")


def entry_of(content: Mapping[str, Any]) -> Entry:
    """Read a WorkloadEntry as returned by an API server."""
    metadata = content.get("metadata") or {}
    return Entry(
        str(metadata.get("name") or ""),
        str(metadata.get("namespace") or ""),
        dict(metadata.get("annotations") or {}),
        dict(content.get("spec") or {}),
    )


def is_of(view: MachineView, entry: Entry) -> bool:
    """Whether an entry belongs to one of these machines."""
    if entry.namespace != view.namespace:
        return False
    if view.registers:
        return entry.annotations.get(GROUP) == view.name
    return entry.name in {entry_name(view.name, address) for address in view.addresses}


def differences(view: MachineView, entry: Entry) -> Iterator[tuple[str, str, str]]:
    """Field, actual value, value declared by the stack."""
    pairs = [
        ("network", str(entry.spec.get("network") or ""), view.network),
        ("serviceAccount", str(entry.spec.get("serviceAccount") or ""), view.account),
    ]
    if view.place:
        pairs.append(("locality", str(entry.spec.get("locality") or "").rstrip("/"), view.place))
    labels = entry.spec.get("labels") or {}
    pairs += [(f"label {key}", str(labels.get(key, "")), value) for key, value in sorted(view.labels.items())]
    return ((field, has, should) for field, has, should in pairs if has != should)


def followed(view: MachineView, entry: Entry) -> dict[str, Any]:
    """The fields of an entry's `spec` to update from its group while the machine runs; empty when there are none.

    A missing network is added. A different network or identity is configured on the machine itself, which has to be set
    up again.
    """
    if not view.registers:
        return {}
    found: dict[str, Any] = {}
    labels: dict[str, str] = {}
    for name, has, should in differences(view, entry):
        if name == "network" and not has:
            found["network"] = should
        elif name == "locality":
            found["locality"] = should
        elif name.startswith("label "):
            labels[name.removeprefix("label ")] = should
    return found | ({"labels": labels} if labels else {})


def of_machines(views: Iterable[MachineView], entries: Iterable[Entry]) -> Iterator[tuple[MachineView, Entry]]:
    """Each entry of a machine of the fleet with the declaration of that machine."""
    views = list(views)
    for entry in entries:
        for view in views:
            if is_of(view, entry):
                yield view, entry
