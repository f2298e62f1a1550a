"""Which file Pulumi reads a stack's configuration from.

Pulumi writes the salt of the passphrase into the stack file it reads. A stack file that names its own secrets
provider, or has a salt already, is used as it is; any other is copied beside the state first, so that a run never
changes a file that is under version control.
Source: https://www.pulumi.com/docs/concepts/secrets/#available-encryption-providers
"""

from __future__ import annotations

import re
from pathlib import Path

from automation.checkout import Checkout
from topology import StackFile
from topology.files import make_directory, write_file

OWN_PROVIDER = re.compile(r"^(secretsprovider|encryptionsalt|encryptedkey):", re.MULTILINE)
SALT = re.compile(r"^encryptionsalt:.*\n?", re.MULTILINE)


def private_copy(checkout: Checkout, stack: str) -> Path:
    """Where the copy of a stack file is kept."""
    return checkout.fleet(stack) / f"Pulumi.{stack}.yaml"


def configuration_file(checkout: Checkout, file: StackFile) -> Path:
    """The file to hand to Pulumi for a stack: the user's own, or an up-to-date copy that has the salt."""
    text = file.path.read_text(encoding="utf-8")
    if OWN_PROVIDER.search(text):
        return file.path
    copy = private_copy(checkout, file.stack)
    salt = SALT.search(copy.read_text(encoding="utf-8")) if copy.exists() else None
    wanted = text.rstrip("\n") + "\n" + (salt.group().rstrip("\n") + "\n" if salt else "")
    if not copy.exists() or copy.read_text(encoding="utf-8") != wanted:
        make_directory(copy.parent)
        write_file(copy, wanted)
    return copy


def keep_salt(copy: Path, initialised: Path) -> None:
    """Add the salt that Pulumi wrote to the file of a new stack, so that the copy decrypts what it encrypts."""
    salt = SALT.search(initialised.read_text(encoding="utf-8")) if initialised.exists() else None
    if salt and not OWN_PROVIDER.search(copy.read_text(encoding="utf-8")):
        write_file(copy, copy.read_text(encoding="utf-8").rstrip("\n") + "\n" + salt.group().rstrip("\n") + "\n")
