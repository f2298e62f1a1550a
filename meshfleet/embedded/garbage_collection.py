"""How often the components of embedded clusters collect garbage: a trade of memory for processor time.

While an API server starts and takes Istio's CustomResourceDefinitions its heap grows from nothing, and a third of its
processor time goes to collections (docs/development.md). Go's own setting is right where fleets have to fit into little
memory; with four times as much heap between collections a test suite is a tenth shorter.
https://go.dev/doc/gc-guide#GOGC
"""

from __future__ import annotations

import os
import re
from typing import Final

from meshfleet.errors import ProcessError

VARIABLE: Final = "MESHFLEET_GOGC"
_PERCENT: Final = re.compile(r"[1-9][0-9]{1,3}")


def collection() -> dict[str, str]:
    """The variable for the environment of a component; none where Go's default of 100 per cent is to hold.

    Raises ProcessError when MESHFLEET_GOGC is not a number of per cent from 10 to 9999.
    """
    percent = os.environ.get(VARIABLE, "")
    if not percent:
        return {}
    if not _PERCENT.fullmatch(percent):
        raise ProcessError(f"{VARIABLE} must be a number of per cent from 10 to 9999, as Go's GOGC, got {percent!r}")
    return {"GOGC": percent}
