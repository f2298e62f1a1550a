"""The one rule for names of stacks, and for the paths that variables name. Pure.

A stack's name becomes a directory, a file and a part of every URN, so it is checked wherever one comes in: `--stack`,
the scripts' arguments, the name that Pulumi passes to the program, and directories found below the home.
Source: ParseStackName in sdk/go/common/tokens of pulumi/pulumi allows letters, digits, '-', '_' and '.'; at most 100.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.redaction.shown import shown

LONGEST: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def name_fault(name: str) -> str | None:
    """What is wrong with the name of a stack; None when nothing is."""
    if not _NAME.fullmatch(name) or ".." in name:
        return (
            f"{shown(name)} is not a stack name; use letters, digits, '-', '_' and '.', "
            "beginning with a letter or a digit and not ending with '.'"
        )
    if len(name) > LONGEST:
        return f"{shown(name)} has {len(name)} characters; a stack name has at most {LONGEST}"
    return None


def stack_name(stack: str, field: str = "--stack") -> str:
    """The name in `dev` or `examples/two-meshes`, whose directories keep the same rule.

    Raises `TopologyError` for anything else: an empty text, a directory, `..`, an absolute path, a control character.
    """
    if not stack:
        raise TopologyError([Fault(field, "is empty; name a stack, as in dev or examples/two-meshes")])
    if stack.endswith("/"):
        raise TopologyError([Fault(field, f"{shown(stack)} is a directory of stacks; name one of them")])
    parts = stack.split("/")
    for part in parts:
        if fault := name_fault(part):
            message = fault if part == stack else f"{shown(stack)}: {fault}"
            raise TopologyError([Fault(field, message)])
    return parts[-1]


def path_fault(path: Path) -> str | None:
    """What is wrong with a directory that a variable names, or that the checkout is in; None when nothing is."""
    if _CONTROL.search(str(path)):
        return f"{shown(str(path))} has a control character, which Pulumi, Helm and kwokctl do not take; rename it"
    if path == Path(path.anchor):
        return f"{path} is the root of the file system; choose a directory of its own"
    return None
