"""Temporary files of a command, of the engine and of its plugins: in one directory of the stack.

They include engine events and kubeconfigs for helm. A killed process cannot remove its files, so the next command on
the stack removes them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from meshfleet.automation.checkout import Checkout
from meshfleet.files import make_directory
from meshfleet.workspace.home import remove_directory


@contextmanager
def temporary_files(checkout: Checkout, stack: str) -> Iterator[None]:
    """Use the directory for this process and its children; requires the lock of the stack."""
    folder = checkout.fleet(stack) / "temporary"
    remove_directory(folder)
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(make_directory(folder))
    try:
        yield
    finally:
        if before[0] is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before[0]
        tempfile.tempdir = before[1]
        # The next command removes files that a stopping engine still writes.
        shutil.rmtree(folder, ignore_errors=True)
