"""What the state keeps of the Python code that registers a resource: for those of a fleet nothing.

Pulumi's SDK sends the whole call stack with each resource, and the engine keeps it: half of what the state holds of a
small object, in which no line is the user's and most are paths of the machine that ran the program. The local backend
writes the whole state twice for each resource that changes, so what is in it counts as often as there are resources.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_call_stack() -> Iterator[None]:
    """Register resources within the block without where they were called from, of which to ask takes long, too.

    Pulumi asks `traceback.extract_stack()`, which takes no more frames than this limit; it looks for the user's code
    behind the constructors in them, and of none it sends none. Tracebacks that other threads print meanwhile are cut.

    Source: `_get_stack_trace` in sdk/python/lib/pulumi/runtime/resource.py of pulumi/pulumi
    """
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before
