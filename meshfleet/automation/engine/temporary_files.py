"""Temporary files of a command, of the engine and of its plugins: in one folder of the stack, which is emptied.

Among them are the engine's events and kubeconfigs for helm. Who is killed cannot remove what it wrote; so the next
command on the stack does, and `destroy`.
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
    """Lets this process and all it starts write there; only while the stack is held, so that nobody else does."""
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
        # What an engine that is still ending writes, the next command removes.
        shutil.rmtree(folder, ignore_errors=True)
