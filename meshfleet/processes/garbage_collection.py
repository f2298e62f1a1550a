"""How often Python looks for garbage in programs of this project; of the standard library alone, as it comes first.

Modules, models and documents live until their process ends, and nearly all else is freed by its reference count. With
Python's own thresholds a fifth of the processor time of a command goes into finding that again and again.
Source: https://docs.python.org/3/library/gc.html#gc.set_threshold
"""

from __future__ import annotations

import gc
from typing import Final

_NEW_OBJECTS: Final = 100_000
"""So many more objects than were freed begin a look at the new ones; of small objects that is some ten megabytes."""


def collect_less_often() -> None:
    """Raise the threshold for the rest of this process: the first thing that a program does, where it is not higher."""
    new, young, old = gc.get_threshold()
    gc.set_threshold(max(new, _NEW_OBJECTS), young, old)
