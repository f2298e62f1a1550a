"""The API portal of the status: where it is, which clusters are behind it, and whether it responds."""

from __future__ import annotations

from meshfleet.status.model import Items, Name, StatusModel


class Portal(StatusModel):
    """The API portal of the fleet."""

    cluster: Name
    """The cluster that it runs beside, the host."""
    url: str | None
    """Its URL; each cluster is below `/clusters/NAME`. Null while it has none."""
    certificate_authority: str | None
    """The certificate in PEM that its own is signed by."""
    state: str | None
    """`running` after an `up` that started it."""
    clusters: Items[Name]
    """The clusters behind it."""
    ready: bool | None = None
    """Whether it responds now; null where it was not asked."""
