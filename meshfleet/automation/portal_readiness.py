"""Whether the API portal of a fleet answers, asked when the status is shown."""

from __future__ import annotations

from meshfleet.identities.portal_access import answers, place_of
from meshfleet.status import Status


def with_readiness(status: Status) -> Status:
    """The status with what the portal answers now; the same without a portal that has an address."""
    portal, place = status.portal, place_of(status.portal)
    if portal is None or place is None:
        return status
    return status.model_copy(update={"portal": portal.model_copy(update={"ready": answers(place)})})
