"""Which capabilities containers on this machine can have (https://man7.org/linux/man-pages/man7/capabilities.7.html)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

RESOURCE: Final = "CAP_SYS_RESOURCE"
_RESOURCE_BIT: Final = 24
_STATUS: Final = Path("/proc/self/status")


def lacks_resource_capability(status: Path = _STATUS) -> bool:
    """Whether no child of this process can have CAP_SYS_RESOURCE, as on machines that are containers themselves."""
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status.read_text(encoding="ascii"), re.MULTILINE)
    return found is not None and not int(found[1], 16) >> _RESOURCE_BIT & 1
