"""Reads a status of this version or an earlier one, and names everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from meshfleet.errors import VerificationError
from meshfleet.errors.faults import Fault, from_validation
from meshfleet.redaction.shown import shown
from meshfleet.status.deployed import DeployedStatus
from meshfleet.status.document import Status
from meshfleet.status.model import StatusModel
from meshfleet.status.propagations import RecordedEvictions
from meshfleet.status.upgrades import UPGRADES, Document, Upgrade
from meshfleet.status.version import UNVERSIONED, VERSION

_Which = Callable[[Upgrade], Callable[[Mapping[str, Any]], Document]]
_Model = TypeVar("_Model", bound=StatusModel)
AGAIN: Final = "run `meshfleet up` with this version, which writes it again, or use the version that wrote it"
ANOTHER: Final = "use the meshfleet that wrote it, or put an earlier state in its place with pulumi stack import"
_NAMED: Final = 20
"""So many faults are named; a document of another shape altogether has hundreds."""


def read_status(document: Mapping[str, Any]) -> Status:
    """The status in the output `fleet` of a stack, or in what `meshfleet status --json` prints.

    A document of an earlier version is upgraded; fields that this version does not know are left out. Raises
    VerificationError with every fault and its path, or with what to do about a document of a later version.
    """
    return _read(Status, document, lambda upgrade: upgrade.whole, AGAIN)


def read_deployed(document: Mapping[str, Any]) -> DeployedStatus:
    """What a rollout plan needs of the same document, whatever is wrong in the rest. Raises as `read_status` does."""
    return _read(DeployedStatus, document, lambda upgrade: upgrade.part, ANOTHER)


def read_evictions(document: Mapping[str, Any]) -> RecordedEvictions:
    """Where the same document says that shares are, whatever is wrong in the rest. Raises as `read_status` does."""
    return _read(RecordedEvictions, document, lambda upgrade: upgrade.part, ANOTHER)


def faults_in(model: type[StatusModel], document: Any, error: ValidationError) -> list[Fault]:
    """The faults of a document, each with its path; an entry of a list goes by its name: `clusters.west.network`."""
    found = []
    for fault, details in zip(from_validation("", error, model), error.errors(include_url=False), strict=True):
        found.append(Fault(_path(document, [step for step in details["loc"] if step != "[key]"]), fault.message))
    return found


def _read(model: type[_Model], document: Any, which: _Which, advice: str) -> _Model:
    if not isinstance(document, Mapping):
        raise VerificationError(f"status: must be a map of keys to values, got {shown(document)}; {advice}")
    current = _upgraded(document, which, advice)
    try:
        return model.model_validate(current, extra="ignore")
    except ValidationError as error:
        raise VerificationError(_sentence(faults_in(model, current, error), advice)) from None


def _upgraded(document: Mapping[str, Any], which: _Which, advice: str) -> Mapping[str, Any]:
    version = document.get("version", UNVERSIONED)
    if isinstance(version, float) and version.is_integer():
        # The engine hands every number back as a double.
        version = int(version)
    if isinstance(version, bool) or not isinstance(version, int) or version < UNVERSIONED:
        fault = Fault("version", f"must be an integer from 1, got {shown(version)}")
        raise VerificationError(_sentence([fault], advice))
    if version > VERSION:
        raise VerificationError(
            f"status: version {shown(version)} was written by a later meshfleet, and this one reads versions up to "
            f"{VERSION}; use the meshfleet that wrote it, or a later one"
        )
    while version < VERSION:
        document = which(UPGRADES[version])(document)
        version += 1
    return {**document, "version": version}


def _sentence(faults: Sequence[Fault], advice: str) -> str:
    named = [str(fault) for fault in faults[:_NAMED]]
    more = [f"and {len(faults) - _NAMED} more"] if len(faults) > _NAMED else []
    return f"status: {'; '.join([*named, *more])}; {advice}"


def _path(document: Any, location: Sequence[int | str]) -> str:
    path = ""
    for step in location:
        try:
            document = document[step]
        except (LookupError, TypeError):
            document = None
        name = document.get("name") if isinstance(step, int) and isinstance(document, Mapping) else None
        if isinstance(step, int) and not (isinstance(name, str) and name):
            path += f"[{step}]"
        else:
            path += f".{name or step}" if path else str(name or step)
    return path
