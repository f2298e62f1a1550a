"""What Pulumi is given of a stack file that it cannot read: the lines that decrypt the state, and nothing else.

A stack whose file is wrong or gone can still be destroyed: for that the engine runs no program, so it needs no
configuration but the salt, or the secrets provider.
Source: https://www.pulumi.com/docs/concepts/secrets/#available-encryption-providers
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.state.stack_configuration import private_copy
from meshfleet.errors import FileError
from meshfleet.files import make_directory, read_text, write_file

_LINE: Final = re.compile(r"^(secretsprovider|encryptedkey|encryptionsalt): *(\S[^\r\n]*)", re.MULTILINE)


def secrets_configuration(checkout: Checkout, stack: str) -> Path:
    """A file with what the stack's own file, or else its copy, says of secrets. Raises FileError when it cannot be."""
    path = checkout.fleet(stack) / "destroy" / f"Pulumi.{stack}.yaml"
    found: dict[str, str] = {}
    folder = checkout.stacks
    files = folder.rglob(path.name) if checkout.nested_stacks else folder.glob(path.name)
    for source in (*sorted(files), private_copy(checkout, stack)):
        for line in _LINE.finditer(_text(source)):
            found.setdefault(line.group(1), line.group(2))
    make_directory(path.parent)
    write_file(path, "config: {}\n" + "".join(f"{name}: {value}\n" for name, value in found.items()))
    return path


def _text(path: Path) -> str:
    try:
        return read_text(path, follow=True) or ""
    except FileError:
        # One that cannot be read is as one that is gone.
        return ""
