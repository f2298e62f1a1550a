"""Which file Pulumi reads a stack's configuration from.

Pulumi writes the salt of the passphrase into the stack file it reads. A stack file that names its own secrets
provider, or has a salt already, is used as it is; any other is copied beside the state first, so that a run never
changes a file that is under version control.
Source: https://www.pulumi.com/docs/concepts/secrets/#available-encryption-providers
"""

from __future__ import annotations

import re
from pathlib import Path

from meshfleet.automation.checkout import Checkout
from meshfleet.errors import FileError
from meshfleet.files import NotTextError, make_directory, read_text, write_file
from meshfleet.topology import StackFile

OWN_PROVIDER = re.compile(r"^(secretsprovider|encryptionsalt|encryptedkey):", re.MULTILINE)
SALT = re.compile(r"^encryptionsalt:.*\n?", re.MULTILINE)


def private_copy(checkout: Checkout, stack: str) -> Path:
    """Where the copy of a stack file is kept."""
    return checkout.fleet(stack) / f"Pulumi.{stack}.yaml"


def configuration_file(checkout: Checkout, file: StackFile, salt: str = "") -> Path:
    """The file to pass to Pulumi for a stack: the user's own, or an up-to-date copy that has the salt.

    `salt` is that of the state, for a copy that is lost or damaged. Raises FileError.
    """
    text = _text_of(file.path)
    if OWN_PROVIDER.search(text):
        return file.path
    copy = private_copy(checkout, file.stack)
    kept = _kept(copy)
    line = SALT.search(kept or "")
    # What encrypted the state is right, whatever a cut line of the copy says.
    wanted_salt = f"encryptionsalt: {salt}\n" if salt else line.group().rstrip("\n") + "\n" if line else ""
    wanted = text.rstrip("\n") + "\n" + wanted_salt
    if kept != wanted:
        make_directory(copy.parent)
        write_file(copy, wanted)
    return copy


def keep_salt(copy: Path, initialised: Path) -> None:
    """Add the salt that Pulumi wrote to the file of a new stack, so that the copy decrypts what it encrypts."""
    salt, text = SALT.search(read_text(initialised) or ""), _text_of(copy)
    if salt and not OWN_PROVIDER.search(text):
        write_file(copy, text.rstrip("\n") + "\n" + salt.group().rstrip("\n") + "\n")


def _text_of(path: Path) -> str:
    text = read_text(path, follow=True)
    if text is None:
        raise FileError(f"{path}: is gone; put the stack file back")
    return text


def _kept(copy: Path) -> str | None:
    try:
        return read_text(copy)
    except NotTextError:
        return None
