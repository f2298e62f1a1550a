"""What the inputs of a Helm release mean: checked, compared, and read back. Pure, but for looking at local charts.

Inputs and outputs: https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from plugins.kubernetes.charts import local_chart
from plugins.kubernetes.diff import changes
from plugins.kubernetes.replacement import Path
from plugins.kubernetes.values import JsonObject, at, contains_unknown
from plugins.protocol import CheckFailure, PropertyDiffKind
from topology.errors import MeshfleetError

if TYPE_CHECKING:
    from plugins.kubernetes.records import Record

TOKEN: Final = "kubernetes:helm.sh/v3:Release"  # noqa: S105 - a type, not a password
_REFUSED: Final = ("lint", "recreatePods")
# Of no consequence here, or derived.
_IGNORED: Final = frozenset({"allowNullValues", "compat", "manifest", "resourceNames", "status", "timeout"})


def check(
    inputs: JsonObject,
    old_inputs: JsonObject,
    resource_name: str,
    seed: bytes,
    default_namespace: str,
) -> tuple[JsonObject, list[CheckFailure]]:
    """The inputs with name, namespace, and for a local chart its version and checksum; and what is wrong with them."""
    checked = {key: value for key, value in inputs.items() if value is not None and key not in ("compat", "checksum")}
    failures = [
        CheckFailure(
            name,
            "not supported by the stand-in for the Kubernetes plugin: install the official plugin",
        )
        for name in _REFUSED
        if checked.get(name)
    ]
    options = checked.get("repositoryOpts")
    if isinstance(options, Mapping) and (options.get("password") or options.get("username")):
        reason = "not supported by the stand-in: log in with `helm registry login`, or install the official plugin"
        failures.append(CheckFailure("repositoryOpts.password", reason))
    if not checked.get("name"):
        suffix = hashlib.sha256(seed + resource_name.encode()).hexdigest()[:8]
        checked["name"] = old_inputs.get("name") or f"{resource_name}-{suffix}".lower()
    checked["namespace"] = checked.get("namespace") or default_namespace
    chart = checked.get("chart")
    if not isinstance(chart, str) and not contains_unknown(chart):
        failures.append(CheckFailure("chart", "missing: the path, URL or name of a chart"))
    elif isinstance(chart, str) and at(options, "repo") is None and "://" not in chart:
        try:
            local = local_chart(chart)
        except MeshfleetError as error:
            failures.append(CheckFailure("chart", str(error)))
            local = None
        if local is not None:
            checked["version"], checked["checksum"] = local.version, local.checksum
    return checked, failures


def differences(
    old_inputs: JsonObject, old_state: JsonObject, new_inputs: JsonObject
) -> list[tuple[Path, PropertyDiffKind]]:
    """What would have to change. A release that is not `deployed` differs in its `status`."""
    found = [
        (path, kind)
        for path, kind in changes(old_inputs, new_inputs)
        # The same chart from another folder (another checkout, another cache) is the same chart.
        if path[0] not in _IGNORED and not (path == ("chart",) and _is_same_chart(old_inputs, new_inputs))
    ]
    if at(old_state, "status", "status") not in ("deployed", None):
        found.append((("status",), PropertyDiffKind.UPDATE))
    return found


def _is_same_chart(old: JsonObject, new: JsonObject) -> bool:
    return old.get("checksum") is not None and old.get("checksum") == new.get("checksum")


def observed(inputs: JsonObject, old_state: JsonObject, record: Record) -> JsonObject:
    """The inputs as the release has them: other values or another chart version than recorded are drift."""
    seen = dict(inputs)
    wanted = _without_nulls(inputs.get("values") or {})
    # Values from files are part of the release's values, but not of the inputs.
    if not inputs.get("valueYamlFiles") and any(changes(wanted, _without_nulls(record.values))):
        seen["values"] = record.values
    if old_state.get("version") not in (None, record.chart.get("version")):
        seen["version"] = record.chart.get("version")
    return seen


def outputs(inputs: JsonObject, record: Record) -> JsonObject:
    """The state of a release: its inputs, what helm says of it, the names of its objects."""
    return {
        **{key: value for key, value in inputs.items() if key != "valueYamlFiles"},
        "version": record.chart.get("version", inputs.get("version")),
        "status": record.outputs(),
        "resourceNames": record.resource_names(),
    }


def as_inputs(record: Record) -> JsonObject:
    """What a program would have to say for a release found in a cluster (import)."""
    return {
        "name": record.content["name"],
        "namespace": record.content["namespace"],
        "chart": record.chart.get("name"),
        "version": record.chart.get("version"),
        "values": record.values,
    }


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
