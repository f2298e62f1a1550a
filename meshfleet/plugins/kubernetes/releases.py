"""Helm releases (`helm.sh/v3:Release`): installed, upgraded, read and removed, as the official provider does.

What makes interrupted releases converge stands above every plugin: meshfleet/automation/unfinished_releases.py and
`meshfleet:index:ReleaseObjects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meshfleet.errors import ReleaseError
from meshfleet.kube.releases.record import Record
from meshfleet.plugins.kubernetes.helm import Helm
from meshfleet.plugins.kubernetes.records import Records
from meshfleet.plugins.kubernetes.release_rules import is_local
from meshfleet.plugins.kubernetes.values import JsonObject
from meshfleet.plugins.property_value import SIGNATURE_KEY

_DEFAULT_SECONDS: Final = 300

# Helm would download the OpenAPI document of every group only to find that the server validates by itself, which all
# servers do that Istio supports, and which Helm then does not ask it for: what is unknown is a warning either way.
# Source: ValidateBytes in kubernetes/kubectl, pkg/validation/schema.go, and createResource in helm/helm v3,
# pkg/kube/client.go
_UNVALIDATED: Final = "--disable-openapi-validation"

# Inputs that stand for one flag of helm, when true.
_FLAGS: Final = {
    "atomic": "--atomic",
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
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

    def create(self, inputs: JsonObject, timeout: float) -> Record:
        """Install the release.

        Raises ReleaseError if there is one by that name or helm fails, HalfDoneError if helm fails after having
        recorded the release.
        """
        before = self._records.latest(inputs["namespace"], inputs["name"])
        return self._change("install", before, inputs, timeout)

    def update(self, inputs: JsonObject, timeout: float) -> Record:
        """Upgrade the release to these inputs. Raises as `create` does."""
        before = self._records.latest(inputs["namespace"], inputs["name"])
        return self._change("upgrade", before, inputs, timeout)

    def read(self, namespace: str, name: str) -> Record | None:
        """The release as it is, None if it is gone."""
        record = self._records.latest(namespace, name)
        return None if record is None or record.status == "uninstalled" else record

    def delete(self, inputs: JsonObject, namespace: str, name: str, timeout: float) -> None:
        """Uninstall the release. Raises ReleaseError if there is none by that name or helm fails."""
        seconds = _seconds(inputs, timeout)
        arguments = ["uninstall", name, "--timeout", f"{seconds}s"]
        if not inputs.get("skipAwait"):
            arguments.append("--wait")
        if inputs.get("disableWebhooks"):
            arguments.append("--no-hooks")
        self._helm.run(namespace, name, arguments, None, seconds)

    def _change(self, verb: str, before: Record | None, inputs: JsonObject, timeout: float) -> Record:
        namespace, name = inputs["namespace"], inputs["name"]
        seconds = _seconds(inputs, timeout)
        arguments = _arguments(verb, inputs, seconds)
        try:
            self._helm.run(namespace, name, arguments, inputs.get("values") or {}, seconds)
        except ReleaseError as error:
            record = self._records.latest(namespace, name)
            if record is not None and (before is None or record.secret != before.secret):
                raise HalfDoneError(str(error), record) from error
            raise
        record = self._records.latest(namespace, name)
        if record is None:
            raise ReleaseError(f"helm {verb} of release {namespace}/{name} succeeded, but left no record of it")
        return record


def _arguments(verb: str, inputs: JsonObject, seconds: int) -> list[str]:
    arguments = [verb, inputs["name"], str(inputs["chart"]), "--timeout", f"{seconds}s", _UNVALIDATED]
    flags = {**_FLAGS, **(_INSTALL_FLAGS if verb == "install" else _UPGRADE_FLAGS)}
    arguments += [flag for name, flag in flags.items() if inputs.get(name)]
    for name, option in _OPTIONS.items():
        # The version of a local chart is read from it, not chosen.
        if inputs.get(name) and not (name == "version" and is_local(inputs)):
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


def _seconds(inputs: JsonObject, timeout: float) -> int:
    return int(timeout or inputs.get("timeout") or _DEFAULT_SECONDS)
