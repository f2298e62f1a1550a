"""Helm releases (`helm.sh/v3:Release`): installed, upgraded, read and removed, also after an interruption.

Every revision carries a label naming the resource it belongs to. So a release that an interrupted run installed
without being able to record it is taken up again, and a release of somebody else is never touched. A record that a
killed helm left half done (`pending-…`) is forgotten and the operation done again over what is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from plugins.kubernetes.helm import Helm
from plugins.kubernetes.records import OWNER_LABEL, Record, Records
from plugins.kubernetes.values import JsonObject
from plugins.property_value import SIGNATURE_KEY
from topology.errors import ReleaseError

_DEFAULT_SECONDS: Final = 300

# Inputs that stand for one flag of helm, when true.
_FLAGS: Final = {
    "atomic": "--atomic",
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "renderSubchartNotes": "--render-subchart-notes",
    "takeOwnership": "--take-ownership",
    "verify": "--verify",
}
_INSTALL_FLAGS: Final = {
    "createNamespace": "--create-namespace",
    "replace": "--replace",
    "skipCrds": "--skip-crds",
}
_UPGRADE_FLAGS: Final = {"cleanupOnFail": "--cleanup-on-fail", "forceUpdate": "--force"}
_OPTIONS: Final = {
    "description": "--description",
    "keyring": "--keyring",
    "postrender": "--post-renderer",
    "version": "--version",
}
_REPOSITORY_OPTIONS: Final = {
    "caFile": "--ca-file",
    "certFile": "--cert-file",
    "keyFile": "--key-file",
    "repo": "--repo",
}


class HalfDoneError(ReleaseError):
    """Helm failed, yet the release exists; `record` is what there is of it."""

    def __init__(self, message: str, record: Record) -> None:
        super().__init__(message)
        self.record = record


class Releases:
    """The releases on one server."""

    def __init__(self, helm: Helm, records: Records) -> None:
        self._helm = helm
        self._records = records

    def cancel(self) -> None:
        """Ask running helms to end."""
        self._helm.cancel()

    def create(self, urn: str, inputs: JsonObject, timeout: float) -> Record:
        """Install the release, or take up what an interrupted run left of it.

        Raises ReleaseError if a release by that name is somebody else's or helm fails, HalfDoneError if helm fails
        after having recorded the release.
        """
        namespace, name = inputs["namespace"], inputs["name"]
        record = self._records.latest(namespace, name)
        if record is not None and record.labels.get(OWNER_LABEL) != _owner(urn) and not inputs.get("replace"):
            raise ReleaseError(
                f"a release {namespace}/{name} already exists ({record.status}, chart {record.chart.get('name')}) "
                "and is not of this stack: adopt it with `pulumi import`, or choose another name"
            )
        if record is None:
            return self._change("install", urn, inputs, timeout)
        return self.update(urn, inputs, timeout)

    def update(self, urn: str, inputs: JsonObject, timeout: float) -> Record:
        """Upgrade the release to these inputs, after mending what a killed helm left. Raises as `create` does."""
        namespace, name = inputs["namespace"], inputs["name"]
        record = self._records.latest(namespace, name)
        while record is not None and record.is_stuck:
            self._helm.wait_for_others(namespace, name, _seconds(inputs, timeout))
            current = self._records.latest(namespace, name)
            if current is not None and current.secret == record.secret and current.status == record.status:
                self._records.forget(namespace, record)
            record = self._records.latest(namespace, name)
        return self._change("install" if record is None else "upgrade", urn, inputs, timeout)

    def read(self, namespace: str, name: str) -> Record | None:
        """The release as it is, None if it is gone."""
        record = self._records.latest(namespace, name)
        return None if record is None or record.status == "uninstalled" else record

    def delete(self, inputs: JsonObject, namespace: str, name: str, timeout: float) -> None:
        """Uninstall the release; gone already is fine."""
        if self.read(namespace, name) is None:
            return
        seconds = _seconds(inputs, timeout)
        arguments = [
            "uninstall",
            name,
            "--ignore-not-found",
            "--timeout",
            f"{seconds}s",
        ]
        if not inputs.get("skipAwait"):
            arguments.append("--wait")
        if inputs.get("disableWebhooks"):
            arguments.append("--no-hooks")
        self._helm.run(namespace, name, arguments, None, seconds)

    def _change(self, verb: str, urn: str, inputs: JsonObject, timeout: float) -> Record:
        namespace, name = inputs["namespace"], inputs["name"]
        seconds = _seconds(inputs, timeout)
        arguments = _arguments(verb, urn, inputs, seconds)
        try:
            self._helm.run(namespace, name, arguments, inputs.get("values") or {}, seconds)
        except ReleaseError as error:
            record = self._records.latest(namespace, name)
            if record is not None and record.labels.get(OWNER_LABEL) == _owner(urn):
                raise HalfDoneError(str(error), record) from error
            raise
        record = self._records.latest(namespace, name)
        if record is None:
            raise ReleaseError(f"helm {verb} of release {namespace}/{name} succeeded, but left no record of it")
        return record


def _arguments(verb: str, urn: str, inputs: JsonObject, seconds: int) -> list[str]:
    arguments = [verb, inputs["name"], str(inputs["chart"]), "--timeout", f"{seconds}s"]
    # Helm keeps the labels of former revisions, so an upgrade of an adopted release is marked too.
    arguments += ["--labels", f"{OWNER_LABEL}={_owner(urn)}"]
    flags = {**_FLAGS, **(_INSTALL_FLAGS if verb == "install" else _UPGRADE_FLAGS)}
    arguments += [flag for name, flag in flags.items() if inputs.get(name)]
    for name, option in _OPTIONS.items():
        # The version of a local chart is read from it, not chosen.
        if inputs.get(name) and not (name == "version" and inputs.get("checksum")):
            arguments += [option, str(inputs[name])]
    for name, option in _REPOSITORY_OPTIONS.items():
        value = (inputs.get("repositoryOpts") or {}).get(name)
        if value:
            arguments += [option, str(value)]
    if not inputs.get("skipAwait"):
        arguments += ["--wait"] + (["--wait-for-jobs"] if inputs.get("waitForJobs") else [])
    if inputs.get("disableWebhooks") or inputs.get("disableCRDHooks"):
        arguments.append("--no-hooks")
    if verb == "upgrade":
        arguments.append("--reuse-values" if inputs.get("reuseValues") else "--reset-values")
        if inputs.get("maxHistory") is not None:
            arguments += ["--history-max", str(inputs["maxHistory"])]
    for file in inputs.get("valueYamlFiles") or []:
        arguments += ["--values", _asset_path(file)]
    return arguments


def _asset_path(asset: Any) -> str:
    path = asset.get("path") if isinstance(asset, Mapping) and SIGNATURE_KEY in asset else None
    if not isinstance(path, str):
        raise ReleaseError(
            "`valueYamlFiles` takes files (FileAsset) only in the stand-in: pass the contents in `values`"
        )
    return path


def _owner(urn: str) -> str:
    return hashlib.sha256(urn.encode()).hexdigest()[:32]


def _seconds(inputs: JsonObject, timeout: float) -> int:
    return int(timeout or inputs.get("timeout") or _DEFAULT_SECONDS)
