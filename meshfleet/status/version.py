"""The version of the document that this meshfleet writes; each earlier one has an entry in `upgrades.UPGRADES`."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
UNVERSIONED: Final = 0
"""What counts as the version of a document from before there were versions, which has no field of the name."""
