"""The state of a stack in the local backend: whole, damaged, or gone while its fleet is there; and its backups.

Pulumi keeps the state before the last write in `STACK.json.bak`, and one copy for each run below `backups/`. It syncs
none of them, so that a power cut may leave the newest empty or cut short.
Source: saveCheckpoint and backupStack in pkg/backend/diy/state.go of pulumi/pulumi
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typer

from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.reporting.output import print_line
from meshfleet.errors import EngineError, FileError, NewerFileError
from meshfleet.files import make_directory, read_bytes, read_record, sync, write_file
from meshfleet.files.json_text import parse_json

OPTION: Final = "--restore-state"
VERSION: Final = 4
"""The version of the checkpoint that Pulumi's CLI of this project writes."""
_LIMIT: Final = 512 * 1024 * 1024


def state_file(checkout: Checkout, stack: str) -> Path:
    """Where the local backend keeps the state of a stack."""
    return checkout.state / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"


def read_state(path: Path) -> dict[str, Any] | None:
    """The recorded deployment, empty before the first run; None when there is no state. Raises FileError."""
    found = read_record(
        path, _parse, f"restore it from a backup with meshfleet up --stack {path.stem} {OPTION}", limit=_LIMIT
    )
    return None if found is None else _latest(found)


def write_pending(path: Path, operations: Sequence[dict[str, Any]]) -> None:
    """Record operations as begun, which Pulumi's import of a state leaves out. Raises FileError."""
    content = read_record(path, _parse, "run the same command again", limit=_LIMIT)
    if content is None:
        raise FileError(f"{path}: is gone; run the same command again")
    content["checkpoint"]["latest"] = {**_latest(content), "pending_operations": list(operations)}
    write_file(path, json.dumps(content))


def backup_of(checkout: Checkout, stack: str) -> Path | None:
    """The newest backup that is whole and records something; None when there is none."""
    path = state_file(checkout, stack)
    copies = (checkout.state / ".pulumi" / "backups" / PROJECT / stack).glob("*.json*")
    for candidate in (path.with_name(f"{path.name}.bak"), *sorted(copies, key=_modified, reverse=True)):
        try:
            found = read_state(candidate)
        except FileError:
            continue
        if found and found.get("resources"):
            return candidate
    return None


def settle_state(checkout: Checkout, stack: str, *, restore: bool, gone_is_fine: bool = False) -> None:
    """See to it that the state of a stack is there and whole; only while the stack is held.

    A damaged one is replaced by its newest whole backup when `restore` is set, or the user says so at the terminal. So
    is one that is gone while the fleet's directory holds what a run made, unless that is fine (`destroy`). Raises
    FileError or EngineError with the ways out, before anything is changed.
    """
    path = state_file(checkout, stack)
    try:
        if read_state(path) is not None:
            return
        if gone_is_fine or not made_here(checkout, stack):
            return
        fault = f"{path}: is gone, and the fleet {stack} that it records is still here"
    except NewerFileError:
        raise
    except FileError as error:
        fault = str(error).partition("; ")[0]
    backup = backup_of(checkout, stack)
    if backup is None:
        raise EngineError(f"{fault}; {_without_backup(path, stack)}")
    when = datetime.fromtimestamp(_modified(backup), UTC)
    offer = f"its backup {backup} of {when:%Y-%m-%dT%H:%M:%SZ} is whole"
    if not restore and not _confirmed(f"{fault}; {offer}. Restore it?"):
        raise EngineError(
            f"{fault}; {offer}: restore it with meshfleet up --stack {stack} {OPTION}, "
            f"or remove the fleet with meshfleet destroy --stack {stack} {OPTION}"
        )
    _restore(path, backup)
    print_line(f"the state of {stack} is that of {when:%Y-%m-%dT%H:%M:%SZ} again, from {backup}")


def made_here(checkout: Checkout, stack: str) -> bool:
    """Whether the fleet's directory holds clusters, istiods or nodes."""
    folder = checkout.fleet(stack)
    return any(any((folder / name).glob("*")) for name in ("cert-managers", "clusters", "istiods", "nodes", "portals"))


def sync_state(checkout: Checkout, stack: str) -> None:
    """Have the state and its backup reach the disk, after the engine has ended. Raises FileError."""
    path = state_file(checkout, stack)
    for one in (path, path.with_name(f"{path.name}.bak"), path.parent):
        if not one.is_symlink():
            sync(one)


def _restore(path: Path, backup: Path) -> None:
    content = read_bytes(backup, limit=_LIMIT)
    if content is None:
        raise FileError(f"{backup}: is gone; run the same command again")
    damaged = read_bytes(path, limit=_LIMIT)
    if damaged is not None:
        write_file(path.with_name(f"{path.name}.damaged"), damaged)
    make_directory(path.parent)
    write_file(path, content)


def _without_backup(path: Path, stack: str) -> str:
    return (
        f"no backup of it is whole: put the file back from one of your own, or give the fleet up: remove {path}, then "
        f"run meshfleet destroy --stack {stack}, which removes what is on this machine and leaves what the stack made "
        "in existing clusters"
    )


def _confirmed(question: str) -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm(question, default=False, err=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _parse(text: str) -> dict[str, Any]:
    content = dict(parse_json(text))
    if int(content["version"]) > VERSION:
        raise NewerFileError(f"version {content['version']}, this one knows {VERSION}")
    resources = _latest(content).get("resources") or []
    if not isinstance(resources, list) or not all(isinstance(one, dict) and "urn" in one for one in resources):
        raise ValueError("no list of resources")
    return content


def _latest(content: dict[str, Any]) -> dict[str, Any]:
    # Brought up never: Pulumi writes none, or null.
    return dict(content["checkpoint"].get("latest") or {})
