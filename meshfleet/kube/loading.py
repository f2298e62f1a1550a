"""lightkube, loaded as a whole before several threads use it.

Python takes the lock of a submodule before that of its package (`_find_and_load` in CPython's
Lib/importlib/_bootstrap.py), and lightkube's package imports submodules of its own. So two threads, of which one
imports the package and the other a submodule, wait for each other, and Python ends one import with `_DeadlockError`.
It takes a tenth of a second to import, so a process that needs it rarely loads it with its first use.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Final

_LOCK: Final = threading.Lock()


def load_lightkube() -> None:
    """Import lightkube unless that was done: in a function that is given no client, before it imports a submodule."""
    with _LOCK:
        import_module("lightkube")
