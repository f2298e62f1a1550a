"""What the inputs of a Helm release mean: checked, compared, and read back. Pure, but for looking at local charts.

Inputs and outputs: https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from meshfleet.errors import MeshfleetError
from meshfleet.plugins.kubernetes.charts import local_version
from meshfleet.plugins.kubernetes.diff import changes
from meshfleet.plugins.kubernetes.replacement import Path
from meshfleet.plugins.kubernetes.values import JsonObject, at, contains_unknown
from meshfleet.plugins.protocol import CheckFailure, PropertyDiffKind

if TYPE_CHECKING:
    from meshfleet.kube.releases.record import Record

TOKEN: Final = "kubernetes:helm.sh/v3:Release"  # noqa: S105 - a type, not a password
_REFUSED: Final = ("lint", "recreatePods")
# Of no consequence here, or derived.
_IGNORED: Final = frozenset({"allowNullValues", "checksum", "compat", "manifest", "resourceNames", "status", "timeout"})
# What a refresh brings into the state.
_OBSERVED: Final = ("values", "version")


def check(
    inputs: JsonObject,
    old_inputs: JsonObject,
    resource_name: str,
    seed: bytes,
    default_namespace: str,
) -> tuple[JsonObject, list[CheckFailure]]:
    """The inputs with name, namespace, and for a local chart its version; and what is wrong with them."""
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
    elif is_local(checked):
        try:
            version = local_version(str(chart))
        except MeshfleetError as error:
            failures.append(CheckFailure("chart", str(error)))
            version = None
        if version is not None:
            checked["version"] = version
    return checked, failures


def is_local(inputs: JsonObject) -> bool:
    """Whether the chart may be a folder or a file of this machine."""
    chart = inputs.get("chart")
    return isinstance(chart, str) and at(inputs.get("repositoryOpts"), "repo") is None and "://" not in chart


def differences(
    old_inputs: JsonObject, old_state: JsonObject, new_inputs: JsonObject
) -> list[tuple[Path, PropertyDiffKind]]:
    """What would have to change: of the inputs, and what the release has otherwise in what they set.

    As the official provider's three-way patch: values added by another writer are no difference.
    """
    found = {path: kind for path, kind in changes(old_inputs, new_inputs) if path[0] not in _IGNORED}
    for key in _OBSERVED:
        for path, kind in changes(old_state.get(key), new_inputs.get(key), (key,)):
            if kind != PropertyDiffKind.DELETE:
                found.setdefault(path, kind)
    return list(found.items())


def outputs(inputs: JsonObject, record: Record, known: JsonObject | None = None) -> JsonObject:
    """The state of a release: its inputs, what helm says of it, the names of its objects.

    After a refresh, which finds `known` recorded, the values are those that the release has.
    """
    seen = {} if known is None else {"values": _merged(known.get("values") or {}, record.values)}
    return {
        **{key: value for key, value in inputs.items() if key != "valueYamlFiles"},
        **seen,
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


def _merged(first: Any, second: Any) -> Any:
    if not (isinstance(first, Mapping) and isinstance(second, Mapping)):
        return second
    return {**first, **{key: _merged(first.get(key), value) for key, value in second.items()}}
