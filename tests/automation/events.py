"""Events of the engine as the Automation API hands them over."""

from __future__ import annotations

from typing import Any

from pulumi.automation.events import EngineEvent

from meshfleet.components.tokens import COMPONENT_PREFIX


def urn_of(name: str, resource_type: str = "kubernetes:core/v1:Secret", component: str = "ControlPlane") -> str:
    """The URN of a resource of the stack `dev`, in a component of that class name."""
    parents = f"{COMPONENT_PREFIX}Fleet${COMPONENT_PREFIX}{component}"
    return f"urn:pulumi:dev::meshfleet::{parents}${resource_type}::{name}"


def _event(kind: str, content: dict[str, Any]) -> EngineEvent:
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: content})


def _metadata(name: str, operation: str, resource_type: str, diffs: list[str], component: str) -> dict[str, Any]:
    return {
        "metadata": {
            "op": operation,
            "urn": urn_of(name, resource_type, component),
            "type": resource_type,
            "provider": "",
            "diffs": diffs,
        }
    }


def started(
    name: str,
    operation: str = "create",
    resource_type: str = "kubernetes:core/v1:Secret",
    component: str = "ControlPlane",
) -> EngineEvent:
    """The engine begins with a resource."""
    return _event("resourcePreEvent", _metadata(name, operation, resource_type, [], component))


def done(
    name: str,
    operation: str = "create",
    resource_type: str = "kubernetes:core/v1:Secret",
    diffs: tuple[str, ...] = (),
    component: str = "ControlPlane",
) -> EngineEvent:
    """The engine is done with a resource."""
    return _event("resOutputsEvent", _metadata(name, operation, resource_type, list(diffs), component))


def failed(name: str, operation: str = "create", component: str = "ControlPlane") -> EngineEvent:
    """The engine could not do what it wanted with a resource."""
    metadata = _metadata(name, operation, "kubernetes:core/v1:Secret", [], component)
    return _event("resOpFailedEvent", metadata | {"status": 0, "steps": 1})


def diagnostic(message: str, name: str = "", severity: str = "error") -> EngineEvent:
    """The engine or a plugin says something, of a resource or in general."""
    urn = {"urn": urn_of(name)} if name else {}
    return _event("diagnosticEvent", {"message": message, "color": "never", "severity": severity} | urn)
