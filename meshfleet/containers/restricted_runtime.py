"""The runtime of containers on a machine without CAP_SYS_RESOURCE: runc, after that capability is out of what it reads.

dockerd writes all capabilities into the specification of a privileged container, and runc fails on one that it cannot
give ("unable to apply caps"). This file is copied beside the engine's settings and run by containerd's shim in place of
runc, so it imports the standard library alone.

Sources: https://github.com/opencontainers/runtime-spec/blob/main/config.md#linux-process and `runc exec --help`
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_CAPABILITY = "CAP_SYS_RESOURCE"


def without_capability(process: dict[str, Any]) -> dict[str, Any]:
    """`process` of a specification without the capability in any of its sets, and with no OOM score below 0."""
    changed = dict(process)
    sets = process.get("capabilities")
    if isinstance(sets, dict):
        changed["capabilities"] = {
            name: [one for one in given if one != _CAPABILITY] if isinstance(given, list) else given
            for name, given in sets.items()
        }
    score = process.get("oomScoreAdj")
    if isinstance(score, int) and score < 0:
        changed["oomScoreAdj"] = 0
    return changed


def file_to_change(arguments: Sequence[str]) -> tuple[str, bool] | None:
    """The file that a call of runc reads the process from, and whether it is a whole specification; None if none is."""
    command = next((word for word in arguments if word in ("create", "run", "exec", "restore")), None)
    if command in ("create", "run", "restore"):
        bundle = _option(arguments, "--bundle", "-b") or "."
        return os.path.join(bundle, "config.json"), True
    if command == "exec":
        process = _option(arguments, "--process", "-p")
        return (process, False) if process else None
    return None


def main() -> None:
    """Change the file, then become runc, whose path is the first argument."""
    runc, *arguments = sys.argv[1:]
    found = file_to_change(arguments)
    if found is not None:
        name, is_specification = found
        path = Path(name)
        changed = _changed(path.read_text(encoding="utf-8"), is_specification=is_specification)
        if changed is not None:
            path.write_text(changed, encoding="utf-8")
    os.execv(runc, [runc, *arguments])  # noqa: S606 - runc itself, with the words that the shim gave


def _changed(text: str, *, is_specification: bool) -> str | None:
    """The text without the capability; None for one that is no specification, about which runc says what is wrong."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    process = content.get("process") if is_specification and isinstance(content, dict) else content
    if not isinstance(process, dict):
        return None
    changed = without_capability(process)
    return json.dumps({**content, "process": changed} if is_specification else changed)


def _option(arguments: Sequence[str], *names: str) -> str | None:
    for number, word in enumerate(arguments):
        for name in names:
            if word == name and number + 1 < len(arguments):
                return arguments[number + 1]
            if name.startswith("--") and word.startswith(f"{name}="):
                return word[len(name) + 1 :]
    return None


if __name__ == "__main__":
    main()
