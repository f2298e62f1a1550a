"""Complete the commands in messages with the stack and other required options, so that they can be run as printed.

The code that writes a message often has neither the stack nor the command line. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

STACK: Final = "--stack"
_PROGRAM: Final = "meshfleet"
# Up to the punctuation that ends a command in a sentence.
_COMMAND: Final = re.compile(rf"(?<![\w/.-]){_PROGRAM} (?P<name>(?:[a-z]+ )?[a-z]+)\b(?P<rest>[^;,()`\n]*)")


def required_options(group: Any) -> dict[str, dict[str, str]]:
    """Each command of a typer group by its name, with a placeholder for each required option."""
    found: dict[str, dict[str, str]] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            inner = required_options(command)
            found |= {f"{name} {word}": options for word, options in inner.items()}
            continue
        options = [parameter for parameter in command.params if parameter.opts[0].startswith("--")]
        # `destroy` accepts --all instead of --stack, and reports that itself.
        needed = [one for one in options if one.required or one.opts[0] == STACK]
        found[name] = {one.opts[0]: one.opts[0].strip("-").upper() for one in needed}
    return found


def completed(text: str, required: Mapping[str, Mapping[str, str]], stack: str) -> str:
    """Complete each command in the text; `stack` is that of the running command, empty without one."""

    def complete(found: re.Match[str]) -> str:
        words = found["name"].split()
        # `meshfleet up first`: the second word belongs to the sentence.
        name = next((known for known in (" ".join(words), words[0]) if known in required), None)
        if name is None:
            return found[0]
        rest = found[0].removeprefix(f"{_PROGRAM} {name}")
        if "--help" in rest.split():
            return found[0]
        added = [
            f" {option} {stack if option == STACK and stack else placeholder}"
            for option, placeholder in required[name].items()
            if not re.search(rf"{option}\b|--all\b" + (r"|-s\b" if option == STACK else ""), rest)
        ]
        return f"{_PROGRAM} {name}{''.join(added)}{rest}"

    return _COMMAND.sub(complete, text)


def stack_in(arguments: list[str]) -> str:
    """The stack in a command line; empty if there is none."""
    for place, word in enumerate(arguments):
        if word in (STACK, "-s"):
            return arguments[place + 1] if place + 1 < len(arguments) else ""
        if word.startswith(f"{STACK}="):
            return word.partition("=")[2]
    return ""
