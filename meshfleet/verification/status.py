"""Reads the shape of `meshfleet status --json` into what the checks are told, and names what is missing in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, cast

from meshfleet.topology.errors import VerificationError
from meshfleet.topology.identities import Decision
from meshfleet.verification.injected_view import injected_view
from meshfleet.verification.machine_view import machine_view
from meshfleet.verification.view import (
    ClusterView,
    ControlPlaneView,
    DeclaredGateway,
    FleetView,
    GatewayView,
    MeshView,
    RootObject,
    fingerprint_digits,
)
from meshfleet.verification.workload_view import workload_view

_KINDS: Final = ("own", "remote", "external")


def read_fleet(
    status: Mapping[str, Any],
    tools: Path,
    home: Path | None = None,
    decisions: Mapping[str, Decision] | None = None,
) -> FleetView:
    """The fleet of a status; `tools`, `home` and `decisions` as `FleetView` has them.

    Raises VerificationError naming the field that is missing or of the wrong shape.
    """
    try:
        return FleetView(
            stack=_text(status, "stack", "status"),
            clusters=tuple(_cluster(entry) for entry in _entries(status, "clusters")),
            meshes=tuple(_mesh(entry) for entry in _entries(status, "meshes")),
            tools=tools,
            home=home,
            decisions=decisions or {},
            # A fleet that an earlier release brought up has none until the next `up`.
            virtual_machines=tuple(machine_view(entry) for entry in status.get("virtualMachines") or ()),
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        # Of the parts whose readers name no field.
        raise VerificationError(
            f"status: is of another version of meshfleet ({type(error).__name__} {error}); run `meshfleet up`"
        ) from None


def _cluster(entry: Mapping[str, Any]) -> ClusterView:
    where = f"clusters.{entry.get('name', '?')}"
    name = _text(entry, "name", where)
    gateway = entry.get("gateway")
    return ClusterView(
        name=name,
        role=str(entry.get("role") or "member"),
        mesh=_text(entry, "mesh", where),
        network=_text(entry, "network", where),
        region=str(entry.get("region") or ""),
        zone=str(entry.get("zone") or ""),
        data_plane=str(entry.get("dataPlane") or "sidecar"),
        kubeconfig=Path(_text(entry, "kubeconfig", where)),
        context=entry.get("context") or None,
        control_plane=_control_plane(name, entry.get("controlPlane"), f"{where}.controlPlane"),
        gateway=_gateway(gateway, f"{where}.gateway") if gateway else None,
        provider=str(entry.get("provider") or "embedded"),
        pods=str(entry.get("pods") or "simulated"),
        workloads=tuple(workload_view(one) for one in entry.get("workloads") or ()),
        injected=injected_view(entry.get("injected")),
        injected_namespaces=tuple(str(namespace) for namespace in entry.get("injectedNamespaces") or ()),
    )


def _control_plane(cluster: str, entry: Any, where: str) -> ControlPlaneView:
    if not isinstance(entry, Mapping):
        raise VerificationError(f"status: {where} is {type(entry).__name__}, not an object; run `meshfleet up`")
    kind = _text(entry, "kind", where)
    if kind not in _KINDS:
        raise VerificationError(f"status: {where}.kind is {kind!r}; allowed are {', '.join(_KINDS)}")
    revision = str(entry.get("revision") or "default")
    plane = ControlPlaneView(
        kind=cast("Literal['own', 'remote', 'external']", kind),
        of=str(entry.get("of") or cluster),
        revision=revision,
        debug_url=_url(entry),
        namespace=str(entry.get("namespace") or "istio-system"),
        gateway_revision=str(entry.get("gatewayRevision") or ""),
    )
    # Missing in a fleet from before there were several.
    told = _entries(entry, "revisions", f"{where}.") if entry.get("revisions") else ()
    names = {_text(one, "name", f"{where}.revisions"): _url(one) for one in told}
    others = (replace(plane, revision=name, debug_url=url) for name, url in names.items() if name != revision)
    return replace(plane, others=tuple(others))


def _url(entry: Mapping[str, Any]) -> str | None:
    return str(entry["debugUrl"]).rstrip("/") if entry.get("debugUrl") else None


def _gateway(entry: Any, where: str) -> GatewayView | None:
    if not isinstance(entry, Mapping):
        raise VerificationError(f"status: {where} is {type(entry).__name__}, not an object; run `meshfleet up`")
    # One that leads into no network leads to control planes alone.
    if not entry.get("address") or not entry.get("network"):
        return None
    return GatewayView(
        address=str(entry["address"]),
        port=_port(entry, where),
        named=entry.get("named") is True,
        network=str(entry["network"]),
    )


def _declared_gateway(entry: Mapping[str, Any], where: str) -> DeclaredGateway:
    inside = f"{where}.networkGateways"
    return DeclaredGateway(_text(entry, "network", inside), _text(entry, "address", inside), _port(entry, inside))


def _port(entry: Mapping[str, Any], where: str) -> int:
    port = entry.get("port", 15443)
    # The engine hands every number back as a double.
    if isinstance(port, bool) or not isinstance(port, int | float) or port != int(port):
        raise VerificationError(f"status: {where}.port is {port!r}; a whole number is needed")
    return int(port)


def _mesh(entry: Mapping[str, Any]) -> MeshView:
    where = f"meshes.{entry.get('name', '?')}"
    fingerprint = entry.get("rootFingerprint")
    signing = fingerprint_digits(str(fingerprint)) if fingerprint else None
    # Missing in a fleet from before roots had names, which has one.
    roots = _entries(entry, "roots", f"{where}.") if "roots" in entry else ()
    digits = [fingerprint_digits(_text(root, "fingerprint", f"{where}.roots")) for root in roots]
    # A fleet that an earlier release brought up has none until the next `up`.
    settings = _object(entry, "settings", where)
    declared = _entries(entry, "networkGateways", f"{where}.") if "networkGateways" in entry else ()
    return MeshView(
        name=_text(entry, "name", where),
        trust_domain=str(entry.get("trustDomain") or "cluster.local"),
        root_fingerprint=signing,
        other_roots=tuple(root for root in digits if root != signing),
        mesh_config=_object(settings, "meshConfig", f"{where}.settings"),
        objects=tuple(_root_object(found, where) for found in _entries(settings, "objects")) if settings else (),
        network_gateways=tuple(_declared_gateway(found, where) for found in declared),
    )


def _root_object(entry: Mapping[str, Any], where: str) -> RootObject:
    inside = f"{where}.settings.objects"
    return RootObject(_text(entry, "kind", inside), _text(entry, "name", inside), _object(entry, "spec", inside))


def _object(entry: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    value = entry.get(field, {})
    if not isinstance(value, Mapping):
        raise VerificationError(f"status: {where}.{field} is {type(value).__name__}, not an object; run `meshfleet up`")
    return value


def _text(entry: Mapping[str, Any], field: str, where: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value:
        raise VerificationError(f"status: {where}.{field} is {value!r}; a name is needed; run `meshfleet up`")
    return value


def _entries(status: Mapping[str, Any], field: str, where: str = "") -> Sequence[Mapping[str, Any]]:
    value = status.get(field)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise VerificationError(f"status: {where}{field} is {type(value).__name__}, not a list; run `meshfleet up`")
    for number, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            raise VerificationError(f"status: {where}{field}.{number} is {type(entry).__name__}, not an object")
    return value
