"""The machine's own Pulumi CLI, when it is new enough: then none is built."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from meshfleet.toolchain.recipes import PULUMI
from meshfleet.workspace.cache import Cache

# The CLI's own files, which its releases ship side by side (https://www.pulumi.com/docs/install/).
PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")


def find_pulumi(cache: Cache) -> Path | None:
    """The folder of a Pulumi CLI on PATH that is at least as new as the pinned one, with its language host.

    None if there is none, it is older, or its language host does not lie beside it. The answer is remembered
    for the file as it is, since asking the CLI takes longer than everything else here.
    """
    command = shutil.which("pulumi")
    if command is None:
        return None
    program = Path(command).resolve()
    if cache.root.resolve() in program.parents:
        return None
    if not all((program.parent / name).exists() for name in PROGRAMS):
        return None
    state = program.stat()
    seen = {"path": str(program), "bytes": state.st_size, "modified": state.st_mtime_ns}
    memory = cache.toolchain / "pulumi-on-path.json"
    try:
        remembered = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        remembered = {}
    if not isinstance(remembered, dict) or remembered.get("seen") != seen:
        remembered = {"seen": seen, "version": _ask_version(program)}
        memory.parent.mkdir(parents=True, exist_ok=True)
        draft = memory.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(remembered), encoding="utf-8")
        draft.replace(memory)
    return program.parent if is_new_enough(remembered.get("version"), PULUMI.version) else None


def is_new_enough(version: object, wanted: str) -> bool:
    """Whether `version` (such as `v3.260.0`, or anything at all) is `wanted` or later of the same major."""
    have, want = _numbers(version), _numbers(wanted)
    return have is not None and want is not None and have[0] == want[0] and have >= want


def _numbers(version: object) -> tuple[int, int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version) if isinstance(version, str) else None
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _ask_version(program: Path) -> str:
    # Only when the program is a new one: this import takes a fifth of the quick path.
    from meshfleet.errors import ProcessError
    from meshfleet.processes.bounded_run import run_bounded
    from meshfleet.processes.child_environment import engine_environment

    environment = engine_environment({"PULUMI_SKIP_UPDATE_CHECK": "true"})
    try:
        return run_bounded([str(program), "version"], seconds=30, environment=environment).out.strip()
    except ProcessError:
        return "unknown"
