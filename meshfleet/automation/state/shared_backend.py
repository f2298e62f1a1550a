"""A backend that others use as well: its secrets need a passphrase, or another provider, that they have too.

The passphrase that is made for local stacks is in this checkout's home alone: with it the state of a shared backend,
the keys of the roots in it included, could be read on this machine only, and is lost when that goes.
Source: https://www.pulumi.com/docs/iac/concepts/secrets/
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from meshfleet.automation.checkout import Checkout
from meshfleet.files import read_text
from meshfleet.topology import Fault, StackFile, TopologyError

_PROVIDER = re.compile(r"^(?:secretsprovider:\s*(?![\"']?passphrase)\S|encryptedkey:)", re.MULTILINE)


def has_passphrase() -> bool:
    """Whether the environment names a passphrase."""
    return bool(os.environ.get("PULUMI_CONFIG_PASSPHRASE") or os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"))


def require_shared_secrets(checkout: Checkout, file: StackFile) -> None:
    """Raise TopologyError where the secrets of a stack in a shared backend could be read in this checkout only."""
    url = os.environ.get("PULUMI_BACKEND_URL", "")
    if is_local(checkout, url) or has_passphrase() or _encrypts_itself(url) or _PROVIDER.search(_text(file)):
        return
    raise TopologyError(
        [
            Fault(
                "PULUMI_BACKEND_URL",
                "names a backend that others may use, and nothing says how they decrypt the secrets in it; set "
                "PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to what they have too, or name a "
                f"secretsprovider in {file.path.name}",
            )
        ]
    )


def _encrypts_itself(url: str) -> bool:
    """Whether it is Pulumi's own service, which has a key for each stack."""
    return url.startswith(("https://", "http://"))


def is_local(checkout: Checkout, url: str) -> bool:
    """Whether the URL of a backend, or none, means the one in the checkout's home."""
    if not url:
        return True
    if not url.startswith("file://"):
        return False
    path = url.removeprefix("file://").partition("?")[0]
    # As `env` prints it, or as earlier versions did.
    return any(Path(one).expanduser().resolve() == checkout.state.resolve() for one in (unquote(path), path))


def _text(file: StackFile) -> str:
    return read_text(file.path, follow=True) or ""
